"""Ports on loopback that are known before anything listens on them."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Port:
    """A port of 127.0.0.1 that is kept: connections to it are refused, and nobody else is given it.

    So a Prometheus that is configured once may go on asking for a page that is gone, and hits no stranger.

    :ivar number: the port.
    """

    def __init__(self) -> None:
        self._socket = _bound(0)
        self.number: int = self._socket.getsockname()[1]

    @contextmanager
    def free(self) -> Iterator[int]:
        """Leave it to whoever listens on it in the ``with`` block; it must have stopped at the end."""
        self._socket.close()
        try:
            yield self.number
        finally:
            self._socket = _bound(self.number)

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


def is_listening(number: int) -> bool:
    """Tell whether a connection to a port of 127.0.0.1 can be made."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
        return True
    return False


def free_udp_port() -> int:
    """Give a port of 127.0.0.1 that nobody else receives datagrams on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _bound(number: int) -> socket.socket:
    """Give a socket that is bound, and does not listen."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
    bound.bind(("127.0.0.1", number))
    return bound
