"""Pump: decides when exports happen."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.deadline import DEFAULT_SECONDS
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.last_call import LastCall
from polymeter.pump.exports import PATIENCE, Exports, Failures, is_exporting
from polymeter.pump.lanes import run_in_lanes
from polymeter.pump.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot
    from polymeter.pump.delivery import Ambiguous, Delivery
    from polymeter.pump.health import ExporterHealth
    from polymeter.pump.on_signal import OnSignal
    from polymeter.pump.task import TaskTicker
    from polymeter.subscription import Subscription

__all__ = ["EXIT_BUDGET", "Pump"]

EXIT_BUDGET: Final = 1.0
"""Seconds that the end of the process, or of a facade, may wait for the last export."""

_NEVER: Final = 1e9


class Pump:
    """Has everything exported by hand, every so often, after events, on signals, and at the end.

    There is no lock in here. A signal handler, a finaliser or a forked child may meet anything half done, and a lock
    that is taken with a time limit stays taken if a handler raises just then.
    """

    def __init__(
        self,
        read: Callable[[], Snapshot],
        *,
        clock: Clock = SYSTEM_CLOCK,
        poll: Callable[[], object] | None = None,
        on_next_record: Callable[[Callable[[], object]], object] | None = None,
    ) -> None:
        """Make a pump that does nothing by itself.

        :param read: takes a snapshot.
        :param poll: called before each; it may take a while, so an event loop does not wait for it.
        :param on_next_record: has something called when the next measurement is recorded, in whatever thread.
        """
        self._exports = Exports(read, poll, clock)
        self._on_next_record = on_next_record
        self._interval = _NEVER
        self._tickers: list[Ticker | TaskTicker] = []  # but for moments only the last one is not ending
        self._to_start: list[None] = [None]  # who takes it out starts the thread
        self._last_calls: list[LastCall] = []  # one, or as many as threads have asked at the same time
        self._on_signals: list[OnSignal] = []
        self._stopped = self._exited = False
        self._process = os.getpid()
        after_fork(self)

    def add(
        self, exporter: CanExportMetrics, reader: CanFollow | None = None, ambiguous: Ambiguous = "resend"
    ) -> Subscription:
        """Deliver to ``exporter`` from now on.

        :param reader: shows it the last value of series that end between two exports.
        :param ambiguous: what to do with a delta if nobody knows whether it arrived.
        """
        return self._exports.add(exporter, reader, ambiguous)

    def deliveries(self) -> list[Delivery]:
        """Give what is delivered to."""
        return list(self._exports.deliveries)

    def health(self) -> list[ExporterHealth]:
        """Give what became of the exports to each exporter."""
        return [delivery.health() for delivery in self.deliveries()]

    # -- by hand

    def export(self, patience: float = PATIENCE) -> Failures:
        """Take one snapshot and deliver it to every exporter, here and now; give those that failed, with the error.

        Does nothing inside of an export, as in an exporter that exports.

        :param patience: seconds to wait for exports on other threads to end; those who have no turn by then have failed
            with a ``TimeoutError``. Nothing is lost, the next export has it.
        """
        self._look_for_fork()
        return self._exports.by_hand(patience)

    async def export_here(self) -> Failures:
        """Do so on the running event loop, which goes on meanwhile."""
        self._look_for_fork()
        return await self._exports.here(PATIENCE)

    # -- every so often, and soon

    def every(self, seconds: float, mode: Literal["thread", "task"] = "thread", timeout: float | None = None) -> None:
        """Export every ``seconds``, and once more at exit.

        Called again, the new interval replaces the old one; of several threads that call it at once, one wins.

        :param mode: on a daemon thread of the pump's own, or as a task of the running event loop.
        :param timeout: seconds that one delivery may take, retries and their waits included; default: 10.
        :raises DefinitionError: unless the times are positive and finite, for an unknown ``mode``, for a task without a
            running event loop, or when stopped.
        :raises RuntimeError: if no thread can be started; then the old interval stays.
        """
        for what, given in (("interval", seconds), ("timeout", DEFAULT_SECONDS if timeout is None else timeout)):
            if not _is_interval(given):
                message = f"every({given!r}): the {what} is a positive number of seconds"
                raise DefinitionError(message)
        if mode not in {"thread", "task"}:
            message = f"every(mode={mode!r}): there are mode='thread' and mode='task'"
            raise DefinitionError(message)
        self._check(f"every({seconds!r})")
        ticker = _task_ticker(seconds, self._exports.tick_here) if mode == "task" else Ticker(seconds, self._tick)
        self._start(ticker)
        self._exports.timeout = DEFAULT_SECONDS if timeout is None else timeout
        self._interval = seconds if mode == "thread" else _NEVER  # for forked children, which have no event loop
        self.at_exit()
        if self._stopped:  # meanwhile
            self.stop()

    def _tick(self, ticker: Ticker) -> None:
        self._look_for_fork()
        self._exports.tick(ticker)

    def _start(self, ticker: Ticker | TaskTicker) -> None:
        self._tickers.append(ticker)  # before it starts: a thread that is in no list would be ended by nobody
        try:
            ticker.start()
        except BaseException:
            self._end([ticker])
            raise
        self._end(self._tickers[:-1])  # whoever comes later ends this one
        if ticker.is_ending:  # and has done so before it had begun
            ticker.join(EXIT_BUDGET)

    def soon(self) -> None:
        """Have an export done now, on the pump's own thread or task; without either, a thread is started.

        Can be called where measurements are made: it takes no lock and waits for nobody.
        """
        tickers = self._tickers
        if tickers:
            tickers[-1].wake()
        else:
            self._start_soon(wake=True)

    def _start_soon(self, *, wake: bool) -> None:
        from _thread import start_new_thread  # a Thread's start() takes locks, and waits

        try:
            self._to_start.pop()
            start_new_thread(self._start_now, (wake,))
        except (IndexError, RuntimeError):  # somebody else does it, or no thread can be had
            return

    def _start_now(self, wake: bool) -> None:  # noqa: FBT001 - start_new_thread passes it by place
        with suppress(Exception):
            if not self._stopped and not self._tickers:
                ticker = Ticker(self._interval, self._tick)
                if wake:
                    ticker.wake()
                self._start(ticker)
                if self._stopped:  # meanwhile
                    self.stop()
        self._to_start.append(None)

    # -- at exit, and on signals

    def at_exit(self) -> None:
        """Export once more when the process exits, within :data:`EXIT_BUDGET` seconds; not when stopped."""
        if not self._last_calls:
            last_call = LastCall(self._end_soon, self._export_last, EXIT_BUDGET)
            self._last_calls.append(last_call)  # before it can have a thread, which stop() has to find
            last_call.stand_by()
        if self._stopped:
            self._call_off()

    def on_signal(self, signals: Sequence[int]) -> None:
        """Export once more when one of ``signals`` arrives, before it does what it would have done.

        :raises DefinitionError: for a signal that cannot be handled, off the main thread, or when stopped.
        """
        from polymeter.pump.on_signal import OnSignal  # rarely wanted

        self._check("on_signal()")
        self._on_signals.append(OnSignal(signals, self._export_on_a_thread))

    def _export_on_a_thread(self) -> None:
        # Not in the handler itself: what it has interrupted may hold what an exporter waits for.
        run_in_lanes([lambda: self._exports.quietly_within(EXIT_BUDGET)], EXIT_BUDGET)

    def _export_last(self) -> None:
        if not self._exited and not self._stopped:  # whoever was interrupted in at_exit() may have registered one more
            self._exited = True
            self._look_for_fork()
            self._exports.quietly_within(EXIT_BUDGET)

    # -- ending

    def stop(self, seconds: float = EXIT_BUDGET) -> None:
        """End the thread and unregister from exit and signals, for good. Exports by hand still work."""
        self._stopped = True  # first: every() and at_exit() on other threads look at it last
        self._end(list(self._tickers), seconds)
        self._exports.give_up()
        self._call_off()

    def close(self, seconds: float = EXIT_BUDGET) -> None:
        """Stop, and export once more, all within ``seconds``."""
        until = time.monotonic() + seconds
        self.stop(seconds)
        self._look_for_fork()
        self._exports.quietly_within(max(0.0, until - time.monotonic()))
        self._exports.close()

    async def close_here(self, seconds: float = EXIT_BUDGET) -> None:
        """Do the same on the running event loop, which goes on meanwhile."""
        until = time.monotonic() + seconds
        tickers = list(self._tickers)
        self.stop(0.0)
        for ticker in tickers:
            if not isinstance(ticker, Ticker):
                await ticker.ended()
        await self._exports.tasks_ended(seconds)
        await self._exports.quietly_here(max(0.0, until - time.monotonic()))
        await self._exports.close_here()

    def _end(self, tickers: list[Any], seconds: float = EXIT_BUDGET) -> None:
        for ticker in tickers:
            ticker.end()
        for ticker in tickers:
            if not is_exporting():  # else the thread may be waiting for the exporter that closes us
                ticker.join(seconds)
            with suppress(ValueError):  # another thread was faster
                self._tickers.remove(ticker)

    def _end_soon(self) -> None:
        for ticker in list(self._tickers):
            ticker.end()

    def _call_off(self) -> None:
        for last_call in list(self._last_calls):
            last_call.call_off()
        for on_signal in list(self._on_signals):
            on_signal.undo()

    def _check(self, what: str) -> None:
        if self._stopped:
            message = f"{what}: this pump has been stopped"
            raise DefinitionError(message)

    # -- forking

    def _look_for_fork(self) -> None:
        if os.getpid() != self._process:  # in a child, before our hook: another library's, or a finaliser
            self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Forget the thread: it runs in the parent only. The first record starts another one.

        Cursors begin again with the registry.
        """
        process = os.getpid()
        if process == self._process:
            return
        self._process = process
        self._exited = False
        self._to_start = [None]
        had_thread, self._tickers = any(isinstance(each, Ticker) for each in self._tickers), []
        self._exports.start_anew()
        for last_call in self._last_calls:
            last_call.tell_multiprocessing()
        if had_thread and self._on_next_record is not None:
            self._on_next_record(self._go_on)

    def _go_on(self) -> None:
        self._start_soon(wake=False)


def _task_ticker(seconds: float, work: Any) -> TaskTicker:
    from polymeter.pump.task import TaskTicker

    try:
        return TaskTicker(seconds, work)
    except RuntimeError:
        message = "every(mode='task') runs on an event loop: call it in a coroutine, or use mode='thread'"
        raise DefinitionError(message) from None


def _is_interval(seconds: object) -> bool:
    return isinstance(seconds, int | float) and 0 < seconds < math.inf
