"""Polling: asks the polled sources before each snapshot, and waits for none of them for long."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final

from polymeter.pump.lanes import run_in_lanes
from polymeter.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents, CanPoll

__all__ = ["POLL_BUDGET", "Polling"]

POLL_BUDGET: Final = 1.0
"""Seconds that a snapshot waits for all polled sources together."""

_inside: ContextVar[bool] = ContextVar("polymeter_polling", default=False)


class Polling:
    """The polled sources of one facade. Each is asked on a thread that a snapshot can leave behind."""

    def __init__(self, events: CanDispatchEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._polled: list[_Polled] = []

    def add(self, source: CanPoll) -> object:
        """Ask ``source`` too from now on; gives what :meth:`remove` takes."""
        polled = _Polled(source, self._clock)
        self._polled.append(polled)
        return polled

    def remove(self, polled: object) -> None:
        """Ask it no more."""
        self._polled = [each for each in self._polled if each is not polled]

    def __bool__(self) -> bool:
        return bool(self._polled)

    def poll(self, seconds: float = POLL_BUDGET) -> None:
        """Ask every source; none inside of a source that reads in its turn."""
        if not self._polled or _inside.get():
            return
        sources = list(self._polled)
        try:
            _inside.set(True)
            all_done = run_in_lanes([partial(each.poll, self._events) for each in sources], seconds)
        finally:
            _inside.set(False)
        if not all_done:
            for each in sources:
                each.left_behind()

    def failures(self) -> Mapping[tuple[str, str], int]:
        """Give how often a source failed, by its class and the reason: ``error`` or ``timeout``."""
        failures: Counter[tuple[str, str]] = Counter()
        for each in list(self._polled):
            failures.update(each.failures)
        return failures

    def start_anew(self) -> None:
        """Forget what the parent of a fork was doing."""
        for each in self._polled:
            each.start_anew()


class _Polled:
    """One source."""

    def __init__(self, source: CanPoll, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self.start_anew()

    def start_anew(self) -> None:
        self.failures: Counter[tuple[str, str]] = Counter()
        self._breaker = Quarantine(self._clock)
        self._free: list[None] = [None]  # who takes it out is the one who asks: one call into C
        self._uncounted: list[None] = []  # likewise: who takes it out says what became of it

    def poll(self, events: CanDispatchEvents) -> None:
        try:
            self._free.pop()
        except IndexError:  # asked on another thread just now, or still
            return
        try:
            if not self._breaker.is_on or self._breaker.may_probe():
                self._uncounted = [None]
                self._source.poll(events)
                self._succeeded()
        except Exception:  # noqa: BLE001 - a source must not keep the rest from being read
            self._failed("error")
        finally:
            self._free.append(None)

    def left_behind(self) -> None:
        """Take note if it is still being asked: nobody waits any more."""
        if not self._free:
            self._failed("timeout")

    def _succeeded(self) -> None:
        if not _popped(self._uncounted):
            return
        if self._breaker.is_on:
            self._breaker.released()
        else:
            self._breaker.succeeded()

    def _failed(self, reason: str) -> None:
        if not _popped(self._uncounted):
            return
        self.failures[type(self._source).__qualname__, reason] += 1
        if self._breaker.is_on:
            self._breaker.failed_again()
        else:
            self._breaker.failed()


def _popped(kept: list[None]) -> bool:
    try:
        kept.pop()
    except IndexError:
        return False
    return True
