"""One connection of a client: requests in, answers or worse out."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from http.client import HTTPException, parse_headers, responses
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["Connection", "Head"]

_LINE_LIMIT: Final = 64 * 1024
_BODY_LIMIT: Final = 256 * 1024 * 1024
_AT_ONCE_RESET: Final = struct.pack("ii", 1, 0)  # lingers for 0 seconds: what was not sent is dropped


class Head(NamedTuple):
    """The start of a request."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int


class Connection:
    """Reads and writes. ``OSError`` and ``EOFError`` say that the client is gone, or that :meth:`cut` was called.

    :ivar number: counted from 1.
    :ivar is_stuck: whether it is held by a fault, not by its client.
    """

    def __init__(self, plain: socket.socket, number: int) -> None:
        self._socket = plain
        self._reader = plain.makefile("rb")
        self.number = number
        self.is_stuck = False
        self._is_cut = False

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self._reader.close()
        secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = secured
        self._reader = secured.makefile("rb")
        if self._is_cut:  # it may have been before there was something to cut
            raise EOFError
        secured.do_handshake()

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()

    def cut(self) -> None:
        """End every wait on this connection; from any thread."""
        self._is_cut = True
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # past TLS, which is no matter for two threads

    def reset(self) -> None:
        """Hang up as a crash would."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_RESET)
        self.close()

    def read_head(self) -> Head | None:
        """Read the start of the next request; ``None`` if there is none, or it makes no sense."""
        try:
            method, path, _ = self._reader.readline(_LINE_LIMIT).decode("ascii").split()
            headers = {name.lower(): value for name, value in parse_headers(self._reader).items()}
            length = int(headers.get("content-length", 0))
        except (ValueError, HTTPException):
            return None
        if "transfer-encoding" in headers or not 0 <= length <= _BODY_LIMIT:
            return None
        if headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Head(method, path, headers, length)

    def read_body(self, length: int) -> bytes:
        """Read that many bytes.

        :raises EOFError: if the client stops before.
        """
        body = self._reader.read(length)
        if len(body) < length:
            raise EOFError
        return body

    def read_to_end(self) -> None:
        """Read until the client hangs up."""
        while self._socket.recv(_LINE_LIMIT):
            pass

    def receive_some(self) -> None:
        """Read what there is, past any TLS that is not there yet."""
        self._socket.recv(_LINE_LIMIT)

    def pause(self, seconds: float) -> None:
        """Let time pass.

        :raises EOFError: as soon as the client hangs up.
        """
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(_LINE_LIMIT)
        except TimeoutError:
            self._socket.settimeout(None)
        else:
            raise EOFError

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.sendall(data)

    def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Send a whole answer, after which another request may follow."""
        self.send(answer_head(status, {**(headers or {}), "content-length": str(len(body))}) + body)


def answer_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Give status line and headers."""
    fields = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} {responses.get(status, '')}\r\n{''.join(fields)}\r\n".encode("latin-1")
