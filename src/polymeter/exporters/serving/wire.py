"""A connection that never blocks, plain or with TLS: it reads, writes, or says what to wait for."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["NotReadyError", "PlainWire", "TlsWire", "Wire"]

ResultT = TypeVar("ResultT")

_AT_ONCE: Final = 16 * 1024


class NotReadyError(Exception):
    """Nothing can be done before the socket is ready.

    :ivar events: to wait for, as in ``selectors``.
    """

    def __init__(self, events: int) -> None:
        super().__init__()
        self.events = events


class PlainWire:
    """Takes over a connection. Its methods raise ``OSError`` when it is broken."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self._socket = connection

    def fileno(self) -> int:
        """Give what a selector takes; -1 when closed."""
        return self._socket.fileno()

    def shake_hands(self) -> None:
        """Do what has to be done before anything else."""

    def read(self) -> bytes:
        """Give what has come; nothing at the end.

        :raises NotReadyError: if nothing has.
        """
        try:
            return self._socket.recv(_AT_ONCE)
        except BlockingIOError:
            raise NotReadyError(selectors.EVENT_READ) from None

    def write(self, data: memoryview) -> int:
        """Send some of ``data``; tell how many bytes.

        :raises NotReadyError: if nothing can be sent.
        """
        try:
            return self._socket.send(data)
        except BlockingIOError:
            raise NotReadyError(selectors.EVENT_WRITE) from None

    def end(self) -> None:
        """Say that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of the connection, whatever its state."""
        with suppress(OSError):
            self._socket.close()


class TlsWire:
    """As :class:`PlainWire`, with TLS."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        import ssl

        connection.settimeout(0)
        self._wants_read = ssl.SSLWantReadError
        self._wants_write = ssl.SSLWantWriteError
        self._ends = ssl.SSLEOFError, ssl.SSLZeroReturnError
        self._socket = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def fileno(self) -> int:
        """Give what a selector takes; -1 when closed."""
        return self._socket.fileno()

    def shake_hands(self) -> None:
        """Do what has to be done before anything else.

        :raises NotReadyError: if the other side has to say something first.
        """
        self._try(self._socket.do_handshake)

    def read(self) -> bytes:
        """Give what has come; nothing at the end.

        :raises NotReadyError: if nothing has.
        """
        try:
            return self._try(lambda: self._socket.recv(_AT_ONCE))
        except self._ends:
            return b""

    def write(self, data: memoryview) -> int:
        """Send some of ``data``; tell how many bytes.

        :raises NotReadyError: if nothing can be sent.
        """
        return self._try(lambda: self._socket.send(data))

    def end(self) -> None:
        """Say that nothing more will be sent; what the other side says to that is not waited for."""
        with suppress(OSError):
            self._socket.unwrap()
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of the connection, whatever its state."""
        with suppress(OSError):
            self._socket.close()

    def _try(self, operation: Callable[[], ResultT]) -> ResultT:
        try:
            return operation()
        except self._wants_read:
            raise NotReadyError(selectors.EVENT_READ) from None
        except self._wants_write:
            raise NotReadyError(selectors.EVENT_WRITE) from None


Wire: TypeAlias = PlainWire | TlsWire
