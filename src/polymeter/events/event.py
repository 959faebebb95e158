"""Event: the base of every typed fact that Polymeter ships."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Event", "StoppableEvent", "current_unit_of_work"]

_unit_of_work: Final[ContextVar[str | None]] = ContextVar("polymeter_unit_of_work", default=None)

current_unit_of_work: Final = _unit_of_work.get
"""Give the id of the unit of work (request, job, run) of this context, or ``None``."""


@dataclass(slots=True, kw_only=True)
class Event:
    """A fact that already happened. Deriving from it is a habit, not a must: any class can be an event.

    Immutable by contract: whoever gets one does not change it. (``frozen=True`` would triple the cost of making one.)

    :ivar at: Unix seconds at which it happened; ``None``: when it is recorded.
    :ivar unit_of_work: id that groups the events of one request, job or run.
    """

    at: float | None = None
    unit_of_work: str | None = field(default_factory=current_unit_of_work)


@dataclass(slots=True, kw_only=True)
class StoppableEvent(Event):
    """An event that a listener may keep from the listeners after it (PSR-14's ``StoppableEventInterface``)."""

    is_propagation_stopped: bool = False

    def stop_propagation(self) -> None:
        """Keep the event from all listeners that have not heard it yet."""
        self.is_propagation_stopped = True
