"""Follow an iterator of chunks, of whatever make, from its first item to its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from polymeter.sources.endings import abandon_when_dropped, outcome_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from types import TracebackType

    from polymeter.sources.run import InferenceRun

__all__ = ["FollowedAsyncStream", "FollowedStream"]

ChunkT = TypeVar("ChunkT")

_log: Final = logging.getLogger(__name__)


class _Followed(Generic[ChunkT]):
    __slots__ = ("__weakref__", "_finalizer", "_read", "_run")

    def __init__(self, run: InferenceRun, read: Callable[[ChunkT], bool | None] | None) -> None:
        self._run = run
        self._read = read
        self._finalizer = abandon_when_dropped(self, run)

    def _received(self, chunk: ChunkT) -> None:
        content: bool | None = None
        if self._read is not None:
            try:
                content = self._read(chunk)
            except Exception as error:  # noqa: BLE001 - whoever takes the chunks must not notice
                self._read = None
                _log.warning("a chunk could not be read (%s); those after it are only counted", type(error).__name__)
        try:
            self._run.chunk(content is None or content)
        except BaseException as error:  # a dispatcher that was asked to raise
            self._failed(error)
            raise

    def _ended(self) -> None:
        self._finalizer.detach()
        self._run.end("ok")

    def _failed(self, error: BaseException) -> None:
        self._finalizer.detach()
        # Thrown into a coroutine that its event loop forgot: nobody closes that on purpose.
        self._run.end("abandoned" if isinstance(error, GeneratorExit) else outcome_of(error), error)

    def _cancelled(self) -> None:
        self._finalizer.detach()
        self._run.end("cancelled")


class FollowedStream(_Followed[ChunkT]):
    """An iterator over chunks that tells a run of each of them, and ends it.

    Read to its end: ``ok``. An exception while it is read: ``error``. Closed, or its block left: ``cancelled``.
    Dropped, or open when the interpreter exits: ``abandoned``.
    """

    __slots__ = ("_chunks", "_next")

    def __init__(
        self, run: InferenceRun, chunks: Iterable[ChunkT], read: Callable[[ChunkT], bool | None] | None
    ) -> None:
        self._chunks = chunks
        self._next = iter(chunks).__next__
        super().__init__(run, read)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChunkT:
        """Give the next chunk."""
        try:
            chunk = self._next()
        except StopIteration:
            self._ended()
            raise
        except BaseException as error:
            self._failed(error)
            raise
        self._received(chunk)
        return chunk

    def close(self) -> None:
        """End the run as cancelled, if it has not ended, and close the stream, if that can be closed. Idempotent."""
        try:
            self._cancelled()
        finally:
            close: Any = getattr(self._chunks, "close", None)
            if close is not None:
                close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class FollowedAsyncStream(_Followed[ChunkT]):
    """The same for a stream that is read with ``async for``; a task that is cancelled ends it as ``cancelled``."""

    __slots__ = ("_chunks", "_next")

    def __init__(
        self, run: InferenceRun, chunks: AsyncIterable[ChunkT], read: Callable[[ChunkT], bool | None] | None
    ) -> None:
        self._chunks = chunks
        self._next = aiter(chunks).__anext__
        super().__init__(run, read)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChunkT:
        """Give the next chunk."""
        try:
            chunk = await self._next()
        except StopAsyncIteration:
            self._ended()
            raise
        except BaseException as error:
            self._failed(error)
            raise
        self._received(chunk)
        return chunk

    async def aclose(self) -> None:
        """End the run as cancelled, if it has not ended, and close the stream, if that can be closed. Idempotent."""
        try:
            self._cancelled()
        finally:
            close: Any = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
