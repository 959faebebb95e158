"""Exports: read, and bring it to every exporter, whatever the others do."""

from __future__ import annotations

import time
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final

from polymeter.deadline import DEFAULT_SECONDS, Deadline
from polymeter.pump.attempt import Attempt, Terms
from polymeter.pump.delivery import GRACE, LOG_INTERVAL, Ambiguous, Delivery
from polymeter.pump.lanes import run_in_lanes
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from polymeter.clock import Clock
    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot
    from polymeter.pump.task import TaskTicker
    from polymeter.pump.ticker import Ticker

__all__ = ["PATIENCE", "Exports", "Failures", "is_exporting"]

PATIENCE: Final = 5.0
"""Seconds that an export waits for those of other threads.

Whoever calls may be a signal handler or a finaliser, and what it has interrupted may hold what the other thread's
export waits for: a log handler's lock, say. Then neither goes on until this is over.
"""

Failures = list[tuple[object, Exception]]
"""Exporters that failed, each with what it raised."""

_inside: ContextVar[bool] = ContextVar("polymeter_exporting", default=False)
is_exporting: Final[Callable[[], bool]] = _inside.get
"""Tells whether this is called by an exporter."""


class Exports:
    """What a pump does when it is time.

    There are two ways. By hand, when closing and at exit an export *insists*: it waits for its turn with an exporter,
    tries one that is held back too, and reads again if somebody was faster. Every so often it does not: what is missed
    now is in the next one.

    To one exporter exports never overlap, and an older state never comes after a newer one.

    :ivar deliveries: to whom.
    :ivar timeout: seconds that one delivery may take, retries and their waits included.
    """

    def __init__(self, read: Callable[[], Snapshot], poll: Callable[[], object] | None, clock: Clock) -> None:
        self.deliveries: list[Delivery] = []
        self.timeout = DEFAULT_SECONDS
        self._read = read
        self._poll = poll
        self._clock = clock
        self._gives_way_since: float | None = None
        self._logged_at: float | None = None
        self.start_anew()

    def start_anew(self) -> None:
        """Begin in a forked child: what the parent is doing is the parent's."""
        _inside.set(False)
        self._wanted: set[object] = set()  # exports that insist, and may be reading
        self._tasks: set[asyncio.Task[None]] = set()
        for delivery in self.deliveries:
            delivery.start_anew()

    def add(self, exporter: CanExportMetrics, reader: CanFollow | None, ambiguous: Ambiguous) -> Subscription:
        """Deliver to ``exporter`` from now on."""
        delivery = Delivery(exporter, self._clock, reader, ambiguous)
        self.deliveries.append(delivery)

        def remove() -> None:
            self.deliveries.remove(delivery)
            delivery.close()

        return Subscription(remove)

    # -- insisting

    def by_hand(self, patience: float) -> Failures:
        """Deliver to one after another, here."""
        return self._insist(self._terms(patience, self.timeout), _one_after_another)

    def within(self, seconds: float) -> Failures:
        """Deliver in a limited time, whatever an exporter does: each on a thread that can be left behind."""
        # The exporters' time ends first: so that they can still say what became of it.
        terms = self._terms(seconds, max(seconds - GRACE, seconds / 2))
        return self._insist(terms, partial(_side_by_side, seconds=seconds))

    def quietly_within(self, seconds: float) -> None:
        """Do so where nobody could catch what goes wrong: if nothing can be read that is logged."""
        try:
            self.within(seconds)
        except Exception as error:  # noqa: BLE001 - a registry of the user's own make may do anything
            self._log(error)

    def _insist(self, terms: Terms, run: Callable[[Sequence[Attempt], Snapshot], object]) -> Failures:
        me = object()
        if _inside.get() or not self.deliveries:
            return []
        try:
            _inside.set(True)
            self._wanted.add(me)
            failures: Failures = []
            left = list(self.deliveries)
            while left:
                attempts = [Attempt(delivery, terms) for delivery in left]
                run(attempts, self._snapshot())
                left = _settled(attempts, failures, terms)
            return failures
        finally:
            # One call into C each: a handler that raises comes before or after it.
            try:
                self._wanted.discard(me)
            finally:
                _inside.set(False)

    async def here(self, patience: float, seconds: float | None = None) -> Failures:
        """Deliver on the running event loop: asynchronous exporters there, the others on threads beside it.

        :param seconds: that each delivery may take; default: the timeout.
        """
        me = object()
        if _inside.get() or not self.deliveries:
            return []
        terms = self._terms(patience, self.timeout if seconds is None else seconds)
        try:
            _inside.set(True)
            self._wanted.add(me)
            failures: Failures = []
            left = list(self.deliveries)
            while left:
                attempts = [Attempt(delivery, terms) for delivery in left]
                await _on_the_loop(attempts, await self._snapshot_here())
                left = _settled(attempts, failures, terms)
            return failures
        finally:
            self._wanted.discard(me)
            _inside.set(False)

    async def quietly_here(self, seconds: float) -> None:
        """Do so within ``seconds`` where nobody could catch what goes wrong."""
        try:
            await self.here(seconds, seconds)
        except Exception as error:  # noqa: BLE001 - as in quietly_within()
            self._log(error)

    def _terms(self, patience: float, seconds: float) -> Terms:
        until = time.monotonic() + patience
        return Terms(insists=True, until=until, deadline=lambda: Deadline(seconds, self._clock))

    # -- every so often

    def tick(self, ticker: Ticker) -> None:
        """Deliver to everybody who is ready, each on a thread that can be left behind. Never raises."""
        try:
            _inside.set(True)
            attempts = self._of_one_tick()
            snapshot = self._snapshot()
            if not (ticker.is_ending or self._gives_way()):
                _side_by_side(attempts, snapshot, seconds=self.timeout, waits=False)
        except BaseException as error:  # noqa: BLE001 - on our own thread nobody else is meant by any of them
            self._log(error)
        finally:
            _inside.set(False)

    async def tick_here(self, ticker: TaskTicker) -> None:
        """Do the same on the running event loop; who takes long goes on by itself."""
        import asyncio

        try:
            _inside.set(True)
            attempts = self._of_one_tick()
            snapshot = await self._snapshot_here()
            if not (ticker.is_ending or self._gives_way()):
                for attempt in attempts:
                    task = asyncio.create_task(attempt.run_here(snapshot))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        except Exception as error:  # noqa: BLE001 - as in quietly_within()
            self._log(error)
        finally:
            _inside.set(False)

    def _of_one_tick(self) -> list[Attempt]:
        terms = Terms(insists=False, until=0.0, deadline=lambda: Deadline(self.timeout, self._clock))
        deliveries = list(self.deliveries)
        for delivery in deliveries:
            delivery.look()
        return [Attempt(delivery, terms) for delivery in deliveries]

    def _gives_way(self) -> bool:
        """Tell whether to leave this round to somebody who insists and is still reading.

        Who does so would otherwise be overtaken again and again; it has the right of way as long as it has patience.
        """
        if not self._wanted:
            self._gives_way_since = None
            return False
        now = time.monotonic()
        if self._gives_way_since is None:
            self._gives_way_since = now
        return now - self._gives_way_since < PATIENCE

    # -- both

    def _snapshot(self) -> Snapshot:
        if self._poll is not None:
            self._poll()
        return self._read()

    async def _snapshot_here(self) -> Snapshot:
        if self._poll is not None:
            import asyncio

            await asyncio.to_thread(self._poll)
        return self._read()

    def give_up(self) -> None:
        """Tell whoever is delivering that its time is over."""
        for delivery in list(self.deliveries):
            delivery.give_up()

    async def tasks_ended(self, seconds: float) -> None:
        """Cancel the deliveries that go on by themselves on the event loop, and wait for them."""
        import asyncio

        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def close(self) -> None:
        """Let go of what is kept open between two exports."""
        for delivery in list(self.deliveries):
            delivery.close()

    async def close_here(self) -> None:
        """Do so on the running event loop."""
        for delivery in list(self.deliveries):
            await delivery.close_here()

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


def _one_after_another(attempts: Sequence[Attempt], snapshot: Snapshot) -> None:
    for attempt in attempts:
        attempt.run(snapshot)


def _side_by_side(attempts: Sequence[Attempt], snapshot: Snapshot, *, seconds: float, waits: bool = True) -> None:
    for attempt in attempts:
        if attempt.delivery.is_quick:
            attempt.run(snapshot)
    others = [attempt for attempt in attempts if not attempt.delivery.is_quick]
    if others and not run_in_lanes([partial(each.run, snapshot) for each in others], seconds, waits=waits) and waits:
        for attempt in others:
            attempt.leave_behind()


async def _on_the_loop(attempts: Sequence[Attempt], snapshot: Snapshot) -> None:
    import asyncio

    await asyncio.gather(*(attempt.run_here(snapshot) for attempt in attempts))


def _settled(attempts: Sequence[Attempt], failures: Failures, terms: Terms) -> list[Delivery]:
    """Take down who failed; give those who have to be read for once more."""
    failures += [(each.delivery.exporter, each.error) for each in attempts if each.error is not None]
    overtaken = [each.delivery for each in attempts if each.was_overtaken]
    if overtaken and time.monotonic() >= terms.until:
        failures += [(delivery.exporter, delivery.busy()) for delivery in overtaken]
        return []
    return overtaken
