"""Follow a stream of LiteLLM: its classes have no one place that all chunks go through, and some have no close."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from polymeter.sources.contexts import leave
from polymeter.sources.nested import outer_call
from polymeter.sources.pending import PendingAnswer, when_closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.litellm_answers import LiteLLMReader

__all__ = ["Opens", "StreamAnswer", "followed", "is_lazy"]


# The stream that is being read in this context. Not pending.enter: the library below sets that for its own stream.
_reading: Final[ContextVar[StreamAnswer | None]] = ContextVar("polymeter_reading_litellm", default=None)


class StreamAnswer(PendingAnswer):
    """An answer whose end may be read by two libraries, one inside the other."""

    __slots__ = ()

    def closed(self, response: Any) -> None:
        """End the run because ``response`` is closed, unless that is a part of reading it."""
        if _reading.get() is not self:
            super().closed(response)


class Opens(Protocol):
    """The call that a stream belongs to."""

    is_active: bool

    def opened(self) -> None:
        """Hear that the first chunk came."""

    def failed(self, error: BaseException) -> None:
        """Hear that reading failed."""


def is_lazy(stream: Any) -> bool:
    """Tell whether the request may be sent only when the first chunk is asked for."""
    inner = getattr(stream, "completion_stream", None)
    return inner is None or isinstance(inner, (GeneratorType, AsyncGeneratorType))


def followed(stream: Any, answer: StreamAnswer, reader: LiteLLMReader, call: Opens) -> Any:
    """Give the stream to hand out instead of ``stream``: ``answer`` hears of its chunks and its end.

    It shares all attributes with ``stream``, and its class is derived from that one's. LiteLLM refers to the stream
    itself, in its log of the call and in what its threads are still to do; so that is freed, and would be noticed to
    be abandoned, some time later. What is handed out is known to the caller only: it goes when the caller drops it.

    :param call: goes on until the first chunk is there, as far as libraries below are concerned.
    """
    kept = _chunks_of(stream)
    if kept is not None:
        reader.follow(kept)
    of: Any = stream.__class__
    handed_out = _new(_followed_class(of))
    handed_out._polymeter = _Reading(stream, answer, call)  # noqa: SLF001 - ours
    handed_out.__dict__ = stream.__dict__ = {**stream.__dict__}  # a plain dictionary: see pending.twin_of
    response = getattr(getattr(stream, "completion_stream", None), "response", None)
    if response is not None:  # LiteLLM's stream may have no close; its SDK's does, and closes this
        when_closed(response, answer)
    answer.parsed = True
    answer.hold(handed_out)
    return handed_out


def _chunks_of(stream: Any) -> list[object] | None:
    """Give the list in which LiteLLM keeps what the provider sent; a text completion is a stream around another."""
    for each in (stream, getattr(stream, "completion_stream", None)):
        kept = getattr(each, "chunks", None)
        if isinstance(kept, list):
            return cast("list[object]", kept)
    return None


class _Reading:
    """What a stream that was handed out has beside the attributes that it shares."""

    __slots__ = ("_is_first", "answer", "call", "stream")

    def __init__(self, stream: Any, answer: StreamAnswer, call: Any) -> None:
        self.stream = stream
        self.answer = answer
        self.call = call
        self._is_first = True

    def begin(self) -> tuple[Any, Any]:
        """Prepare for a chunk; give what :meth:`end` needs."""
        outer = None
        if self._is_first:
            self.call.is_active = True
            outer = outer_call.set(self.call)
        return _reading.set(self.answer), outer

    def end(self, tokens: tuple[Any, Any]) -> None:
        """Undo it."""
        reading, outer = tokens
        leave(reading)
        if outer is not None:
            self.call.is_active = False
            leave(outer)

    def came(self, chunk: Any) -> Any:
        """Tell of a chunk and give it back."""
        try:
            if self._is_first:
                self._is_first = False
                self.call.opened()
            self.answer.run.chunk(self.answer.reader.chunk(chunk))
        except BaseException as error:  # a dispatcher that was asked to raise
            self.answer.failed(error)
            raise
        return chunk


_new: Callable[[type], Any] = object.__new__


@functools.lru_cache(maxsize=32)
def _followed_class(of: Any) -> type:
    """Derive a class that looks the same, with what ``of`` has of the four ways to go on or to end."""

    def next_(self: Any) -> Any:
        reading: _Reading = self._polymeter
        tokens = reading.begin()
        try:
            chunk = reading.stream.__next__()
        except StopIteration:
            reading.answer.end("ok")
            raise
        except BaseException as error:
            reading.call.failed(error)
            raise
        finally:
            reading.end(tokens)
        return reading.came(chunk)

    async def anext_(self: Any) -> Any:
        reading: _Reading = self._polymeter
        tokens = reading.begin()
        try:
            chunk = await reading.stream.__anext__()
        except StopAsyncIteration:
            reading.answer.end("ok")
            raise
        except BaseException as error:
            reading.call.failed(error)
            raise
        finally:
            reading.end(tokens)
        return reading.came(chunk)

    def close(self: Any) -> Any:
        self._polymeter.answer.end("cancelled")
        return self._polymeter.stream.close()

    async def aclose(self: Any) -> Any:
        self._polymeter.answer.end("cancelled")
        return await self._polymeter.stream.aclose()

    differently = {"__next__": next_, "__anext__": anext_, "close": close, "aclose": aclose}
    body: dict[str, Any] = {name: getattr(of, name) for name in ("__module__", "__qualname__", "__doc__")}
    body["__slots__"] = ("_polymeter",)  # not among the attributes that both share
    return type(of.__name__, (of,), body | {name: do for name, do in differently.items() if hasattr(of, name)})
