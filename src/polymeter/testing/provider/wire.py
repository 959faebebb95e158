"""HTTP/1.1 on one connection: reading requests, writing answers, noticing that the client is gone."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, parse_headers, responses
from typing import TYPE_CHECKING

from polymeter.clock import Clock
from polymeter.testing.provider.faults import Refusal

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

__all__ = ["BODY_LIMIT", "Line", "LineClosedError", "Message"]

BODY_LIMIT = 16 * 1024 * 1024
"""The longest request body, in bytes."""

_LINE_LIMIT = 64 * 1024


class LineClosedError(Exception):
    """The client has hung up, or the provider was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request as it came in, names of headers in lower case; ``problem``: what is wrong with it as HTTP."""

    method: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    problem: Refusal | None = None


class Line:
    """One connection of a client.

    :param clock: what pauses are taken on.
    :param closing: set before the provider shuts its connections down, which ends every wait here.
    """

    def __init__(self, connection: socket.socket, clock: Clock, closing: threading.Event) -> None:
        self._connection = connection
        self._clock = clock
        self._closing = closing
        self._reader = connection.makefile("rb")
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self.keep_alive = True
        """Whether another request may follow."""

    @property
    def closing(self) -> bool:
        """Whether the provider is closing."""
        return self._closing.is_set()

    def close(self) -> None:
        """Give back everything but the connection itself."""
        self._selector.close()
        self._reader.close()

    # Reading

    def read(self) -> Message | None:
        """Read the next request; ``None`` if the client has hung up, even in the middle of one.

        After a request with a ``problem`` it is unknown where the next one starts, so none may follow.
        """
        try:
            start = self._reader.readline(_LINE_LIMIT)
            message = self._read_message(start) if start else None
        except (EOFError, OSError, LineClosedError):
            return None
        self.keep_alive = (
            message is not None and message.problem is None and message.headers.get("connection", "").lower() != "close"
        )
        return message

    def _read_message(self, start: bytes) -> Message:
        try:
            method, target, version = start.decode("ascii").split()
            headers = {name.lower(): value for name, value in parse_headers(self._reader).items()}
            length = int(headers.get("content-length", 0))
        except (ValueError, HTTPException):
            return Message(problem=Refusal(status=400, message="This is not HTTP/1.1."))
        path = target.partition("?")[0]
        problem = None
        if version != "HTTP/1.1":
            problem = Refusal(status=505, message="Only HTTP/1.1 is spoken here.")
        elif "transfer-encoding" in headers or length < 0:
            problem = Refusal(status=411, message="Say the length of the body in Content-Length.")
        elif length > BODY_LIMIT:
            problem = Refusal(status=413, message=f"The body is longer than {BODY_LIMIT} bytes.")
        if problem is not None:
            return Message(method=method, path=path, headers=headers, problem=problem)
        if headers.get("expect", "").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._reader.read(length)
        if len(body) < length:
            raise EOFError
        return Message(method=method, path=path, headers=headers, body=body)

    # Writing: each method raises LineClosedError if nobody is there any more

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole answer at once."""
        self._send(self._head(status, headers, "content-length", str(len(body))) + body)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the headers of a stream."""
        self._send(self._head(status, headers, "transfer-encoding", "chunked"))

    def send(self, data: bytes) -> None:
        """Send the next part of a stream."""
        self._send(_framed(data))

    def end(self, data: bytes) -> None:
        """Send the last part of a stream together with its end mark, so that no client can leave in between."""
        self._send(_framed(data) + b"0\r\n\r\n")

    def hang_up(self) -> None:
        """Close the connection where it is; what was sent before still arrives."""
        self.keep_alive = False
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def part(self) -> None:
        """Stop sending and wait for the client to stop: closing on unread bytes would take the answer back."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            while self._connection.recv(_LINE_LIMIT):
                pass

    def _head(self, status: int, headers: Mapping[str, str], framing: str, value: str) -> bytes:
        fields = {**headers, framing: value, "connection": "keep-alive" if self.keep_alive else "close"}
        lines = [f"HTTP/1.1 {status} {responses.get(status, '')}", *(f"{name}: {fields[name]}" for name in fields)]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise LineClosedError from error

    # Waiting

    def pause(self, seconds: float) -> None:
        """Let time pass on the clock, and make sure that the client is still there.

        :raises LineClosedError: if it is not; from a real wait at once.
        """
        if seconds > 0:
            # A clock with a sleep of its own decides what waiting means. The plain one would wait blindly.
            if type(self._clock).sleep is Clock.sleep:
                self.wait(seconds)
            else:
                self._clock.sleep(seconds)
        self.check()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for real, watching the client.

        :raises LineClosedError: as soon as the client hangs up or the provider closes.
        """
        if self._selector.select(seconds):
            self.check()
            # The next request is here already and hides the client from us; the provider can still close.
            self._closing.wait(seconds)
            self.check()

    def check(self) -> None:
        """Make sure that somebody is listening. A client that has stopped sending counts as gone.

        :raises LineClosedError: if not.
        """
        try:
            gone = self._closing.is_set() or (
                bool(self._selector.select(0)) and not self._connection.recv(1, socket.MSG_PEEK)
            )
        except OSError as error:
            raise LineClosedError from error
        if gone:
            raise LineClosedError


def _framed(data: bytes) -> bytes:
    # An empty chunk would be the end mark.
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
