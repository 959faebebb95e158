"""Telling: a dispatcher hears of each period that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

from polymeter.events.activation import NULL_DISPATCHER, current
from polymeter.events.stopwatch import StopwatchPeriodEnded

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents, CanEmit

__all__ = ["Telling"]


class _Heard(NamedTuple):
    events: CanDispatchEvents
    ended: CanEmit[StopwatchPeriodEnded]


@final
class Telling:
    """Says that a period ended, if anybody listens.

    :param events: who is told; ``None``: the dispatcher that is current when it ends.
    :param clock: says when that is.
    """

    __slots__ = ("_fixed", "_last", "_wall")

    def __init__(self, events: CanDispatchEvents | None, clock: Clock) -> None:
        self._fixed = events
        self._wall = clock.wall
        self._last = _heard(events or NULL_DISPATCHER)

    def ended(self, name: str, category: str, section: str | None, duration_ms: float, memory: int | None) -> None:
        """Tell of a period that ends now."""
        heard = self._last
        if self._fixed is None:
            events = current()
            if heard.events is not events:
                heard = self._last = _heard(events)
        if heard.ended.listening:
            heard.events.dispatch(
                StopwatchPeriodEnded(
                    at=self._wall(),
                    name=name,
                    category=category,
                    section=section,
                    duration_ms=duration_ms,
                    memory=memory,
                )
            )


def _heard(events: CanDispatchEvents) -> _Heard:
    return _Heard(events, events.emitter(StopwatchPeriodEnded))
