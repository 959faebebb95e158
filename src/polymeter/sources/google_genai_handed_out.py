"""The streams that callers of the Google GenAI SDK hold: generators, with more generators inside.

::

    chat.send_message_stream(...)              handed out
      models.generate_content_stream(...)      handed out, by itself or inside the one above
        generators of the SDK
          client.request_streamed(...)         sends the request and gives the chunks; once, or several times

Runs are told at the innermost one. It cannot tell a stream that is closed from one that is dropped: in both cases what
was around it is gone. So each generator that is handed out has one of ours around it, which is dropped or closed
first. A weak reference tells the two apart: it is called when a generator is dropped, before that closes itself.
"""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from polymeter.sources.contexts import leave

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from polymeter.events.inference import Outcome
    from polymeter.sources.pending import PendingAnswer

__all__ = ["handed_out", "holding"]

StreamT = TypeVar("StreamT")


class _Holder:
    """What hangs on one generator that was handed out: the answer that is being read through it, if there is one.

    :param outer: that of the generator which this one is inside of, as far as is known.
    :ivar ending: how the generator was left before its end.
    """

    __slots__ = ("_answer", "_finalizer", "_outer", "ending")

    def __init__(self, outer: _Holder | None) -> None:
        self.ending: Outcome | None = None
        self._outer = outer
        self._answer: PendingAnswer | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None

    def watch(self, stream: object) -> None:
        """Hear when ``stream`` is dropped, and when the interpreter exits."""
        self._finalizer = weakref.finalize(stream, self._dropped)

    def hold(self, answer: PendingAnswer) -> None:
        """Let ``answer`` hang on the generator. One that did before and has not ended was given up by the SDK."""
        self.leave("cancelled")
        self._answer = answer

    def leave(self, outcome: Outcome) -> None:
        """End the answer that is still open."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.end(outcome)

    def failed(self, error: BaseException) -> None:
        """End the answer with what comes out of the generator, where it may only now have been raised."""
        answer, self._answer = self._answer, None
        if answer is not None and answer.run.is_open:
            answer.failed(error)

    def closed(self) -> None:
        """Hear that the generator is closed: by the caller, unless it was dropped before."""
        self.ending = self.ending or "cancelled"
        self.leave(self.ending)

    def over(self) -> None:
        """Hear that the generator is done."""
        if self._finalizer is not None:
            self._finalizer.detach()

    def _dropped(self) -> None:
        self.ending = (self._outer.ending if self._outer else None) or "abandoned"
        self.leave(self.ending)


_innermost: Final[ContextVar[_Holder | None]] = ContextVar("polymeter_google_genai_stream", default=None)


def holding(chunks: object, answer: PendingAnswer) -> None:
    """Let ``answer`` hang on the generator that is being read here, or on its own ``chunks`` if there is none."""
    holder = _innermost.get()
    if holder is None:
        answer.hold(chunks)
    else:
        holder.hold(answer)


def handed_out(stream: StreamT) -> StreamT:
    """Give the generator to hand out instead of ``stream``: of the same kind and name, with the same chunks."""
    inner: Any = stream
    holder = _Holder(_innermost.get())
    if isinstance(stream, GeneratorType):
        outer: Any = _followed(inner, holder)
    elif isinstance(stream, AsyncGeneratorType):
        outer = _followed_async(inner, holder)
    else:
        return stream  # somebody else's; its answers hang on their own chunks
    outer.__name__, outer.__qualname__ = inner.__name__, inner.__qualname__
    holder.watch(outer)
    return cast("StreamT", outer)


def _followed(chunks: Generator[Any, Any, Any], holder: _Holder) -> Generator[Any, Any, Any]:
    step: Callable[[], Any] = chunks.__next__
    try:
        while True:
            token = _innermost.set(holder)
            try:
                chunk = step()
            except StopIteration as end:
                holder.leave("cancelled")
                return end.value
            except BaseException as error:
                holder.failed(error)
                raise
            finally:
                leave(token)
            try:
                yield chunk
            except GeneratorExit:
                holder.closed()
                chunks.close()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller, and not meant for us
                step = partial(chunks.throw, error)
            else:
                step = chunks.__next__
    finally:
        holder.over()


async def _followed_async(chunks: AsyncGenerator[Any, Any], holder: _Holder) -> AsyncGenerator[Any, Any]:
    step: Callable[[], Any] = chunks.__anext__
    try:
        while True:
            token = _innermost.set(holder)
            try:
                chunk = await step()
            except StopAsyncIteration:
                holder.leave("cancelled")
                return
            except BaseException as error:
                holder.failed(error)
                raise
            finally:
                leave(token)
            try:
                yield chunk
            except GeneratorExit:
                dropped = holder.ending is not None
                holder.closed()
                if not dropped and not cast("Any", chunks).ag_running:  # else the event loop closes it
                    await chunks.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller, and not meant for us
                step = partial(chunks.athrow, error)
            else:
                step = chunks.__anext__
    finally:
        holder.over()
