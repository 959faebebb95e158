"""TaskTicker: a task that does something every so often on the event loop it was made on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["TaskTicker"]


class TaskTicker:
    """Has ``work`` done every ``seconds``; what a :class:`~polymeter.pump.ticker.Ticker` is, without a thread.

    :ivar is_ending: whether it has been told to end.
    """

    def __init__(self, seconds: float, work: Callable[[TaskTicker], Coroutine[object, object, object]]) -> None:
        """:param work: gives what is awaited, which must not raise."""
        self.is_ending = False
        self._seconds = seconds
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._word = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task."""
        self._task = self._loop.create_task(self._run(), name="polymeter-pump")

    def wake(self) -> None:
        """Have it work now; harmless to repeat, from any thread."""
        self._tell(self._word.set)

    def end(self) -> None:
        """Tell the task to end; harmless to repeat, from any thread."""
        self.is_ending = True
        if self._task is not None:
            self._tell(self._task.cancel)

    def join(self, seconds: float) -> None:
        """Do not wait: on its own loop that would be for ever. See :meth:`ended`."""

    async def ended(self) -> None:
        """Wait until the task has ended."""
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait([self._task])

    def _tell(self, what: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop is closed, and the task with it
            return

    async def _run(self) -> None:
        while not self.is_ending:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._word.wait()
            except TimeoutError:
                pass
            self._word.clear()
            await self._work(self)
