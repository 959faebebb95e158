"""The metrics as an ASGI app: mount it wherever you like; the event loop is held for a slice at a time."""

from __future__ import annotations

import math
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.exporters.serving.page import Answer, Page, Request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from polymeter.exporters.serving.credentials import Credential
    from polymeter.exporters.serving.exposing import CanExpose

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]

__all__ = ["AsgiApp", "asgi_app"]

_SHORT: Final = 0.002
"""Seconds for which an event loop may be held."""
_LONGEST_TURN: Final = 0.25
"""Seconds after which one who was given a turn of the loop, and did not come back, is not waited for."""


def asgi_app(exposer: CanExpose, *, auth: Credential | None = None, gzip: bool = True) -> AsgiApp:
    """Give an ASGI app that answers at any path below the one where it is mounted.

    However many ask at once, one slice is rendered in each turn of the event loop. An answer begins when all of it is
    rendered: a failure is a 500, never half an answer. Runs under asyncio and trio.

    :param exposer: a ``PrometheusExporter``.
    :param auth: ``Bearer(token)`` or ``Basic(user, password)``; ``None``: everybody may read.
    :param gzip: whether to compress for who accepts it.
    :raises DefinitionError: if ``exposer`` or ``auth`` are something else.
    """
    return AsgiApp(Page(exposer, auth=auth, gzip=gzip))


class AsgiApp:
    """A page behind ASGI 3: ``http``; for ``lifespan`` there is nothing to do, a ``websocket`` is refused.

    To look at the metrics is one piece of work, and with many series, or a polled source that is slow, a long one. If
    it took long the last time, it is done on a thread of the event loop's own pool.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._taken_until = 0.0
        self._reading_took = math.inf

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            await self._answer(_request(scope), receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        # Of anything else we know nothing; to return is to decline.

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        answer = self._page.answer(request)
        if isinstance(answer, Answer):
            await _send(answer, send)
            return
        watch = _Watch()
        try:
            while not answer.is_done:
                await self._turn()
                watch.over(receive)
                if watch.is_gone:
                    return  # and if nobody else waits for it, the rendering ends here
            await _send(self._page.rendered(answer), send)
        finally:
            watch.end()
            del answer  # a traceback that somebody keeps must not keep the rendering going

    async def _turn(self) -> None:
        """Render a slice, unless that was done in this turn of the loop already; then let everything else go on."""
        now = time.monotonic()
        if now < self._taken_until:
            await _pause()
            return
        self._taken_until = now + _LONGEST_TURN
        renderings = self._page.renderings
        try:
            if not renderings.is_next_new:
                renderings.advance()
                await _pause()
            elif self._reading_took > _SHORT:
                self._reading_took = await _beside(_timed(renderings.advance))
            else:
                self._reading_took = _timed(renderings.advance)()
                await _pause()
        finally:
            self._taken_until = 0.0


class _Watch:
    """Watches whether the client hangs up, where that can be done beside other work: under asyncio.

    Elsewhere what ``send`` raises tells.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[bool] | None = None

    def over(self, receive: Receive) -> None:
        """Begin, if that has not happened yet."""
        asyncio = _asyncio()
        if self._task is None and asyncio is not None:
            self._task = asyncio.ensure_future(_hung_up(receive))

    @property
    def is_gone(self) -> bool:
        """Whether the client has hung up."""
        task = self._task
        return task is not None and task.done() and not task.cancelled() and task.result()

    def end(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()


async def _hung_up(receive: Receive) -> bool:
    """Tell, in the end, whether the client hung up; what it sends until then is ignored."""
    with suppress(Exception):  # then nobody can tell
        while (await receive())["type"] != "http.disconnect":
            pass
        return True
    return False


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        for piece in answer.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await _pause()  # a send that has room in its buffer returns at once
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except OSError:
        return  # the client has hung up


async def _live(receive: Receive, send: Send) -> None:
    while True:
        about = (await receive())["type"]
        await send({"type": f"{about}.complete"})
        if about == "lifespan.shutdown":
            return


async def _pause() -> None:
    """Let every other task have its turn."""
    asyncio = _asyncio()
    if asyncio is not None:
        await asyncio.sleep(0)
    elif (trio := sys.modules.get("trio")) is not None:
        await trio.lowlevel.checkpoint()


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    """Give what does ``work`` and tells how many seconds that took."""

    def timed() -> float:
        began = time.monotonic()
        work()
        return time.monotonic() - began

    return timed


async def _beside(work: Callable[[], float]) -> float:
    """Do ``work`` on a thread while everything else goes on."""
    asyncio, trio = _asyncio(), sys.modules.get("trio")
    took: float
    if asyncio is not None:
        took = await asyncio.to_thread(work)
    elif trio is not None and trio.lowlevel.in_trio_run():
        took = await trio.to_thread.run_sync(work)
    else:
        took = work()
    return took


def _asyncio() -> Any:
    """Give the module, if this runs in a task of it. Who runs in one has imported it."""
    asyncio = sys.modules.get("asyncio")
    with suppress(RuntimeError):  # no loop
        if asyncio is not None and asyncio.current_task() is not None:
            return asyncio
    return None


def _request(scope: MutableMapping[str, Any]) -> Request:
    return Request(
        method=scope["method"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=_joined(scope["headers"]),
    )


def _joined(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in lines:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
