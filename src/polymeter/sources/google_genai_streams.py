"""Where the chunks of the Google GenAI SDK come in: followed below all of its generators, once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from polymeter.sources.contexts import leave
from polymeter.sources.google_genai_calls import current_call
from polymeter.sources.google_genai_handed_out import holding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from polymeter.sources.google_genai_calls import Call

__all__ = ["AsyncChunks", "Chunks"]


class Chunks:
    """The responses of one request, which is sent when the first of them is asked for."""

    __slots__ = ("__weakref__", "_answer", "_call", "_chunks", "_read", "_tell")

    def __init__(self, chunks: Iterator[Any], call: Call) -> None:
        self._chunks = chunks
        self._call: Call | None = call
        self._answer = call.answer
        self._read = call.answer.reader.chunk
        self._tell = call.run.chunk

    def __getattr__(self, name: str) -> Any:
        # It is a generator, and somebody may use it as one.
        return getattr(object.__getattribute__(self, "_chunks"), name)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        call, self._call = self._call, None
        token = None if call is None else current_call.set(call)
        try:
            if call is not None:
                holding(self, call.answer)
                call.begin()
            chunk = self._chunks.__next__()
            if call is not None:
                call.was_sent()
        except StopIteration:
            self._answer.end("ok")
            raise
        except BaseException as error:
            self._answer.failed(error)
            raise
        finally:
            if token is not None:
                leave(token)
        try:
            self._tell(self._read(chunk))
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        return chunk

    def close(self) -> None:
        """Close the stream."""
        if self._call is None:  # else nothing was sent
            self._answer.end("cancelled")
        chunks: Any = self._chunks
        chunks.close()


class AsyncChunks:
    """The responses of one request, which has been sent."""

    __slots__ = ("__weakref__", "_answer", "_chunks", "_read", "_tell")

    def __init__(self, chunks: AsyncIterator[Any], call: Call) -> None:
        self._chunks = chunks
        self._answer = call.answer
        self._read = call.answer.reader.chunk
        self._tell = call.run.chunk
        holding(self, call.answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_chunks"), name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._answer.end("ok")
            raise
        except BaseException as error:
            self._answer.failed(error)
            raise
        try:
            self._tell(self._read(chunk))
        except BaseException as error:  # a dispatcher that was asked to raise
            self._answer.failed(error)
            raise
        return chunk

    async def aclose(self) -> None:
        """Close the stream."""
        self._answer.end("cancelled")
        chunks: Any = self._chunks
        await chunks.aclose()
