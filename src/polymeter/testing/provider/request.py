"""What the server saw: one request and how it ended, and the log of all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.testing.provider.tokens import Tokens

__all__ = ["Log", "Outcome", "Request"]

Outcome: TypeAlias = Literal["open", "answered", "dropped", "client_closed", "server_closed", "failed"]
"""How a request ended: answered in full (errors too), broken off by script, given up by the client, cut short by
``close()``, or failed inside the provider; ``open``: not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; an immutable record, replaced in the log when it ends.

    :param number: place in the order of arrival, from 1.
    :param path: without its query.
    :param model: as requested; ``unknown`` if the request names none.
    :param stream: whether a stream was asked for.
    :param attempt: 0, or which retry this is by the client's own count (``x-stainless-retry-count``).
    :param received_at: Unix seconds on the clock of the provider.
    :param headers: names in lower case; secrets replaced by ``[redacted]``.
    :param body: the parsed JSON, prompts included; empty if there was none.
    :param status: the HTTP status sent; ``None``: none was.
    :param chunks: pieces of content sent by a stream.
    :param usage: the tokens reported to the client; ``None``: none were.
    """

    number: int = 0
    method: str
    path: str
    model: str
    stream: bool
    attempt: int
    received_at: float
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    outcome: Outcome = "open"
    status: int | None = None
    chunks: int = 0
    usage: Tokens | None = None


class Log:
    """All requests in order of arrival; thread-safe."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        """What went wrong inside the provider."""
        self._requests: list[Request] = []
        self._changed = threading.Condition()

    def open(self, request: Request) -> Request:
        """Append a request and give it back with its number."""
        with self._changed:
            numbered = replace(request, number=len(self._requests) + 1)
            self._requests.append(numbered)
            return numbered

    def close(self, request: Request) -> None:
        """Put the ended ``request`` in the place of the open one."""
        with self._changed:
            self._requests[request.number - 1] = request
            self._changed.notify_all()

    def all(self) -> tuple[Request, ...]:
        """Give the records of this moment."""
        with self._changed:
            return tuple(self._requests)

    def settled(self, timeout: float) -> tuple[Request, ...]:
        """Wait until no request is open, then give all.

        :param timeout: real seconds.
        :raises TimeoutError: if some are still open by then.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: all(each.outcome != "open" for each in self._requests), timeout):
                unended = [each for each in self._requests if each.outcome == "open"]
                message = f"still open after {timeout} s: {unended}; let the clients end first, or close the provider"
                raise TimeoutError(message)
            return tuple(self._requests)
