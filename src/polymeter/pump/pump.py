"""Pump: decides when exports happen, and keeps exporters out of each other's way."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.pump.delivery import LOG_INTERVAL, Delivery, ExporterHealth
from polymeter.pump.last_call import LastCall
from polymeter.pump.ticker import Ticker
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot

__all__ = ["EXIT_BUDGET", "PATIENCE", "Pump"]

EXIT_BUDGET: Final = 1.0
"""Seconds that the interpreter's exit may wait for the last export."""

PATIENCE: Final = 5.0
"""Seconds that an export waits for those of other threads.

Whoever calls may be a signal handler or a finaliser, and what it has interrupted may hold what the other thread's
export waits for: a log handler's lock, say. Then neither goes on until this is over.
"""

_SHORTEST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.02


class Pump:
    """Takes snapshots and brings them to every exporter: by hand, every so often, and at exit.

    Exports never overlap. An exporter that raises is counted and does not keep the others from their turn.

    There is no lock in here. A signal handler, a finaliser or a forked child may meet anything half done, and a lock
    that is taken with a time limit stays taken if a handler raises just then.
    """

    def __init__(self, read: Callable[[], Snapshot], *, clock: Clock = SYSTEM_CLOCK) -> None:
        """:param read: takes a snapshot."""
        self._read = read
        self._clock = clock
        self._deliveries: list[Delivery] = []
        # The threads that are exporting, and those that have read and have their turns in this order.
        self._exporting: set[int] = set()
        self._turns: dict[int, None] = {}
        self._delivered = 0
        self._gives_way_since: float | None = None
        self._tickers: list[Ticker] = []  # but for moments only the last one is not ending
        self._last_calls: list[LastCall] = []  # one, or as many as threads have asked at the same time
        self._stopped = self._exited = False
        self._logged_at: float | None = None
        self._process = os.getpid()
        after_fork(self)

    def add(self, exporter: CanExportMetrics, reader: CanFollow | None = None) -> Subscription:
        """Deliver to ``exporter`` from now on.

        :param reader: shows it the last value of series that end between two exports.
        """
        delivery = Delivery(exporter, self._clock, reader)
        self._deliveries.append(delivery)
        return Subscription(lambda: self._deliveries.remove(delivery))

    def export(self, patience: float = PATIENCE) -> list[tuple[object, Exception]]:
        """Take one snapshot and deliver it to every exporter; give those that failed with what they raised.

        Does nothing inside of an export of the same thread, as in an exporter that exports.

        :param patience: seconds to wait for exports on other threads to end.
        :raises TimeoutError: if that was not long enough; nothing is lost, the next export has it.
        """
        return self._export(patience)

    def export_quietly(self, patience: float = PATIENCE) -> None:
        """Export where nobody could catch what goes wrong: a snapshot that could not be delivered is logged."""
        try:
            self._export(patience)
        except Exception as error:  # noqa: BLE001 - a registry or exporter of the user's own make may do anything
            self._log(error)

    def _export(self, patience: float, ticker: Ticker | None = None) -> list[tuple[object, Exception]]:
        if os.getpid() != self._process:  # in a child, before our hook: another library's, or a finaliser
            self.after_fork_in_child()
        me = threading.get_ident()
        if me in self._exporting or not self._deliveries:
            return []
        deadline = time.monotonic() + patience
        try:
            self._exporting.add(me)
            while True:
                results = self._deliver(me, deadline, ticker)
                if results is not None:
                    return [(exporter, error) for exporter, error in results if error is not None]
                _check(deadline)
        finally:
            self._exporting.discard(me)  # one call into C, as below: a handler that raises comes before or after it

    def _deliver(self, me: int, deadline: float, ticker: Ticker | None) -> list[tuple[object, Exception | None]] | None:
        """Read, and deliver that; ``None`` if another thread has delivered meanwhile what may be newer.

        Reading comes before the turn: it may have to wait for what another thread was interrupted in, and the handler
        that interrupted it may export too. That one must not have to wait for us.
        """
        delivered = self._delivered
        snapshot = self._read()
        try:
            self._turns[me] = None
            self._wait_for_turn(me, deadline)
            if ticker is not None and self._gives_way(ticker):
                return []
            if self._delivered != delivered:
                return None
            self._delivered = delivered + 1
            return [(delivery.exporter, delivery.deliver(snapshot)) for delivery in list(self._deliveries)]
        finally:
            self._turns.pop(me, None)

    def _wait_for_turn(self, me: int, deadline: float) -> None:
        pause = _SHORTEST_PAUSE
        while next(iter(list(self._turns)), me) != me:
            _check(deadline)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _gives_way(self, ticker: Ticker) -> bool:
        """Tell whether the thread leaves this delivery to somebody else.

        Whoever has told it to end exports then, or has replaced it. And an export by hand that is still reading would
        otherwise be overtaken again and again; it has the right of way as long as it has patience.
        """
        if ticker.is_ending:
            return True
        if len(self._exporting) <= len(self._turns):
            self._gives_way_since = None
            return False
        now = time.monotonic()
        if self._gives_way_since is None:
            self._gives_way_since = now
        return now - self._gives_way_since < PATIENCE

    def every(self, seconds: float, mode: Literal["thread", "task"] = "thread") -> None:
        """Export every ``seconds`` on a daemon thread of the pump's own, and once more at exit.

        Called again, the new interval replaces the old one; of several threads that call it at once, one wins.

        :raises DefinitionError: unless ``seconds`` is positive and finite, for an unknown ``mode``, or when stopped.
        :raises RuntimeError: if no thread can be started; then the old interval stays.
        """
        if not _is_interval(seconds):
            message = f"every({seconds!r}): the interval is a positive number of seconds"
            raise DefinitionError(message)
        if mode != "thread":
            message = f"every(mode={mode!r}): this version knows mode='thread' only"
            raise DefinitionError(message)
        if self._stopped:
            message = f"every({seconds!r}): this pump has been stopped"
            raise DefinitionError(message)
        ticker = Ticker(seconds, self._tick)
        self._tickers.append(ticker)  # before it starts: a thread that is in no list would be ended by nobody
        try:
            ticker.start()
        except BaseException:
            self._end([ticker])
            raise
        self._end(self._tickers[:-1])  # whoever comes later ends this one
        self.at_exit()
        if self._stopped:  # meanwhile
            self.stop()

    def at_exit(self) -> None:
        """Export once more when the interpreter exits, within :data:`EXIT_BUDGET` seconds; not when stopped."""
        if not self._last_calls:
            last_call = LastCall(self._end_soon, self._export_last, EXIT_BUDGET)
            self._last_calls.append(last_call)  # before it can have a thread, which stop() has to find
            last_call.stand_by()
        if self._stopped:
            self._call_off()

    def stop(self) -> None:
        """End the thread and unregister from the interpreter's exit, for good. Exports by hand still work."""
        self._stopped = True  # first: every() and at_exit() on other threads look at it last
        self._end(list(self._tickers))
        self._call_off()

    def health(self) -> list[ExporterHealth]:
        """Give what became of the exports to each exporter."""
        return [delivery.health() for delivery in list(self._deliveries)]

    def _tick(self, ticker: Ticker) -> None:
        try:
            self._export(PATIENCE, ticker)
        except BaseException as error:  # noqa: BLE001 - on our own thread nobody else is meant by any of them
            self._log(error)

    def _end(self, tickers: list[Ticker]) -> None:
        for ticker in tickers:
            ticker.end()
        for ticker in tickers:
            ticker.join(EXIT_BUDGET)
            with suppress(ValueError):  # another thread was faster
                self._tickers.remove(ticker)

    def _call_off(self) -> None:
        for last_call in list(self._last_calls):
            last_call.call_off()

    def _end_soon(self) -> None:
        for ticker in list(self._tickers):
            ticker.end()

    def _export_last(self) -> None:
        if not self._exited and not self._stopped:  # whoever was interrupted in at_exit() may have registered one more
            self._exited = True
            self.export_quietly(EXIT_BUDGET)

    def _log(self, error: BaseException) -> None:
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            with suppress(Exception):
                import logging  # not by `import polymeter`, which has to be cheap

                logging.getLogger("polymeter.pump").warning(
                    "export failed before it reached the exporters: %s (logged at most once per %.0f s)",
                    type(error).__qualname__,
                    LOG_INTERVAL,
                )

    def after_fork_in_child(self) -> None:
        """Forget the thread: it runs in the parent only. Cursors begin again with the registry."""
        process = os.getpid()
        if process == self._process:
            return
        self._process = process
        self._exporting = set()
        self._turns = {}
        self._tickers = []
        for delivery in self._deliveries:
            delivery.start_anew()


def _check(deadline: float) -> None:
    if time.monotonic() >= deadline:
        message = "exports on other threads were still under way"
        raise TimeoutError(message)


def _is_interval(seconds: object) -> bool:
    return isinstance(seconds, int | float) and 0 < seconds < math.inf
