"""How one dispatcher hears of HTTP requests: which events somebody listens to, and on which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted
from polymeter.sources.emitters import clock_of

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents

__all__ = ["HttpEmitters"]


class HttpEmitters:
    """One dispatcher as requests see it: an emitter per event class, and a clock.

    :param events: the dispatcher.
    :param clock: times its events; left out: the dispatcher's own, else the system's.
    """

    __slots__ = ("clock", "completed", "events", "started")

    def __init__(self, events: CanDispatchEvents, clock: Clock | None = None) -> None:
        self.events = events
        self.clock = clock or clock_of(events)
        self.started = events.emitter(HttpRequestStarted)
        self.completed = events.emitter(HttpRequestCompleted)

    @property
    def listening(self) -> bool:
        """Whether anybody would hear any event of a request."""
        return self.completed.listening or self.started.listening
