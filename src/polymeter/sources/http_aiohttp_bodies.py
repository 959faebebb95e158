"""Bodies of aiohttp: those that are sent, counted, and those that are received, followed to their end."""

from __future__ import annotations

import importlib
import weakref
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.sources import http_following

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polymeter.events.http import Outcome
    from polymeter.sources.http_following import Overrides
    from polymeter.sources.http_run import HttpRun

__all__ = ["CountsUpload", "follow"]

_INSIDE: Final = f"{http_following.NOTE}inside"
_READING: Final = f"{http_following.NOTE}reading"


class CountsUpload:
    """Stands among the traces of one request, and counts the body that it sends."""

    __slots__ = ("_run",)

    def __init__(self, run: HttpRun) -> None:
        self._run = run

    @classmethod
    def of(cls, request: Any, run: HttpRun) -> bool:
        """Count what ``request`` sends.

        :return: whether that can be done.
        """
        traces = getattr(request, "_traces", None)
        if isinstance(traces, list):
            request._traces = [*cast("Any", traces), cls(run)]  # noqa: SLF001 - a list of this request's own
            return True
        return False

    async def send_request_chunk_sent(self, method: str, url: Any, chunk: Any) -> None:
        """Count a piece of the body."""
        del method, url
        self._run.sent = (self._run.sent or 0) + len(chunk)

    async def send_request_headers(self, *_: Any) -> None:
        """Take no notice."""

    async def send_response_chunk_received(self, *_: Any) -> None:
        """Take no notice."""


def follow(response: Any, run: HttpRun, is_inside: Callable[[], bool]) -> bool:
    """Have ``run`` end with an answer whose headers are not here yet.

    :param is_inside: tells whether the session has not given the answer to the caller.
    :return: whether that can be done.
    """
    if not http_following.follow(response, run, _OVERRIDES):
        return False
    response.__dict__[_INSIDE] = is_inside
    return True


def _starts(cls: type, name: str) -> Callable[..., Awaitable[Any]]:
    async def start(response: Any, *args: Any, **kwargs: Any) -> Any:
        run = http_following.run_of(response)
        try:
            result = await getattr(cls, name)(response, *args, **kwargs)
        except BaseException as error:
            http_following.leave(response)  # it is closed next, which means nothing
            if run is not None and isinstance(error, importlib.import_module("aiohttp").ClientError):
                run.failed(error)  # what is none of these, the caller sees otherwise
            raise
        if run is not None:
            _started(response, run)
        return result

    return start


def _started(response: Any, run: HttpRun) -> None:
    if not run.answered(response.status, response.headers.get("Content-Length")):
        http_following.leave(response)
        return
    # Of the answer there are weak references alone, so that it is freed when the caller drops it.
    content, answer = response.content, weakref.ref(response)
    # Older releases count what has been unpacked alone, and bodies without any content nothing at all.
    counted = "total_raw_bytes" if "Content-Encoding" in response.headers else "total_bytes"

    def look(run: HttpRun) -> BaseException | None:
        run.received = getattr(content, counted, None)
        broken: BaseException | None = content.exception()
        return broken

    def arrived() -> None:
        response = answer()
        if response is not None:
            _ended(response, lambda run: run.end("ok"))

    run.look = look
    content.on_eof(arrived)


def _ended(response: Any, end: Callable[[HttpRun], None]) -> None:
    run = http_following.run_of(response)
    if run is not None:
        http_following.leave(response)
        end(run)


def _reads(cls: type, name: str) -> Callable[..., Awaitable[Any]]:
    async def read(response: Any, *args: Any, **kwargs: Any) -> Any:
        response.__dict__[_READING] = True
        try:
            return await getattr(cls, name)(response, *args, **kwargs)
        except BaseException as caught:
            error = caught
            _ended(response, lambda run: run.failed(error))
            raise
        finally:
            response.__dict__.pop(_READING, None)

    return read


def _closes(cls: type, name: str) -> Callable[..., Any]:
    def close(response: Any) -> Any:
        if _READING not in response.__dict__:  # else reading it closes it, and knows why
            # What the session throws away itself, such as the body of a redirect, nobody misses.
            inside = response.__dict__.get(_INSIDE)
            outcome: Outcome = "ok" if inside is not None and inside() else "cancelled"
            _ended(response, lambda run: run.end(outcome))
        return getattr(cls, name)(response)

    return close


def _leaves_block(cls: type, name: str) -> Callable[..., Awaitable[None]]:
    async def leave_block(response: Any, exc_type: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, TimeoutError):  # the only failure that the body itself does not know
            _ended(response, lambda run: run.failed(error))
        await getattr(cls, name)(response, exc_type, error, traceback)

    return leave_block


_OVERRIDES: Final[Overrides] = (
    ("start", _starts),
    ("read", _reads),
    ("close", _closes),
    ("release", _closes),
    ("__aexit__", _leaves_block),
)
