"""A real Redis on loopback: started, killed, started again, paused."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.servers.ports import Port
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RedisServer", "started"]


class RedisServer:
    """One that can be done anything to.

    :ivar port: where it is, or is not.
    :ivar folder: where it keeps what it is told to keep.
    """

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        """:param options: for its command line."""
        self.folder = folder
        self._program = program
        self._options = options
        self._kept = Port()
        self._free = self._kept.free()
        self.port = self._free.__enter__()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder]
        command += ["--save", "", *self._options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, what="redis-server is ready", why_not=(self.folder / "log").read_text)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        return False

    def kill(self) -> None:
        """End it at once: what it has not written is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it do nothing for a ``with`` block; connections to it can still be made."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it, and give its port back."""
        self.kill()
        self._free.__exit__(None, None, None)
        self._kept.close()


@contextmanager
def started(program: Path, folder: Path, *options: str) -> Iterator[RedisServer]:
    """Run one for a ``with`` block."""
    server = RedisServer(program, folder, *options)
    try:
        server.start()
        yield server
    finally:
        server.close()
