"""The connections that are open, each on a thread of its own."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.testing.faults.connection import Connection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["Crowd"]

_GRACE: Final = 0.4
"""Real seconds that threads get to end; they are daemons and cannot keep a process alive."""


class Crowd:
    """Serves connections side by side, and can end any of them.

    :param serve: called on the connection's own thread; must end soon after the connection was cut.
    """

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        self._serve = serve
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, Connection] = {}
        self._is_welcoming = True

    def __len__(self) -> int:
        with self._lock:
            return len(self._open)

    def take(self, plain: socket.socket) -> None:
        """Serve a connection from now on; does not wait."""
        connection = Connection(plain, next(self._numbers))
        thread = threading.Thread(
            target=self._work, args=(connection,), name=f"polymeter-faults-{connection.number}", daemon=True
        )
        thread.start()

    def cut(self, *, all_of_them: bool) -> None:
        """End those that a fault holds, or all."""
        with self._lock:
            for connection in self._open.values():
                if all_of_them or connection.is_stuck:
                    connection.cut()

    def welcome(self, *, anybody: bool) -> None:
        """Say whether new ones are served, or cut as soon as they come."""
        with self._lock:
            self._is_welcoming = anybody

    def close(self) -> None:
        """End all, and wait for their threads, though not for ever."""
        self.welcome(anybody=False)
        self.cut(all_of_them=True)
        end = time.monotonic() + _GRACE
        with self._lock:
            threads = list(self._open)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self, connection: Connection) -> None:
        thread = threading.current_thread()
        with self._lock:
            self._open[thread] = connection
            if not self._is_welcoming:
                connection.cut()
        try:
            with suppress(OSError, EOFError):  # the client is gone, or the fault is over
                self._serve(connection)
        finally:
            with self._lock:  # so that nobody cuts what is closed
                del self._open[thread]
                connection.close()
