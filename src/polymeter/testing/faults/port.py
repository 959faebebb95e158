"""A port that can refuse connections and take them again, without being lost to somebody else meanwhile."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HOST", "Port"]

HOST: Final = "127.0.0.1"
_GRACE: Final = 0.3


class Port:
    """A free port on 127.0.0.1, which refuses connections until :meth:`open`. Not thread-safe.

    :param take: gets each connection, on the port's own thread; must not wait.
    """

    def __init__(self, take: Callable[[socket.socket], None]) -> None:
        self._take = take
        self._socket = _bound(0)
        self.number: int = self._socket.getsockname()[1]
        self._thread: threading.Thread | None = None
        self._wake: socket.socket | None = None

    def open(self) -> None:
        """Take connections; harmless to repeat."""
        if self._thread is not None:
            return
        self._socket.listen(128)
        self._socket.settimeout(0)
        woken, self._wake = socket.socketpair()
        self._thread = threading.Thread(
            target=self._accept, args=(self._socket, woken), name=f"polymeter-faults-{self.number}", daemon=True
        )
        self._thread.start()

    def refuse(self) -> None:
        """Refuse connections from now on, those that nobody has taken yet included; harmless to repeat."""
        if self._thread is not None:
            self._stop()
            self._socket = _bound(self.number)  # bound but not listening: the system refuses, and gives it to nobody

    def close(self) -> None:
        """Give the port back."""
        self._stop()
        self._socket.close()

    def _stop(self) -> None:
        if self._wake is not None and self._thread is not None:
            self._wake.close()
            self._thread.join(_GRACE)
        self._thread = self._wake = None
        self._socket.close()

    def _accept(self, listener: socket.socket, woken: socket.socket) -> None:
        with woken, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not any(key.fileobj is woken for key, _ in selector.select()):
                with suppress(OSError):  # the client has left already
                    connection, _ = listener.accept()
                    connection.settimeout(None)
                    self._take(connection)


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    try:
        if os.name == "posix":  # elsewhere it would let others have the port, too
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
    except BaseException:
        made.close()
        raise
    return made
