"""Awaiting: has a coroutine run from code that is not asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

__all__ = ["Awaiting", "Told"]


class Told(RuntimeError):  # noqa: N818 - it says what to do
    """What was asked for cannot work here; the message says what does."""


class Awaiting:
    """Runs what an asynchronous exporter gives, always on one event loop: what it keeps open belongs to that.

    On the loop that it was awaited on last, if that one runs; else on one of its own, which no thread is kept for.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: asyncio.Runner | None = None
        self._is_running = self._is_over = False

    def is_awaited_here(self) -> None:
        """Take note that this event loop is the one from now on."""
        import asyncio

        self._loop = asyncio.get_running_loop()

    def run(self, awaitable: Awaitable[Any], seconds: float) -> None:
        """Wait for ``awaitable``.

        :raises TimeoutError: if it takes longer than ``seconds``; it is cancelled then.
        :raises Told: on the thread of a running event loop, which cannot wait for itself.
        """
        import asyncio

        async def work() -> None:
            async with asyncio.timeout(seconds):
                await awaitable

        running = _running_loop()
        if running is not None:
            _close(awaitable)
            message = "an asynchronous exporter cannot be waited for on the event loop's own thread: await aexport()"
            raise Told(message)
        loop = self._loop
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(work(), loop).result(seconds)
            return
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._is_running = True
        try:
            self._runner.run(work())
        finally:
            self._is_running = False
            if self._is_over:
                self.close()

    def close(self) -> None:
        """Close the loop of its own, if there is one; if it is in use, as soon as it is not."""
        self._is_over = True
        if self._is_running or _running_loop() is not None:
            return
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def forget(self) -> None:
        """Leave the loops to the parent of a fork."""
        # Kept, and not closed: that would close what the parent still uses.
        self._loop, self._parents, self._runner = None, self._runner, None
        self._is_running = False


def _running_loop() -> asyncio.AbstractEventLoop | None:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _close(awaitable: Awaitable[Any]) -> None:
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
