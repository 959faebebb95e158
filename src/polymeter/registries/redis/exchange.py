"""Exchange: between one process and one Redis. What came here is told there; what came to all is read from there."""

from __future__ import annotations

import math
import os
import time
from collections import Counter as Counts
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from polymeter.last_call import LastCall
from polymeter.registries.redis.assembling import Shown, assembled, never_less
from polymeter.registries.redis.courier import LONGEST_PAUSE, Courier, Ticket
from polymeter.registries.redis.delivery import REMEMBERED, Delivery
from polymeter.registries.redis.link import LinkError
from polymeter.registries.redis.own import Untold
from polymeter.registries.redis.view import Reading, View, ends_of
from polymeter.registries.turn import here

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.registries.redis.keys import Keys
    from polymeter.registries.redis.link import Link
    from polymeter.registries.redis.own import Recording

__all__ = ["Exchange"]

_EXIT_SECONDS: Final = 1.0

_LOG_SECONDS: Final = 60.0


class Exchange:
    """Tells and reads, on one thread of its own that is started when it is first needed.

    :ivar delivery: how what Redis has not been told gets there.
    :ivar untold: what that is.
    :ivar patience: seconds that a read waits for Redis at most.
    :ivar unread: reason -> reads that were answered without Redis.
    :ivar is_away: whether Redis could not be reached, or read, at the last attempt.
    :ivar began: Unix seconds since which that is counted.
    """

    def __init__(
        self,
        app: str,
        own: Recording,
        link: Link,
        keys: Keys,
        *,
        interval: float,
        patience: float,
        expire_after: float | None,
        ended: Callable[[Metric], object],
        forgotten: Callable[[], object],
    ) -> None:
        """Make one that does nothing yet.

        :param patience: seconds that a read waits for Redis at most.
        :param ended: is told the last value of a series that has ended for all.
        :param forgotten: is told when everything has been forgotten.
        """
        self._app = app
        self._is_closed = False
        self._own = own
        self._link = link
        self._keys = keys
        self._interval = interval
        self.patience = patience
        self._expire_after = expire_after
        self._ended = ended
        self._forgotten = forgotten
        own.untold = self.untold = Untold(own)
        self.delivery = Delivery(self, own, self.untold, link, keys)
        self._last_call: LastCall | None = None
        self._begin()
        self._stand_by()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._courier = Courier(self._interval, self._sync)
        self._reading = Reading()
        self._view: View | None = None
        self._before: View | None = None  # what there was before Redis lost it
        self._settled_at = -math.inf
        self._shown = Shown()
        self._logged_at = -math.inf
        self.unread: Counts[str] = Counts()
        self.began = self._own.now()
        self.is_away = False

    # -- asking the courier

    def start(self) -> None:
        """Start the thread, unless it runs. Takes no lock that a record could be made under."""
        if self._process != os.getpid():  # no thread begins in a fork hook; ours will have this called by a record
            return
        if self._is_closed:
            self._stand_by()
        if self._courier.is_ending:
            self._courier = Courier(self._interval, self._sync)
        self._courier.start()

    def _stand_by(self) -> None:
        """Be told of the end of the process."""
        self._is_closed = False
        self._last_call = LastCall(lambda: None, self.leave, _EXIT_SECONDS)
        self._last_call.stand_by()

    def _ask(self, ticket: Ticket) -> Courier | None:
        """Have the courier do something; ``None`` if nobody can wait for that: he himself, or a drain."""
        courier = self._running()
        if courier.is_this_thread or here.claim is not None:
            return None
        courier.ask(ticket)
        return courier if courier.is_running else None

    def _running(self) -> Courier:
        if self._process != os.getpid():
            self.begin_in_child()
        if not self._courier.is_running:
            self.start()
        return self._courier

    def flush(self, seconds: float) -> bool:
        """Tell everything; tell whether that was done within so many seconds."""
        ticket = Ticket(wants_view=False)
        courier = self._ask(ticket)
        return courier is not None and ticket.wait(seconds) and not courier.is_failing

    async def aflush(self, seconds: float, *, wants_view: bool = False) -> bool:
        """Do so without holding the event loop up."""
        import asyncio

        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def finish() -> None:
            if not done.done():
                done.set_result(None)

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(finish)

        ticket = Ticket(wants_view=wants_view, then=tell)
        courier = self._ask(ticket)
        if courier is None:
            return False
        try:
            await asyncio.wait_for(done, seconds)
        except TimeoutError:
            ticket.is_late = True
            return False
        return not courier.is_failing

    # -- on the courier's thread

    def _sync(self, wants_view: bool) -> bool:  # noqa: FBT001 - a callback
        """Tell everything and, if wanted, read; tell whether Redis did what it was asked to."""
        try:
            return self._tell_and_read(wants_view=wants_view)
        except BaseException as error:  # noqa: BLE001 - the courier must go on; what was not told is told the next time
            self.unread["error"] += 1
            self._log(type(error).__qualname__)
            return False

    def _tell_and_read(self, *, wants_view: bool) -> bool:
        is_done = can_read = True
        try:
            is_done = self.delivery.tell()
        except LinkError as error:
            is_done, can_read = False, error.is_answer
            self._log(error.reason)
        self.is_away = not can_read
        batch = self.delivery.batch
        if wants_view and can_read and not (batch is not None and batch.is_doubtful):
            try:
                self._read()
                if self._end_idle() and self.delivery.tell():
                    self._read()
            except LinkError as error:
                is_done, self.is_away = False, True
                self.unread[error.reason] += 1
                self._log(error.reason)
        return is_done

    def _read(self) -> None:
        before, delivery = self._view, self.delivery
        answer, view = self._ask_for_view(-1 if before is None else before.ends)
        if delivery.life and (view.life, view.epoch) != (delivery.life, delivery.epoch):
            delivery.tell()  # somebody has cleared just now, or Redis has been emptied: now we hear of it
            before = self._view
            answer, view = self._ask_for_view(-1 if before is None else before.ends)
            if (view.life, view.epoch) != (delivery.life, delivery.epoch):
                return
        if self._reading.damaged:
            self.unread["damaged"] += self._reading.damaged

        def take() -> None:
            self._view = view
            self.delivery.seen()

        if self._own.in_turn(take) and before is not None and before.life == view.life:
            for last in ends_of(answer[1], before.ends):
                self._ended(last)

    def _ask_for_view(self, ends: int) -> tuple[list[Any], View]:
        keys = self._keys
        answer = self._link.run("read", [keys.state, keys.writers, keys.ends], keys.live, str(REMEMBERED), str(ends))
        return answer, self._reading.view_of(answer)

    def _end_idle(self) -> bool:
        """Order the end of the series that nobody has recorded on for too long; tell whether there are any."""
        view, now = self._view, self._own.now()
        if view is None:
            return False
        definitions = self._definitions(view)
        idle: list[list[str]] = []
        for identity, metric in view.added.items():
            definition = definitions.get(metric.name)
            after = None if definition is None else definition.expire_after
            after = self._expire_after if after is None else after
            if after is not None and now - metric.timestamp >= after:
                idle.append([f"s{identity}", repr(float(metric.timestamp))])
        if idle:
            self.delivery.order(["expire", idle])
        return bool(idle)

    def _log(self, reason: str) -> None:
        """Say that something failed, at most once a minute; never what the library or Redis said."""
        import logging

        now = time.monotonic()
        if now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            with suppress(Exception):  # a handler or filter of the user's
                logging.getLogger("polymeter.registries").warning(
                    "the metrics of %r could not be exchanged with the Redis at %s (%s); what was recorded waits, it "
                    "is tried again, and logged at most once per %.0f s",
                    self._app,
                    self._link.where,
                    reason,
                    _LOG_SECONDS,
                )

    def cleared(self) -> None:
        """Forget everything: another process has cleared."""
        self._own.clear()
        self.forget_view()

    def emptied(self) -> None:
        """Go on showing what there was, until the other processes have told again what they know."""
        self._before, self._view = self._view or self._before, None
        self._settled_at = time.monotonic() + min(self._interval, LONGEST_PAUSE) + LONGEST_PAUSE

    # -- reading

    def look(self) -> Shown:
        """Give what all processes have counted, everything included that this thread has recorded."""
        courier = self._running()
        if self.is_away or courier.is_behind:
            self.unread["away"] += 1
        else:
            ticket = Ticket(wants_view=True)
            if self._ask(ticket) is not None and not ticket.wait(self.patience):
                self.unread["late"] += 1
        return self._assembled()

    async def alook(self) -> Shown:
        """Do so without holding the event loop up while Redis is asked."""
        self._running()
        if self.is_away or not await self.aflush(self.patience, wants_view=True):
            self.unread["late"] += 1
        return self._assembled()

    def _assembled(self) -> Shown:
        made: Shown | None = None

        def assemble() -> None:
            nonlocal made
            self.untold.look()
            made = self._put_together()

        if self._own.in_turn(assemble) and made is not None:
            self._shown = made
        return self._shown  # from inside of a drain: what was shown last

    def _put_together(self) -> Shown:
        view, before = self._view, self._before
        if before is not None:
            if time.monotonic() < self._settled_at:
                view = before if view is None else never_less(before, view)
            else:
                self._before = None
        return assembled(view, self.untold, self._own, self._definitions(view))

    def _definitions(self, view: View | None) -> Mapping[str, MetricDefinition]:
        return {**(view.definitions if view is not None else {}), **self._own.definitions}

    def forget_view(self) -> None:
        """Show nothing of what was read."""

        def forget() -> None:
            self._view = self._before = None
            self._shown = Shown()

        self._own.in_turn(forget)
        self._forgotten()

    # -- ending, and beginning in a child

    def leave(self) -> None:
        """Tell what there is, and that this process is about to end."""
        if self._is_closed:
            return
        if self._process != os.getpid():
            self.begin_in_child()
        self.delivery.leaves = self.delivery.has_joined or self._courier.is_running
        if self._courier.is_running:
            self.flush(_EXIT_SECONDS)
        # Or here, if the thread could not be started any more.
        if not self._courier.is_running and self._own.in_turn(self.untold.look) and self.delivery.waiting:
            self.delivery.leaves = True
            self._sync(wants_view=False)

    def close(self) -> None:
        """End the thread and close the connections; used again, there will be others."""
        self.leave()
        if self._is_closed:
            return
        lost = self.delivery.lost
        if self.delivery.waiting:
            lost["closed"] += self.delivery.waiting
        self._courier.end(_EXIT_SECONDS)
        self._own.hand_over()
        flushes = self.delivery.flushes
        self.delivery.begin()
        self.delivery.lost, self.delivery.flushes = lost, flushes
        self._link.close()
        self._view = self._before = None
        self._is_closed = True
        if self._last_call is not None:
            self._last_call.call_off()

    def begin_in_child(self) -> None:
        """Begin in a forked child, with a thread and connections of its own; the parent's are left alone."""
        if self._process != os.getpid():
            self._own.after_fork_in_child()
            self._begin()
            self.delivery.begin()
            self._link.connect()
            self._own.on_next_record_in_child(self.start)
            if self._last_call is not None:
                self._last_call.tell_multiprocessing()
