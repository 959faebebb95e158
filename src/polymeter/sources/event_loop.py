"""EventLoopSource: how late an asyncio event loop comes to what is due, and how many tasks it has."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Final
from weakref import ref

from polymeter.errors import DefinitionError
from polymeter.events.runtime import EventLoopSampled, EventLoopTicked
from polymeter.forking import after_fork
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["EventLoopSource"]


class EventLoopSource:
    """Tells an :class:`~polymeter.events.runtime.EventLoopTicked` every so often, and the number of tasks when asked.

    Watch it where the loop runs, such as the startup of an application; again in each further loop::

        async def main():
            metrics.watch(EventLoopSource())

    A callback that blocks the loop makes the timer late by as long as it took, but for at most one interval. The timer
    keeps no loop running and no loop alive, and ends with it; a loop that has nothing else to do wakes up for it.
    """

    def __init__(self, *, interval_ms: float = 20, slow_ms: float = 100, name: str | None = None) -> None:
        """Make one.

        :param interval_ms: milliseconds from one call of the timer to the next.
        :param slow_ms: what blocks the loop for so long is told as a stall, for sure; from ``slow_ms - interval_ms`` on
            it may be.
        :param name: what to call the loops; left out: as the thread that they run in.
        :raises DefinitionError: for times that are none, or an interval that is not shorter than ``slow_ms``.
        """
        if not 0 < interval_ms < slow_ms < math.inf:
            message = (
                f"EventLoopSource(interval_ms={interval_ms!r}, slow_ms={slow_ms!r}): "
                "give two positive numbers, the interval the smaller one"
            )
            raise DefinitionError(message)
        self._interval = interval_ms / 1000
        self._stall = (slow_ms - interval_ms) / 1000
        self._name = name
        self._watches: list[_Watch] = []
        after_fork(self)

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to watch the loop that runs here.

        :raises DefinitionError: if none does.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            message = (
                "EventLoopSource: no asyncio event loop runs here; watch it inside of a coroutine, such as the startup "
                "or lifespan of your application"
            )
            raise DefinitionError(message) from None
        name = threading.current_thread().name if self._name is None else self._name
        watch = _Watch(events, loop, name, self._interval, self._stall)
        self._watches.append(watch)
        return Subscription(watch.end)

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` how many tasks there are, by the name of the loop; of one that has ended, once more, none."""
        tasks: Counter[str] = Counter()
        for watch in [each for each in self._watches if each.events is events]:
            tasks[watch.name] += watch.tasks() if watch.is_first else 0
            if watch.is_over:
                with suppress(ValueError):  # another thread was faster
                    self._watches.remove(watch)
        for name, number in tasks.items():
            events.dispatch(EventLoopSampled(loop=name, tasks=number))

    def after_fork_in_child(self) -> None:
        """Forget the loops: in the child they do not run."""
        self._watches = []


_all: Final[list[ref[_Watch]]] = []


class _Watch:
    """One loop, watched for one dispatcher."""

    def __init__(
        self, events: CanDispatchEvents, loop: asyncio.AbstractEventLoop, name: str, interval: float, stall: float
    ) -> None:
        self.events = events
        self.name = name
        self._loop = ref(loop)
        self._interval = interval
        self._stall = stall
        self._ticked = events.emitter(EventLoopTicked)
        self._ended = False
        _all.append(ref(self, _all.remove))
        self._schedule(loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + self._interval
        # In a context of its own: that of a request must not live on here, nor its unit of work be that of the ticks.
        # Weakly: a handle holds its loop, which may be closed long before anybody asks here again.
        self._handle = ref(loop.call_at(self._due, self._tick, context=Context()))

    def _tick(self) -> None:
        loop = self._loop()
        if self._ended or loop is None:
            return
        lag = max(0.0, loop.time() - self._due)
        self._schedule(loop)
        if self._ticked.listening and self.is_first:
            self._ticked(EventLoopTicked(loop=self.name, lag_ms=lag * 1000, is_stalled=lag >= self._stall))

    @property
    def is_first(self) -> bool:
        """Whether it is for this one to tell, of several that watch the same loop for the same dispatcher."""
        watches = (each() for each in _all)
        return next((each for each in watches if each is not None and each.is_like(self)), self) is self

    def is_like(self, other: _Watch) -> bool:
        """Tell whether this one is at work on the same loop, for the same dispatcher."""
        return not self._ended and self.events is other.events and self._loop() is other._loop()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        loop = self._loop()
        return self._ended or loop is None or loop.is_closed()

    def tasks(self) -> int:
        """Count the tasks of the loop that are not done; from any thread."""
        loop = self._loop()
        return 0 if loop is None or self.is_over else len(asyncio.all_tasks(loop))

    def end(self) -> None:
        """Stop; the timer goes at once if this is the thread of the loop, else when it is due."""
        self._ended = True
        try:
            is_here = asyncio.get_running_loop() is self._loop()
        except RuntimeError:
            is_here = False
        handle = self._handle()
        if is_here and handle is not None:
            handle.cancel()
