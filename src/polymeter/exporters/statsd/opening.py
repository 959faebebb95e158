"""Opening sockets, and what a name was resolved to."""

from __future__ import annotations

import errno
import os
import selectors
import socket
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.exporters.statsd.sockets import Datagrams, Frames, Lines

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.deadline import Deadline
    from polymeter.exporters.statsd.addresses import Address
    from polymeter.exporters.statsd.sockets import Sink

__all__ = ["Place", "opened"]

_SLICE: Final = 0.05
_STARTED: Final = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, errno.EINTR}


class _Found(NamedTuple):
    family: int
    address: tuple[Any, ...]


class Place:
    """What a host is called in numbers: asked for once, and again after ``refresh`` seconds or a failure.

    As long as nobody can say anything newer, what was known stays. To ask may take as long as the operating system
    likes; a number is not asked for.

    :ivar framed: whether the length of each packet goes before it in a stream over a Unix socket; else lines end.
    """

    def __init__(self, address: Address, *, framed: bool, ipv6: bool, refresh: float, clock: Clock) -> None:
        self.address = address
        self.framed = framed
        self._family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self._refresh = refresh
        self._clock = clock
        self._found: list[_Found] = []
        self._asked_at = 0.0
        self._is_doubtful = True

    def doubt(self) -> None:
        """Ask again before the next use, and prefer another of several answers."""
        self._is_doubtful = True
        self._found = self._found[1:] + self._found[:1]

    def found(self) -> list[_Found]:
        """Give the addresses, the likeliest first.

        :raises OSError: if there is none.
        """
        now = self._clock.monotonic()
        if self._is_doubtful or now - self._asked_at >= self._refresh:
            self._ask()
            self._asked_at, self._is_doubtful = now, False
        return self._found

    def _ask(self) -> None:
        kind = socket.SOCK_STREAM if self.address.scheme == "tcp" else socket.SOCK_DGRAM
        try:
            answers = socket.getaddrinfo(self.address.host, self.address.port, type=kind)
        except OSError:
            if not self._found:
                raise
            return
        new = [_Found(family, address) for family, _, _, _, address in answers]
        new.sort(key=lambda found: found.family != self._family)
        if set(new) != set(self._found):
            self._found = new


def opened(place: Place, deadline: Deadline) -> tuple[Sink, object]:
    """Open a socket; give also what it leads to.

    :raises OSError: if nobody is there.
    """
    address = place.address
    if address.path:
        return _unix(address, deadline, framed=place.framed), address.path
    problem: OSError = TimeoutError()
    for found in place.found():
        if address.scheme == "tcp" and deadline.left <= 0:
            break
        connection: socket.socket | None = None
        try:
            if address.scheme == "tcp":
                connection = socket.socket(found.family, socket.SOCK_STREAM)
                _connect(connection, found.address, deadline)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return Lines(connection), found
            connection = socket.socket(found.family, socket.SOCK_DGRAM)
            connection.connect(found.address)
            return Datagrams(connection, is_local=False), found
        except OSError as error:
            if connection is not None:
                connection.close()
            problem = error
    raise problem


def _unix(address: Address, deadline: Deadline, *, framed: bool) -> Sink:
    if not hasattr(socket, "AF_UNIX"):
        message = "this operating system has no Unix sockets"
        raise OSError(message)
    if address.scheme != "unixstream":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            connection.connect(address.path)
            return Datagrams(connection, is_local=True)
        except OSError as error:
            connection.close()
            if error.errno != errno.EPROTOTYPE or address.scheme == "unixgram":
                raise
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect(connection, address.path, deadline)
    except OSError:
        connection.close()
        raise
    return Frames(connection) if framed else Lines(connection)


def _connect(connection: socket.socket, address: Any, deadline: Deadline) -> None:
    connection.settimeout(0)
    while True:
        code = connection.connect_ex(address)
        if code != errno.EAGAIN or connection.family != getattr(socket, "AF_UNIX", None):
            break
        if not deadline.wait(_SLICE / 10):  # as many wait for a Unix socket as it lets wait
            raise TimeoutError
    if code in _STARTED:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_WRITE)
            while not selector.select(min(_SLICE, deadline.left)):
                if deadline.left <= 0:
                    raise TimeoutError
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
