"""What listens for StatsD in tests: real sockets of every kind."""

from __future__ import annotations

import math
import os
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

PATIENCE = 30
SIZE = 65_536


class _Datagrams:
    """Keeps what it has received until it is asked."""

    def __init__(self, listening, *, buffer=None):
        self._socket = listening
        if buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)

    def packets(self, wanted=None, *, most=math.inf):
        """Give what has come since the last time, ``most`` of it; with ``wanted`` wait for so many packets."""
        got = []
        self._socket.settimeout(0 if wanted is None else PATIENCE)
        while len(got) < (most if wanted is None else wanted):
            try:
                got.append(self._socket.recv(SIZE))
            except BlockingIOError:
                break
        return got

    def lines(self, wanted=None, *, most=math.inf):
        return [line for packet in self.packets(wanted, most=most) for line in packet.decode().split("\n")]

    def close(self):
        self._socket.close()


class Udp(_Datagrams):
    """A UDP port."""

    def __init__(self, port=0, *, family=socket.AF_INET):
        self.host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        listening = socket.socket(family, socket.SOCK_DGRAM)
        listening.bind((self.host, port))
        super().__init__(listening, buffer=4 << 20)
        self.port = listening.getsockname()[1]
        self.address = f"udp://[{self.host}]:{self.port}" if ":" in self.host else f"udp://{self.host}:{self.port}"


class UnixDatagrams(_Datagrams):
    """A Unix socket of datagrams; it takes few before somebody reads."""

    def __init__(self, path):
        self.path = Path(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.bind(os.fspath(path))
        super().__init__(listening)
        self.address = f"unixgram://{path}"

    def close(self):
        super().close()
        self.path.unlink(missing_ok=True)


class _Stream:
    """Accepts connections one after another, and keeps what comes through them."""

    def __init__(self, listening):
        self._listening = listening
        self._got = bytearray()
        self._changed = threading.Condition()
        self._closed = False
        self._connections = []
        self.accepted = 0
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with self._changed:
                self.accepted += 1
                self._connections.append(connection)
                self._changed.notify_all()
            threading.Thread(target=self._read, args=(connection,)).start()

    def _read(self, connection):
        with connection:
            while True:
                try:
                    part = connection.recv(SIZE)
                except OSError:
                    return
                if not part:
                    return
                with self._changed:
                    self._got += part
                    self._changed.notify_all()

    def wait_for(self, enough):
        """Wait until what has come is enough; give it."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(bytes(self._got)), PATIENCE), bytes(self._got)
            return bytes(self._got)

    def hang_up(self):
        """End the connections, and go on accepting."""
        with self._changed:
            for connection in self._connections:
                with_shutdown(connection)
            self._connections.clear()

    def close(self):
        with_shutdown(self._listening)
        self._listening.close()
        self.hang_up()
        self._thread.join()


def with_shutdown(connection):
    """End a connection, so that whoever waits for it wakes up."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Tcp(_Stream):
    """A TCP port that takes lines."""

    def __init__(self, port=0):
        listening = socket.create_server(("127.0.0.1", port))
        self.port = listening.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        super().__init__(listening)

    def lines(self, wanted):
        """Wait for so many lines, and give them."""
        return self.wait_for(lambda got: got.count(b"\n") >= wanted).decode().splitlines()


class UnixStream(_Stream):
    """A Unix socket of DogStatsD's framed packets."""

    def __init__(self, path):
        self.path = Path(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(os.fspath(path))
        listening.listen()
        self.address = f"unixstream://{path}"
        super().__init__(listening)

    def packets(self, wanted):
        """Wait for so many packets, and give them."""
        return frames_of(self.wait_for(lambda got: len(frames_of(got)) >= wanted))

    def close(self):
        super().close()
        self.path.unlink(missing_ok=True)


def frames_of(data):
    """Take framed packets apart; one that is not whole is left out."""
    packets = []
    while len(data) >= 4:
        (length,) = struct.unpack("<I", data[:4])
        if len(data) < 4 + length:
            break
        packets.append(data[4 : 4 + length])
        data = data[4 + length :]
    return packets
