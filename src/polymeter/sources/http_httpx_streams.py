"""Streams of httpx and httpx2 that count what passes through them, and notice how an answer ends.

Each library accepts only streams that derive from classes of its own, so these are made for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from polymeter.sources.http_run import HttpRun

__all__ = ["Streams"]


class Streams:
    """Wraps the streams of one library.

    :param library: ``httpx`` or ``httpx2``.
    """

    def __init__(self, library: Any) -> None:
        sync, asynchronous = library.SyncByteStream, library.AsyncByteStream
        self.counted: Any = _of(_Counted, sync)
        self.counted_async: Any = _of(_CountedAsync, asynchronous)
        self.followed: Any = _of(_Followed, sync)
        self.followed_async: Any = _of(_FollowedAsync, asynchronous)

    @staticmethod
    def give_back(request: Any) -> None:
        """Give a request the stream that it had before it was counted."""
        if isinstance(request.stream, _Wrapped):
            request.stream = request.stream.stream


def _of(kind: type, base: type) -> type:
    return type(kind.__name__, (kind, base), {"__module__": kind.__module__, "__doc__": kind.__doc__})


class _Wrapped:
    def __init__(self, stream: Any, run: HttpRun) -> None:
        self.stream = stream
        self._run = run


class _Counted(_Wrapped):
    """The body of a request."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.stream:
            self._run.sent = (self._run.sent or 0) + len(chunk)
            yield chunk

    def close(self) -> None:
        self.stream.close()


class _CountedAsync(_Wrapped):
    """The body of a request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncSent(aiter(self.stream), self._run)

    async def aclose(self) -> None:
        await self.stream.aclose()


class _Followed(_Wrapped):
    """The body of an answer; whoever drops it drops the run."""

    def __iter__(self) -> Iterator[bytes]:
        return _Received(iter(self.stream), self._run)

    def close(self) -> None:
        try:
            self._run.end("cancelled")
        finally:
            self.stream.close()


class _FollowedAsync(_Wrapped):
    """The body of an answer; whoever drops it drops the run."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncReceived(aiter(self.stream), self._run)

    async def aclose(self) -> None:
        try:
            self._run.end("cancelled")
        finally:
            await self.stream.aclose()


class _Received:
    # Has what of a generator somebody around it may call, as it stands in the place of one.
    __slots__ = ("_chunks", "_next", "_run")

    def __init__(self, chunks: Any, run: HttpRun) -> None:
        self._chunks = chunks
        self._next = chunks.__next__
        self._run = run

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            chunk: bytes = self._next()
        except StopIteration:
            self._run.end("ok")
            raise
        except BaseException as error:
            self._run.failed(error)
            raise
        self._run.received = (self._run.received or 0) + len(chunk)
        return chunk

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class _Async:
    # No generators: asyncio closes those that are left open one by one, and an inner one may be busy then. But like
    # ones, all that collections.abc.AsyncGenerator asks for: httpx2 closes what it reads from if it is such.
    __slots__ = ("_chunks", "_next", "_run")

    def __init__(self, chunks: Any, run: HttpRun) -> None:
        self._chunks = chunks
        self._next = chunks.__anext__
        self._run = run

    def __aiter__(self) -> Self:
        return self

    async def asend(self, value: Any) -> Any:
        return await self._chunks.asend(value)

    async def athrow(self, *error: Any) -> Any:
        return await self._chunks.athrow(*error)

    async def aclose(self) -> None:
        aclose = getattr(self._chunks, "aclose", None)
        if aclose is not None:
            await aclose()


class _AsyncSent(_Async):
    __slots__ = ()

    async def __anext__(self) -> bytes:
        chunk: bytes = await self._next()
        self._run.sent = (self._run.sent or 0) + len(chunk)
        return chunk


class _AsyncReceived(_Async):
    __slots__ = ()

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await self._next()
        except StopAsyncIteration:
            self._run.end("ok")
            raise
        except BaseException as error:
            self._run.failed(error)
            raise
        self._run.received = (self._run.received or 0) + len(chunk)
        return chunk
