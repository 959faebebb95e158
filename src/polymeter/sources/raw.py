"""Follow a raw response whose body is not read yet: its caller may parse it, read it, close it or forget it."""

from __future__ import annotations

import copy
import functools
import inspect
import weakref
from typing import TYPE_CHECKING, Any

from polymeter.sources.contexts import leave
from polymeter.sources.pending import enter, when_closed
from polymeter.sources.streams import followed_stream

if TYPE_CHECKING:
    from polymeter.sources.pending import PendingAnswer

__all__ = ["follow_response"]


class _Unparsed:
    """The response as it was before its ``parse`` was replaced.

    Only the replacement holds it, so it is gone when nobody can parse the response any more. A copy, because the
    replacement would be in a cycle with the response itself, and the response would not be freed when it is dropped.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = copy.copy(raw)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        return self._raw.parse(*args, **kwargs)


def follow_response(raw: Any, answer: PendingAnswer, stream_classes: tuple[type, ...]) -> None:
    """Have ``answer`` told how ``raw`` ends.

    For responses with ``http_response`` and ``parse()`` (a coroutine function or not). A stream that comes out of
    ``parse()`` is followed. If the body is read in another way, its chunks and its usage are not seen, and what was
    read in part counts as read.
    """
    unparsed = _Unparsed(raw)
    seen: list[tuple[Any, weakref.ref[Any]]] = []

    def parsed(result: Any) -> Any:
        if not isinstance(result, stream_classes):
            answer.reader.whole(result)
            answer.end("ok")
            return result
        if not seen:
            return follow(result)
        stream, handed_out = seen[0]
        # The response gives the same stream each time, and so do we. Of two, the first is the one that counts.
        return handed_out() or result if result is stream else result

    def follow(stream: Any) -> Any:
        try:
            handed_out = followed_stream(stream, answer)  # from here on the run hangs on the stream
            seen.append((stream, weakref.ref(handed_out)))
        except Exception:  # noqa: BLE001 - the host must not notice
            answer.reader.surprise()
            answer.end("ok")
            return stream
        return handed_out

    @functools.wraps(raw.parse)
    def parse(*args: Any, **kwargs: Any) -> Any:
        token = enter(answer)
        try:
            result = unparsed.parse(*args, **kwargs)
        except BaseException as error:
            answer.failed(error)
            raise
        finally:
            leave(token)
        return parsed(result)

    @functools.wraps(raw.parse)
    async def parse_async(*args: Any, **kwargs: Any) -> Any:
        token = enter(answer)
        try:
            result = await unparsed.parse(*args, **kwargs)
        except BaseException as error:
            answer.failed(error)
            raise
        finally:
            leave(token)
        return parsed(result)

    del parse.__wrapped__, parse_async.__wrapped__  # the bound method would hold the response
    when_closed(raw.http_response, answer)
    raw.parse = parse_async if inspect.iscoroutinefunction(raw.parse) else parse
    answer.hold(unparsed)
