"""HTTP/1.1 as bytes: the head of a request read, the head of an answer written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from polymeter.exporters.serving.page import Answer, Request, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEAD_LIMIT", "LINE_LIMIT", "Asked", "head_of", "read_request"]

LINE_LIMIT: Final = 8 * 1024
"""The longest request line, in bytes."""
HEAD_LIMIT: Final = 32 * 1024
"""The longest head of a request, in bytes."""
_MOST_HEADERS: Final = 100

_END: Final = re.compile(rb"\r?\n\r?\n")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_NOT_IN_A_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came in on a connection.

    :ivar what: a request, or the answer to what was none.
    :ivar keep_alive: whether another request may follow.
    """

    what: Request | Answer
    keep_alive: bool = False


def read_request(buffer: bytearray, searched: int = 0) -> Asked | None:
    """Take the first request out of ``buffer``; ``None`` if it is not complete yet.

    A body is not read: after a request with one the connection has to end.

    :param searched: so many bytes were in the buffer when this was called the last time.
    """
    while buffer.startswith((b"\r", b"\n")):  # some clients send a line end too many
        del buffer[0]
    end = _END.search(buffer, max(0, searched - 3), HEAD_LIMIT)
    head_length = end.start() if end is not None else len(buffer)
    line_length = buffer.find(b"\n", 0, LINE_LIMIT + 1)
    if line_length < 0 and head_length > LINE_LIMIT:
        return Asked(plain(414, f"The request line is longer than {LINE_LIMIT} bytes."))
    if end is None:
        if len(buffer) >= HEAD_LIMIT:
            return Asked(plain(431, f"The headers are longer than {HEAD_LIMIT} bytes."))
        return None
    lines = buffer[:head_length].decode("latin-1").replace("\r\n", "\n").split("\n")
    del buffer[: end.end()]
    if len(lines) > _MOST_HEADERS + 1:
        return Asked(plain(431, f"There are more than {_MOST_HEADERS} headers."))
    return _asked(lines[0], lines[1:])


def _asked(line: str, lines: Sequence[str]) -> Asked:
    start = _LINE.fullmatch(line)
    headers = _headers(lines)
    if start is None or headers is None:
        return Asked(plain(400, "This is not HTTP/1.1."))
    method, target, major, minor = start.groups()
    if major != "1":
        return Asked(plain(505, "Only HTTP/1.1 is spoken here."))
    if minor != "0" and "host" not in headers:
        return Asked(plain(400, "There is no Host header."))
    path, query = _split(target)
    if not path:
        return Asked(plain(400, "This is not the target of a request."))
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    wants_end = "close" in headers.get("connection", "").lower()
    keep_alive = minor != "0" and not has_body and not wants_end
    return Asked(Request(method=method, path=path, query=query, headers=headers), keep_alive)


def _headers(lines: Sequence[str]) -> dict[str, str] | None:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or _NOT_IN_A_VALUE.search(value):
            return None
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _split(target: str) -> tuple[str, str]:
    """Give the path, decoded, and the query of a target; no path, if it is none."""
    if not target.startswith("/"):
        scheme, mark, rest = target.partition("://")
        if not mark or scheme.lower() not in {"http", "https"}:
            return ("*", "") if target == "*" else ("", "")
        target = rest[len(re.match("[^/?]*", rest)[0]) :]  # type: ignore[index]
        target = target if target.startswith("/") else f"/{target}"
    path, _, query = target.partition("?")
    return unquote(path), query


def head_of(answer: Answer, *, keep_alive: bool) -> bytes:
    """Give the head of an answer."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in answer.headers),
        *(() if keep_alive else ("connection: close",)),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")
