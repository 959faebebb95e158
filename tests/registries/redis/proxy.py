"""Between a client and Redis, on loopback: passes everything on, or loses answers."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress


class Proxy:
    """One connection is served by one thread.

    :ivar lose: so many answers to scripts are read and thrown away, and the connection is closed; Redis did the work.
    :ivar lost: how many were.
    """

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lose = self.lost = 0
        self._open = set()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def _listen(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            self._open |= {client, server}
            with suppress(OSError):
                while request := client.recv(1 << 20):
                    server.sendall(request)
                    while not self._is_whole(request):
                        more = client.recv(1 << 20)
                        request += more
                        server.sendall(more)
                    answer = server.recv(1 << 20)
                    if self.lose and b"EVAL" in request:
                        self.lose -= 1
                        self.lost += 1
                        return
                    client.sendall(answer)
            self._open -= {client, server}

    @staticmethod
    def _is_whole(request):
        """Tell whether a command has come to its end: its parts say how long they are."""
        place = 0
        while place < len(request):
            count, _, rest = request[place:].partition(b"\r\n")
            if not _:
                return False
            place = len(request) - len(rest)
            for _ in range(int(count[1:])):
                size, found, rest = request[place:].partition(b"\r\n")
                place += len(size) + 2 + int(size[1:] or 0) + 2 if found else len(request)
                if not found or place > len(request):
                    return False
        return True

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def proxied(port):
    """Run one for a ``with`` block."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
