"""One exporter in the pump: its cursor, and what became of its exports."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from polymeter.errors import DeliveryError
from polymeter.pump.awaiting import Awaiting
from polymeter.pump.turns import Turns
from polymeter.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.clock import Clock
    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot
    from polymeter.deadline import Deadline
    from polymeter.pump.health import ExporterHealth

__all__ = ["GRACE", "LOG_INTERVAL", "Ambiguous", "Delivery"]

GRACE: Final = 0.1
"""Seconds that an exporter has after its deadline, to say itself what became of the export."""

CLOSING: Final = 0.2
"""Seconds that an asynchronous exporter may take to close."""

LOG_INTERVAL: Final = 60.0
"""Seconds between two lines in the log that say the same."""

Ambiguous: TypeAlias = Literal["resend", "drop"]
"""What to do with a delta if nobody knows whether it arrived: send it again, or take it as delivered."""


class Delivery:
    """Brings snapshots to one exporter. The pump sees to it that nobody delivers but whose turn it is.

    :ivar turns: whose turn it is.
    :ivar begun: how many exports have begun: what was read before the last of them may be older.
    :ivar is_quick: whether the exporter says that it never has to wait for anybody.
    """

    __slots__ = (
        "_ambiguous",
        "_awaiting",
        "_breaker",
        "_clock",
        "_cursor",
        "_deadline",
        "_last_error",
        "_last_success_at",
        "_logged_at",
        "_logger",
        "_not_before",
        "_reader",
        "_results",
        "_uncounted",
        "begun",
        "exporter",
        "is_quick",
        "turns",
    )

    def __init__(
        self,
        exporter: CanExportMetrics,
        clock: Clock,
        reader: CanFollow | None = None,
        ambiguous: Ambiguous = "resend",
    ) -> None:
        # Not by `import polymeter`, which has to be cheap; nor in _log, where an import could wait for another thread.
        import logging

        self._logger = logging.getLogger("polymeter.pump")
        self.exporter = exporter
        self.is_quick = bool(getattr(exporter, "is_quick", False))
        self._clock = clock
        self._reader = reader
        self._ambiguous = ambiguous
        self._breaker = Quarantine(clock)
        self._logged_at: float | None = None
        self._awaiting = Awaiting()
        self._start()

    def _start(self) -> None:
        self.turns = Turns()
        self.begun = 0
        self._cursor: Snapshot | None = None
        self._results: Counter[tuple[str, str]] = Counter()
        self._uncounted: list[None] = []
        self._deadline: Deadline | None = None
        self._not_before = 0.0
        self._last_success_at: float | None = None
        self._last_error: str | None = None

    def start_anew(self) -> None:
        """Count from zero: what the parent of a fork delivered is the parent's to report."""
        self._awaiting.forget()
        self._start()

    def close(self) -> None:
        """Have the exporter let go of what it keeps open between two exports; it may be given more all the same."""
        close = getattr(self.exporter, "close", None)
        try:
            closing: Any = None if close is None else close()
            if closing is not None and hasattr(closing, "__await__"):
                self._awaiting.run(closing, CLOSING)
        except Exception as error:  # noqa: BLE001 - one exporter must not stop the others
            self._last_error = type(error).__qualname__
        self._awaiting.close()

    async def close_here(self) -> None:
        """Do so on the running event loop."""
        import asyncio

        close = getattr(self.exporter, "close", None)
        try:
            closing: Any = None if close is None else close()
            if closing is not None and hasattr(closing, "__await__"):
                async with asyncio.timeout(CLOSING):
                    await closing
        except Exception as error:  # noqa: BLE001 - as in close()
            self._last_error = type(error).__qualname__

    # -- the circuit breaker

    def may_try(self) -> bool:
        """Tell whether to export now: not for a while after failures in a row, or if the back end asked for that.

        Who is told so has to.
        """
        if self._clock.monotonic() < self._not_before:
            return False
        return not self._breaker.is_on or self._breaker.may_probe()

    # -- delivering

    def deliver(self, snapshot: Snapshot, deadline: Deadline) -> Exception | None:
        """Export ``snapshot``, or what is new in it; give what the exporter raised.

        The cursor moves only when the export returned: what failed is part of the next delivery.
        """
        self._deadline, self._uncounted = deadline, [None]
        try:
            with deadline.active():
                snapshot = self._part_of(snapshot)
                given, is_delta = self._given(snapshot)
                result: Any = self.exporter.export(given)
                if result is not None and hasattr(result, "__await__"):
                    self._awaiting.run(result, deadline.left)
                if is_delta:
                    # Before a signal handler can raise out of a call: it has been delivered.
                    self._cursor = snapshot
        except Exception as error:  # noqa: BLE001 - one exporter must not stop the others
            return self._failed(error, snapshot)
        except BaseException:
            if self._breaker.is_on:  # the next probe may come all the same
                self._breaker.failed_again()
            raise
        self._succeeded()
        return None

    # The event loop's way: see :class:`~polymeter.pump.attempt.Attempt`.

    async def deliver_here(self, snapshot: Snapshot, deadline: Deadline) -> Exception | None:
        """Do the same on the running event loop, which an exporter that is not asynchronous holds up."""
        import asyncio

        self._deadline, self._uncounted = deadline, [None]
        try:
            with deadline.active():
                snapshot = self._part_of(snapshot)
                given, is_delta = self._given(snapshot)
                result: Any = self.exporter.export(given)
                if result is not None and hasattr(result, "__await__"):
                    self._awaiting.is_awaited_here()
                    async with asyncio.timeout(deadline.left):
                        await result
                if is_delta:
                    self._cursor = snapshot
        except Exception as error:  # noqa: BLE001 - one exporter must not stop the others
            return self._failed(error, snapshot)
        except BaseException:
            if self._breaker.is_on:  # the next probe may come all the same
                self._breaker.failed_again()
            raise
        self._succeeded()
        return None

    async def deliver_beside(self, snapshot: Snapshot, deadline: Deadline) -> Exception | None:
        """Do the same on a thread of its own while the event loop goes on; leave it behind when the time is over."""
        import asyncio
        import threading
        from contextvars import copy_context

        loop = asyncio.get_running_loop()
        done: asyncio.Future[Exception | None] = loop.create_future()

        def work() -> None:
            error = self.deliver(snapshot, deadline)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if done.done() else done.set_result(error))

        threading.Thread(target=copy_context().run, args=(work,), name="polymeter-pump-export", daemon=True).start()
        try:
            async with asyncio.timeout(deadline.left + GRACE):
                return await done
        except TimeoutError:
            return self.left_behind()

    @property
    def belongs_on_a_loop(self) -> bool:
        """Whether an event loop can have the export done itself: it is asynchronous, or over at once."""
        import inspect

        return self.is_quick or inspect.iscoroutinefunction(self.exporter.export)

    def give_up(self) -> None:
        """Tell the export under way, if there is one, that its time is over."""
        if self._deadline is not None:
            self._deadline.cancel()

    def look(self) -> None:
        """Take note if the export under way has had its time and has not come back."""
        if self._deadline is not None and self._uncounted and self._deadline.late > GRACE:
            self.left_behind()

    def left_behind(self) -> Exception:
        """Take note that nobody waits any more for the export under way; give that as what it failed with.

        Should it come to a good end after all, the cursor moves.
        """
        error = TimeoutError(f"{type(self.exporter).__qualname__} did not come back in time")
        self._count("failed", error, "timeout")
        return error

    def busy(self) -> Exception:
        """Give what an export failed with that had no turn, because another one is still under way."""
        return TimeoutError(f"an earlier export to {type(self.exporter).__qualname__} is still under way")

    def _part_of(self, snapshot: Snapshot) -> Snapshot:
        """Give what is this process's to deliver.

        Of differences its own, else each process would add all of them. Likewise where each process is told apart.
        """
        is_own = self.exporter.temporality == "delta" or getattr(self.exporter, "delivers", "all") == "own"
        return snapshot.own if is_own else snapshot

    def _given(self, snapshot: Snapshot) -> tuple[Snapshot, bool]:
        is_delta = self.exporter.temporality == "delta"
        if self._reader is not None:
            snapshot = self._reader.over(snapshot)
        return (snapshot.since(self._cursor) if is_delta else snapshot), is_delta

    # -- what became of it

    def _succeeded(self) -> None:
        if self._reader is not None:
            self._reader.commit()
        if self._is_counted_now():
            self._results["ok", "none"] += 1
        if self._breaker.is_on:
            self._breaker.released()
        else:
            self._breaker.succeeded()
        self._not_before = 0.0
        self._last_success_at = self._clock.wall()

    def _failed(self, error: Exception, snapshot: Snapshot) -> Exception:
        is_ambiguous, reason = False, "timeout" if isinstance(error, TimeoutError) else "error"
        if isinstance(error, DeliveryError):
            is_ambiguous, reason = error.is_ambiguous, error.reason
            self._not_before = self._clock.monotonic() + (error.retry_after or 0.0)
        if is_ambiguous and self._ambiguous == "drop":
            if self.exporter.temporality == "delta":
                self._cursor = snapshot
            if self._reader is not None:
                self._reader.commit()
        self._count("ambiguous" if is_ambiguous else "failed", error, reason)
        return error

    def _count(self, result: str, error: Exception, reason: str) -> None:
        if not self._is_counted_now():
            return
        self._results[result, reason] += 1
        self._last_error = type(error).__qualname__
        if self._breaker.is_on:
            self._breaker.failed_again()
        else:
            self._breaker.failed()
        self._log()

    def _is_counted_now(self) -> bool:
        """Tell whether the export has not been counted: who is left behind comes to an end of its own as well."""
        try:
            self._uncounted.pop()
        except IndexError:
            return False
        return True

    def results(self) -> Mapping[tuple[str, str], int]:
        """Give how many exports came to which result (``ok``, ``failed``, ``ambiguous``), for which reason."""
        return dict(self._results)

    def health(self) -> ExporterHealth:
        """Give the counts of now."""
        from polymeter.pump.health import ExporterHealth

        results = self.results()
        totals: Counter[str] = Counter()
        for (result, _), times in results.items():
            totals[result] += times
        return ExporterHealth(
            exporter=type(self.exporter).__qualname__,
            succeeded=totals["ok"],
            failed=totals["failed"],
            ambiguous=totals["ambiguous"],
            reasons={reason: times for (_, reason), times in sorted(results.items()) if reason != "none"},
            is_held_back=self._breaker.is_on or self._clock.monotonic() < self._not_before,
            last_success_at=self._last_success_at,
            last_error=self._last_error,
        )

    def _log(self) -> None:
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            failures = sum(times for (result, _), times in self._results.items() if result != "ok")
            with suppress(Exception):  # a handler or filter of the user's must not keep the others from their turn
                self._logger.warning(
                    "export to %s failed: %s (%d failures so far; logged at most once per %.0f s)",
                    type(self.exporter).__qualname__,
                    self._last_error,
                    failures,
                    LOG_INTERVAL,
                )
