"""A TCP server on 127.0.0.1: a thread per connection, closed within a second whatever its handlers do."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Loopback"]

_HOST: Final = "127.0.0.1"
_GRACE: Final = 0.3
"""Real seconds that handlers get to end when the server closes; they are daemons and cannot keep a process alive."""


class Loopback:
    """Listens on a free port from the moment it is made.

    :param serve: called in a thread of its own for each connection; must end soon after the connection is shut down.
    :param closing: set by ``close()`` before it shuts connections down.
    """

    def __init__(self, serve: Callable[[socket.socket], None], closing: threading.Event) -> None:
        self._serve = serve
        self._closing = closing
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._listener = socket.create_server((_HOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}"
        self._name = f"polymeter-provider-{self.port}"
        self._acceptor = threading.Thread(target=self._accept, name=self._name, daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Stop listening, shut all connections down and wait for their threads, though not for ever. Idempotent."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        # Closing a socket does not wake a thread that accepts on it, a visitor does.
        with suppress(OSError), socket.create_connection((_HOST, self.port), timeout=_GRACE):
            pass
        self._acceptor.join(_GRACE)
        with self._lock:
            still_open = dict(self._open)
        for connection in still_open.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _GRACE
        for thread in still_open.keys() - {threading.current_thread()}:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    connection, _ = self._listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                except OSError:
                    # The visitor left already, or files ran out: the next one may have more luck.
                    if self._closing.wait(0.01):
                        return
                    continue
                with self._lock:
                    if self._closing.is_set():
                        connection.close()
                        return
                    thread = threading.Thread(target=self._work, args=(connection,), name=self._name, daemon=True)
                    thread.start()
                    self._open[thread] = connection

    def _work(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._serve(connection)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]
