"""The vocabulary of stopwatches."""

from __future__ import annotations

from dataclasses import dataclass

from polymeter.events.event import Event

__all__ = ["StopwatchPeriodEnded"]


@dataclass(slots=True, kw_only=True)
class StopwatchPeriodEnded(Event):
    """A period that a stopwatch measured is over; ``at`` is its end.

    :ivar name: of the stopwatch's event; ``__section__``: the period is that of the section itself.
    :ivar category: of the stopwatch's event.
    :ivar section: id of the section, ``__root__`` outside of all; ``None``: it gets its id when it is stopped.
    :ivar duration_ms: milliseconds from start to end, not rounded.
    :ivar memory: bytes in use at its end; ``None`` if that is not known.
    """

    name: str
    category: str
    section: str | None
    duration_ms: float
    memory: int | None = None
