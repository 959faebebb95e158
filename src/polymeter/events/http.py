"""The vocabulary of HTTP client calls.

One request that is sent has one start and exactly one end, however it ends::

    HttpRequestStarted
    HttpRequestCompleted(outcome)

A request that a library sends again by itself, and one that follows a redirect, is a request of its own. The end
repeats what the start said, so a listener needs no memory. Neither carries a path, a query, a header or a body: of the
URL there is the host alone, with scheme and port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from polymeter.events.event import Event
from polymeter.events.inference import Outcome

__all__ = ["KNOWN_METHODS", "HttpRequestCompleted", "HttpRequestEvent", "HttpRequestStarted", "Outcome"]

KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
"""Methods that are told by their names, as in the OpenTelemetry conventions; any other one is ``_OTHER``."""

_ERRORS_FROM: Final = 400


@dataclass(slots=True, kw_only=True)
class HttpRequestEvent(Event):
    """What every event of a request says.

    :ivar request_id: unique per request that is sent.
    :ivar method: one of :data:`KNOWN_METHODS`, or ``_OTHER``.
    :ivar host: name or address of the server, without port.
    :ivar port: its port, also where the URL leaves it out; ``None`` if the scheme has none.
    :ivar scheme: ``http`` or ``https``.
    :ivar library: the client library: ``httpx``, ``httpx2``, ``requests``, ``aiohttp``.
    :ivar attempt: 1 for the first; more if the library sends the same request again by itself.
    """

    request_id: str
    method: str
    host: str
    port: int | None = None
    scheme: str = "http"
    library: str = "unknown"
    attempt: int = 1


@dataclass(slots=True, kw_only=True)
class HttpRequestStarted(HttpRequestEvent):
    """A request is about to be sent; getting a connection for it is a part of it."""


@dataclass(slots=True, kw_only=True)
class HttpRequestCompleted(HttpRequestEvent):
    """A request ended, with the body of its answer; ``at`` is its end.

    :ivar outcome: ``ok``: the answer came whole, whatever its status; ``error``: an exception, also while the body was
        read; ``cancelled``: closed before the end of the body, or a task was cancelled; ``abandoned``: dropped.
    :ivar duration_ms: milliseconds since it began.
    :ivar http_status: status of the answer; ``None`` if there was none.
    :ivar time_to_first_byte_ms: milliseconds from the start to the headers of the answer, if they were handed out.
    :ivar request_bytes: size of the body that was sent, without headers; ``None`` if it is not known.
    :ivar response_bytes: how much of the answer's body was received, as it came over the wire: compressed, without
        headers and the frames of chunks; ``None`` if there was no answer, or it is not known.
    :ivar error_type: of an error: class of the exception.
    """

    outcome: Outcome
    duration_ms: float
    http_status: int | None = None
    time_to_first_byte_ms: float | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    error_type: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the answer came whole and is none of an error (status 400 and above)."""
        return self.outcome == "ok" and self.failure is None

    @property
    def failure(self) -> str | None:
        """What went wrong, if something did: the class of the exception, else a status of 400 and above as text."""
        if self.outcome == "error":
            return self.error_type or "_OTHER"
        if self.http_status is not None and self.http_status >= _ERRORS_FROM:
            return str(self.http_status)
        return None
