"""What came back, and what a status means for a delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.client import HTTPResponse, IncompleteRead, UnknownProtocol
from typing import TYPE_CHECKING, Final, cast

from polymeter.exporters.http.line import TooMuchError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from polymeter.exporters.http.line import Line

__all__ = ["BODY_LIMIT", "HEAD_AND_BODY_LIMIT", "Response", "read_answer", "reason_of"]

BODY_LIMIT: Final = 64 * 1024
"""Bytes of an answer's body that are read."""

HEAD_AND_BODY_LIMIT: Final = 2 * BODY_LIMIT
"""Bytes of a whole answer that are received."""

_THROTTLED: Final = 429


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    :ivar headers: their names in lower case.
    :ivar body: at most 64 kB.
    :ivar is_whole: whether that is all, so that the connection can serve again.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_whole: bool = field(default=True, repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004


def read_answer(line: Line, method: str) -> Response:
    """Read an answer from ``line``.

    The body of one that says no is read as far as it comes: the status has said all that counts.

    :raises TooMuchError: if one that says yes is longer than the limit.
    :raises HTTPException: if it makes no sense, or is cut off.
    :raises OSError: if the connection breaks, or the time is over.
    """
    # It asks nothing of its socket but makefile().
    answer = HTTPResponse(cast("socket.socket", line), method=method)
    try:
        answer.begin()
        if line.is_ended:  # to http.client that, too, is the end of the head
            nothing = b""
            raise IncompleteRead(nothing)
        if answer.status < 200:  # noqa: PLR2004 - 101: nobody asked for another protocol
            raise UnknownProtocol(str(answer.status))
        headers = {name.lower(): value for name, value in answer.getheaders()}
        response = Response(answer.status, headers, b"", is_whole=False)
        try:
            body = _read_body(answer)
        except Exception:
            if response.is_success:
                raise
            return response
        return Response(answer.status, headers, body, is_whole=not answer.will_close)
    finally:
        answer.close()


def _read_body(answer: HTTPResponse) -> bytes:
    body = answer.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise TooMuchError
    if answer.length:
        raise IncompleteRead(body, answer.length)
    return body


def reason_of(status: int) -> tuple[str, bool]:
    """Give the reason of a status that is no success, and whether it is worth to try again."""
    if status == _THROTTLED:
        return "throttled", True
    if status >= 500:  # noqa: PLR2004
        return "unavailable", status in {502, 503, 504}
    return "rejected", False
