"""Read along with a body that the caller reads as bytes, text or lines, instead of having the SDK parse it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, cast

from polymeter.sources.contexts import leave
from polymeter.sources.pending import enter
from polymeter.sources.sse import LIMIT, EventReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from polymeter.sources.pending import PendingAnswer, ReadsAnswers

__all__ = ["Body", "JsonObject", "read_along", "read_whole"]


class JsonObject(dict[str, Any]):
    """An object of JSON that is read like the models of an SDK: what it has not is ``None``."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


class Body:
    """A body on its way to the caller: a stream of events, or one JSON value. Never raises on account of its content.

    It keeps no more than one event, or the JSON, and of that no more than ``LIMIT`` bytes; what is longer is counted
    as a surprise.

    :param answer: hears of the chunks and the end.
    :param content_type: of the response.
    """

    __slots__ = ("_events", "_json", "_overlong", "answer")

    def __init__(self, answer: PendingAnswer, content_type: str) -> None:
        self.answer = answer
        self._events = EventReader() if content_type.startswith("text/event-stream") else None
        self._json = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> None:
        """Take a piece of it."""
        if self._events is not None:
            for event in self._events.feed(data):
                self._received(event)
        elif len(self._json) + len(data) <= LIMIT:
            self._json += data
        else:
            self._overlong = True

    def end(self) -> None:
        """Take its end."""
        if self._events is not None:
            for event in self._events.end():
                self._received(event)
        elif self._overlong:
            self.answer.reader.surprise()
        else:
            value = self._value(bytes(self._json))
            if value is not None:
                self.answer.reader.whole(value)
        self._json.clear()

    def _received(self, event: bytes | None) -> None:
        value = self._value(event) if event != b"[DONE]" else None
        if value is None:
            return
        answer = self.answer
        try:
            answer.run.chunk(answer.reader.chunk(value))
        except BaseException as error:  # a dispatcher that was asked to raise
            answer.failed(error)
            raise

    def _value(self, data: bytes | None) -> JsonObject | None:
        try:
            value: Any = json.loads(data or b"", object_hook=JsonObject)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, JsonObject):
            return value
        self.answer.reader.surprise()
        return None


def read_along(response: Any, answer: PendingAnswer) -> Callable[[], None]:
    """Have ``answer`` hear of what ``response`` gives, unless a parser that it hears of already reads it.

    For responses of httpx and its like. All their ways to read a body (``read``, ``iter_text``, ``iter_lines``) go
    through ``iter_bytes`` or ``aiter_bytes``, but for ``iter_raw``, whose bytes may be compressed. So these two are
    hooked, on this one object.

    :return: takes the hooks away.
    """
    hooks: dict[str, Any] = {}
    for name, reader in (("iter_bytes", _Pieces), ("aiter_bytes", _AsyncPieces)):
        if hasattr(response, name) and name not in vars(response):
            hooks[name] = _hooked(getattr(response, name), reader, response, answer)
    mine = cast("dict[str, Any]", vars(response))
    mine.update(hooks)

    def unhook() -> None:
        for name, hook in hooks.items():
            if mine.get(name) is hook:
                del mine[name]

    return unhook


def _hooked(
    below: Callable[..., Any], reader: type[_Pieces | _AsyncPieces], response: Any, answer: PendingAnswer
) -> Callable[..., Any]:
    headers = response.headers

    def iter_bytes(*args: Any, **kwargs: Any) -> Any:
        pieces = below(*args, **kwargs)
        token = enter(answer)
        leave(token)
        parsed = token.old_value is answer
        if parsed or answer.parsed or not answer.run.is_open:
            return pieces
        answer.parsed = True  # from here on it is known how much of it was read
        return reader(pieces, Body(answer, headers.get("content-type", "")))

    return iter_bytes


class _Pieces:
    """Gives what a generator of bytes gives."""

    __slots__ = ("_body", "_pieces")

    def __init__(self, pieces: Iterator[bytes], body: Body) -> None:
        self._pieces = pieces
        self._body = body

    def __getattr__(self, name: str) -> Any:
        # It is a generator, and somebody may use it as one.
        return getattr(object.__getattribute__(self, "_pieces"), name)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        answer = self._body.answer
        token = enter(answer)
        try:
            piece = self._pieces.__next__()
        except StopIteration:
            _ended(self._body)
            raise
        except BaseException as error:
            answer.failed(error)
            raise
        finally:
            leave(token)
        self._body.feed(piece)
        return piece


class _AsyncPieces:
    """Gives what an asynchronous generator of bytes gives."""

    __slots__ = ("_body", "_pieces")

    def __init__(self, pieces: AsyncIterator[bytes], body: Body) -> None:
        self._pieces = pieces
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_pieces"), name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        answer = self._body.answer
        token = enter(answer)
        try:
            piece = await self._pieces.__anext__()
        except StopAsyncIteration:
            _ended(self._body)
            raise
        except BaseException as error:
            answer.failed(error)
            raise
        finally:
            leave(token)
        self._body.feed(piece)
        return piece


def _ended(body: Body) -> None:
    body.end()
    body.answer.end("ok")


def read_whole(response: Any, reader: ReadsAnswers) -> None:
    """Read a response whose body is there already; its chunks, if it has some, came at no time of their own."""
    try:
        content: bytes = response.content
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            events = EventReader(limit=len(content))
            for event in events.feed(content) + events.end():
                if event and event != b"[DONE]":
                    reader.chunk(json.loads(event, object_hook=JsonObject))
            reader.settle()
        else:
            reader.whole(json.loads(content, object_hook=JsonObject))
    except Exception:  # noqa: BLE001 - the host must not notice
        reader.surprise()
