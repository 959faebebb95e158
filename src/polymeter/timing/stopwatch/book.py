"""Book: the periods of all events of a stopwatch, bounded together."""

from __future__ import annotations

from _thread import RLock
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, final

from polymeter.forking import after_fork

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.period import StopwatchPeriod

__all__ = ["Book", "Page", "Totals"]

_PATIENCE: Final = 0.1


class Totals(NamedTuple):
    """What is known of all periods of an event, those that are no longer kept included."""

    periods: int = 0
    duration: float = 0
    memory: int | None = None
    first: StopwatchPeriod | None = None
    last: StopwatchPeriod | None = None
    dropped: int = 0
    ended: int = 0
    """How many ended, those that were forgotten by ``clear`` included."""


@final
class Page:
    """The periods of one event. Only the book changes it.

    :ivar cleared: how often its periods were forgotten.
    """

    __slots__ = ("cleared", "periods", "totals")

    def __init__(self) -> None:
        self.cleared = 0
        self.periods: deque[StopwatchPeriod] = deque()
        self.totals = Totals()


@final
class Book:
    """Takes periods from any thread, signal handler or finaliser, and nobody waits for that.

    A period is appended to what is pending, by one call into C. Then whoever gets the lock enters what is pending; who
    does not get it leaves that to who has it. The same thread always gets it: it may have been interrupted.

    :param most: periods that are kept, of all events together; then the oldest fall out.
    """

    __slots__ = ("__weakref__", "_in_order", "_is_busy", "_lock", "_most", "_pending", "_stale")

    def __init__(self, most: int) -> None:
        self._most = most
        self._pending: deque[tuple[Page, StopwatchPeriod | None]] = deque()
        self._in_order: deque[tuple[Page, int]] = deque()  # with how often the page had been cleared
        self._stale = 0  # entries of periods that were forgotten
        self._is_busy = False
        self._lock = RLock()
        after_fork(self)

    def add(self, page: Page, period: StopwatchPeriod) -> None:
        """Keep a period."""
        self._pending.append((page, period))
        self._settle()

    def clear(self, page: Page) -> None:
        """Forget the periods of an event."""
        self._pending.append((page, None))
        self._settle()

    def totals(self, page: Page) -> Totals:
        """Give what is known of an event.

        From inside of an entry, in a finaliser or signal handler of the same thread: as it was last.
        """
        self._settle(timeout=_PATIENCE)
        return page.totals

    def periods(self, page: Page) -> tuple[StopwatchPeriod, ...]:
        """Give the periods of an event that are kept, the oldest first; from inside of an entry as they were last."""
        self._settle(timeout=_PATIENCE)
        while True:
            try:
                return tuple(page.periods)
            except RuntimeError:  # somebody entered one meanwhile
                continue

    def after_fork_in_child(self) -> None:
        """Take a lock that nobody holds."""
        self._lock = RLock()
        self._is_busy = False

    def _settle(self, timeout: float = 0) -> None:
        """Enter what is pending; who has the lock for longer than ``timeout`` seconds does it instead.

        Somebody may be about to enter what was pending, so being busy is a reason to wait too.
        """
        lock = self._lock
        while (self._pending or self._is_busy) and lock.acquire(timeout=timeout):
            try:
                if not self._enter_all():
                    return
            finally:
                lock.release()

    def _enter_all(self) -> bool:
        """Enter what is pending; tell whether that was possible.

        Not from a finaliser or a signal handler inside of an entry of the same thread, which will come to it.
        """
        if self._is_busy:
            return False
        self._is_busy = True
        try:
            self._enter()
        finally:
            self._is_busy = False
        return True

    def _enter(self) -> None:
        while self._pending:
            page, period = self._pending.popleft()
            if period is None:
                self._clear(page)
                continue
            page.totals = _with(page.totals, period)
            page.periods.append(period)
            self._in_order.append((page, page.cleared))
            while len(self._in_order) - self._stale > self._most:
                self._drop_oldest()

    def _clear(self, page: Page) -> None:
        self._stale += len(page.periods)
        page.periods.clear()
        page.cleared += 1
        page.totals = Totals(ended=page.totals.ended)
        if self._stale > self._most:
            self._in_order = deque([entry for entry in self._in_order if entry[0].cleared == entry[1]])
            self._stale = 0

    def _drop_oldest(self) -> None:
        page, cleared = self._in_order.popleft()
        if page.cleared != cleared:
            self._stale -= 1
            return
        page.periods.popleft()
        page.totals = page.totals._replace(dropped=page.totals.dropped + 1)


def _with(totals: Totals, period: StopwatchPeriod) -> Totals:
    memory = totals.memory if period.memory is None else max(period.memory, totals.memory or 0)
    return Totals(
        totals.periods + 1,
        totals.duration + period.duration,
        memory,
        totals.first or period,
        period,
        totals.dropped,
        totals.ended + 1,
    )
