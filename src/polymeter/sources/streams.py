"""Follow a stream of chunks from its first item to its end, without changing what the caller sees of it."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any, Self, TypeVar

from polymeter.sources.contexts import leave
from polymeter.sources.pending import enter, twin_of, when_closed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from polymeter.sources.pending import PendingAnswer

__all__ = ["followed_stream"]

StreamT = TypeVar("StreamT")


def followed_stream(stream: StreamT, answer: PendingAnswer) -> StreamT:
    """Give the stream to hand out instead of ``stream``: the same, but ``answer`` hears of its chunks and its end.

    For streams that keep the iterator over their chunks in ``_iterator`` and their response in ``response``. That
    iterator is the one place through which every chunk goes (``for``, ``next``, both mixed, helpers of the SDK), and
    the caller never sees it; so it is replaced there, rather than methods of the stream.
    """
    inner: Any = stream
    follow = _AsyncChunks if hasattr(inner, "__anext__") else _Chunks
    when_closed(inner.response, answer)
    chunks = inner._iterator  # noqa: SLF001 - see above
    inner._iterator = follow(chunks, answer)  # noqa: SLF001
    handed_out = twin_of(stream)
    if follow is _AsyncChunks:
        _close_in_order_when_dropped(handed_out, chunks)
    answer.parsed = True
    answer.hold(handed_out)
    return handed_out


def _close_in_order_when_dropped(stream: object, chunks: Any) -> None:
    """Have the loop close the outermost generator of a dropped stream, as long as the inner ones are held by it.

    Left to the garbage collector, generators that stand inside each other are closed in any order, each by a task of
    its own; an inner one that is closed first is busy when the outer one wants to close it, and asyncio says so.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # another event loop's: it has its own ways
        return

    def close() -> None:
        if getattr(chunks, "ag_frame", None) is not None:  # else it has come to its end
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(lambda: loop.create_task(_closed(chunks)))

    weakref.finalize(stream, close).atexit = False


async def _closed(chunks: Any) -> None:
    with contextlib.suppress(Exception):  # nobody waits for this stream any more
        await chunks.aclose()


class _Chunks:
    __slots__ = ("_answer", "_chunks", "_read", "_tell")

    def __init__(self, chunks: Iterator[Any], answer: PendingAnswer) -> None:
        self._chunks = chunks
        self._answer = answer
        self._read = answer.reader.chunk
        self._tell = answer.run.chunk

    def __getattr__(self, name: str) -> Any:
        # It is a generator, and somebody may use it as one.
        return getattr(object.__getattribute__(self, "_chunks"), name)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        token = enter(self._answer)
        try:
            chunk = self._chunks.__next__()
        except StopIteration:
            self._answer.end("ok")
            raise
        except BaseException as error:
            self._answer.failed(error)
            raise
        finally:
            leave(token)
        try:
            self._tell(self._read(chunk))
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        return chunk


class _AsyncChunks:
    __slots__ = ("_answer", "_chunks", "_read", "_tell")

    def __init__(self, chunks: AsyncIterator[Any], answer: PendingAnswer) -> None:
        self._chunks = chunks
        self._answer = answer
        self._read = answer.reader.chunk
        self._tell = answer.run.chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_chunks"), name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        token = enter(self._answer)
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._answer.end("ok")
            raise
        except BaseException as error:
            self._answer.failed(error)
            raise
        finally:
            leave(token)
        try:
            self._tell(self._read(chunk))
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        return chunk
