"""A connection that no call waits on for longer than the time that is left."""

from __future__ import annotations

import errno
import io
import os
import selectors
import socket
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from polymeter.exporters.http.remaining import Remaining

__all__ = ["Line", "TooMuchError", "dial"]

_SLICE: Final = 0.05
"""Seconds after which a wait on the network looks whether somebody cancelled."""

_PORTION: Final = 64 * 1024
_STARTED: Final = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, errno.EINTR}

ResultT = TypeVar("ResultT")


class TooMuchError(HTTPException):
    """The other side sends more than an answer may have."""


class Line:
    """One connection. Each call raises ``TimeoutError`` once no time is left, however slowly bytes trickle.

    :ivar remaining: the time for what is under way.
    :ivar allowance: bytes that may still be received.
    :ivar received: bytes that were.
    :ivar is_ended: whether the other side has stopped sending.
    """

    def __init__(self, connection: socket.socket, remaining: Remaining) -> None:
        self._connection = connection
        self.remaining = remaining
        self.allowance = 0
        self.received = 0
        self.is_ended = False

    def begin(self, remaining: Remaining, allowance: int) -> None:
        """Start an exchange."""
        self.remaining = remaining
        self.allowance = allowance
        self.received = 0
        self.is_ended = False

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on.

        :raises ssl.SSLError: if the other side cannot, or is not ``host``.
        """
        secured = context.wrap_socket(self._connection, server_hostname=host, do_handshake_on_connect=False)
        self._connection = secured
        self._in_time(secured.do_handshake)

    def send(self, data: bytes) -> None:
        """Send all of ``data``; once it returns the other side may have it."""
        view = memoryview(data)
        while view:
            view = view[self._in_time(partial(self._connection.send, view[:_PORTION])) :]

    def receive_into(self, buffer: WriteableBuffer) -> int:
        """Receive what there is; 0 at the end.

        :raises TooMuchError: beyond the allowance.
        """
        if self.received >= self.allowance:
            raise TooMuchError
        count = self._in_time(partial(self._connection.recv_into, buffer))
        self.received += count
        self.is_ended = not count
        return count

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """Give what ``http.client`` reads an answer from. To close it leaves the line open."""
        del mode
        return io.BufferedReader(_Reading(self))

    @property
    def is_stale(self) -> bool:
        """Whether the other side has closed an idle line, or says what nobody asked for."""
        try:
            self._connection.settimeout(0)
            # Past TLS: whatever comes unasked is the end of it.
            socket.socket.recv(self._connection, 1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        """Hang up; harmless to repeat, and in a forked child of no effect on its parent."""
        self._connection.close()

    def _in_time(self, call: Callable[[], ResultT]) -> ResultT:
        while (left := self.remaining.left) > 0:
            self._connection.settimeout(min(left, _SLICE))
            try:
                return call()
            except TimeoutError as error:
                if error.errno is not None:  # the operating system gave up, not we
                    raise
        raise TimeoutError


class _Reading(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._line.receive_into(buffer)


def dial(host: str, port: int, remaining: Remaining) -> Line:
    """Connect; each address that the name has gets its share of the time that is left.

    To look the name up may take as long as the operating system likes: nothing can interrupt that.

    :raises OSError: of the last address, if none of them answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem: OSError = TimeoutError()
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = remaining.left
        if left <= 0:
            break
        try:
            connection = socket.socket(family, kind, protocol)
        except OSError as error:  # no IPv6 on this machine
            problem = error
            continue
        try:
            _connect(connection, address, remaining, left - left / (len(found) - number))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
        else:
            return Line(connection, remaining)
    raise problem


def _connect(connection: socket.socket, address: object, remaining: Remaining, leave: float) -> None:
    """Connect, as long as there are more than ``leave`` seconds left."""
    connection.settimeout(0)
    code = connection.connect_ex(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
    if code in _STARTED:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_WRITE)
            while not selector.select(min(_SLICE, max(0.0, remaining.left - leave))):
                if remaining.left <= leave:
                    raise TimeoutError
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
