"""Bodies of requests: those that are sent, counted, and those that are received, followed to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.sources import http_following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polymeter.sources.http_following import Overrides
    from polymeter.sources.http_run import HttpRun

__all__ = ["CountedBody", "follow"]

_READING: Final = f"{http_following.NOTE}reading"


class CountedBody:
    """A body without a length, as it is sent: an iterable, or something to read from.

    :param body: the body, which has all other attributes.
    :param sent: called with each piece.
    """

    def __init__(self, body: Any, sent: Callable[[Any], None]) -> None:
        self._body = body
        self._sent = sent

    def __iter__(self) -> Iterator[Any]:
        for piece in self._body:
            self._sent(piece)
            yield piece

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._body, name)
        return self._counted(found) if name == "read" else found

    def _counted(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            piece = read(*args, **kwargs)
            self._sent(piece)
            return piece

        return counted


def follow(raw: Any, run: HttpRun) -> None:
    """Have ``run`` end with the body of an answer.

    :param raw: the answer as urllib3 gives it, whose body has not been read.
    """
    if not (hasattr(raw, "isclosed") and hasattr(raw, "tell")) or not http_following.follow(raw, run, _OVERRIDES):
        run.received = None  # an adapter of somebody's own, whose body nobody knows
        run.end("ok")
    elif raw.isclosed():
        _progressed(raw)


def _progressed(raw: Any) -> None:
    """Note what has been read, and the end of the body if it is reached."""
    run = http_following.run_of(raw)
    if run is None:
        return
    run.received = max(run.received or 0, raw.tell())  # which does not count chunks
    if raw.isclosed():
        # Older releases of urllib3 take a line that broke for the end of the body, and say nothing.
        run.end("error" if getattr(raw, "length_remaining", None) else "ok")
        http_following.leave(raw)


def _failed(raw: Any, error: BaseException) -> None:
    run = http_following.run_of(raw)
    if run is not None:
        run.received = max(run.received or 0, raw.tell())
        run.failed(error)
        http_following.leave(raw)


def _reads(cls: type, name: str) -> Callable[..., Any]:
    def read(raw: Any, *args: Any, **kwargs: Any) -> Any:
        raw.__dict__[_READING] = True
        try:
            data = getattr(cls, name)(raw, *args, **kwargs)
        except BaseException as error:
            _failed(raw, error)
            raise
        finally:
            raw.__dict__.pop(_READING, None)
        _progressed(raw)
        return data

    return read


def _reads_chunks(cls: type, name: str) -> Callable[..., Any]:
    def read_chunked(raw: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        chunks = getattr(cls, name)(raw, *args, **kwargs)
        try:
            while True:
                raw.__dict__[_READING] = True
                try:
                    chunk = next(chunks)
                except StopIteration:
                    break
                except BaseException as error:
                    _failed(raw, error)
                    raise
                finally:
                    raw.__dict__.pop(_READING, None)
                yield chunk
        finally:
            chunks.close()
        _progressed(raw)

    return read_chunked


def _counts_chunk(cls: type, name: str) -> Callable[..., Any]:
    def handle_chunk(raw: Any, *args: Any, **kwargs: Any) -> Any:
        chunk = getattr(cls, name)(raw, *args, **kwargs)
        run = http_following.run_of(raw)
        if run is not None:
            run.received = (run.received or 0) + len(chunk)
        return chunk

    return handle_chunk


def _closes(cls: type, name: str) -> Callable[..., Any]:
    def close(raw: Any) -> None:
        run = http_following.run_of(raw)
        try:
            if run is not None and _READING not in raw.__dict__:  # else reading it closes it, and knows why
                # The finaliser of everything in io closes what it finalises, and says so.
                run.end("abandoned" if getattr(raw, "_finalizing", False) else "cancelled")
                http_following.leave(raw)
        finally:
            getattr(cls, name)(raw)

    return close


_OVERRIDES: Final[Overrides] = (
    ("read", _reads),
    ("read1", _reads),
    ("read_chunked", _reads_chunks),
    ("_handle_chunk", _counts_chunk),
    ("close", _closes),
)
