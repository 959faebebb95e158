"""Target: who hears of timed code, and on which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.errors import DefinitionError
from polymeter.events.activation import NULL_DISPATCHER, current
from polymeter.events.timing import Counted, TimedCompleted, TimedStarted

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["HERE", "Here", "Target", "target_of"]


class Target:
    """One dispatcher as timed code sees it.

    :param events: the dispatcher.
    :param clock: times its events; ``None``: the dispatcher's own (``events.clock``), else the system's.
    """

    __slots__ = ("completed", "counted", "dispatch", "events", "monotonic", "started", "wall")

    def __init__(self, events: CanDispatchEvents, clock: Clock | None = None) -> None:
        own = getattr(events, "clock", None) if clock is None else clock
        used = own if isinstance(own, Clock) else SYSTEM_CLOCK
        self.events = events
        self.dispatch = events.dispatch
        self.started = events.emitter(TimedStarted)
        self.completed = events.emitter(TimedCompleted)
        self.counted = events.emitter(Counted)
        self.monotonic = used.monotonic
        self.wall = used.wall


class Here:
    """The target of the current context: the last one is kept, for most programs have only one.

    :param clock: times the events of all of them; ``None``: that of each dispatcher.
    :ivar target: the one that was current when somebody asked last.
    """

    __slots__ = ("_clock", "target")

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self.target = Target(NULL_DISPATCHER, clock)

    def find(self) -> Target:
        """Give the target of this context."""
        events = current()
        target = self.target
        return target if target.events is events else self.take(events)

    def take(self, events: CanDispatchEvents) -> Target:
        """Give the target of ``events``, and keep it."""
        target = self.target = Target(events, self._clock)
        return target


HERE: Final = Here()


def target_of(events: object, clock: object, what: str) -> tuple[Target | None, Here]:
    """Give the target of a dispatcher that was given, and where to look for one if none was.

    :param what: what is declared, for the error.
    :raises DefinitionError: for what is no dispatcher, or no clock.
    """
    if clock is not None and not isinstance(clock, Clock):
        message = f"{what}: clock={clock!r} is no polymeter.Clock"
        raise DefinitionError(message)
    if events is None:
        return None, HERE if clock is None else Here(clock)
    from polymeter.contracts import CanDispatchEvents  # a protocol for run time is dear, and rarely needed

    if not isinstance(events, CanDispatchEvents) or isinstance(events, type):
        message = f"{what}: events={events!r} is no dispatcher; give metrics.events, or leave it out"
        raise DefinitionError(message)
    return Target(events, clock), HERE
