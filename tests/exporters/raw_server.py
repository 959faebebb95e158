"""A server that sends the very bytes it is given: for answers that no proper server would make."""

from __future__ import annotations

import itertools
import socket
import threading
from contextlib import suppress

HOST = "127.0.0.1"
_CHUNK = 64 * 1024


class RawServer:
    """Answers the n-th connection with the n-th answer, once the head of a request has come; then hangs up.

    An answer is bytes, or an iterable of bytes that may go on for ever. ``heads``: the heads of the requests.
    """

    def __init__(self, *answers, leaves_at_once=False):
        self.heads = []
        self._answers = answers
        self._leaves_at_once = leaves_at_once
        self._is_over = False
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._is_over = True
        with suppress(OSError), socket.create_connection((HOST, self.port)):
            pass  # closing a socket does not wake who accepts on it
        self._thread.join()
        self._listener.close()

    def _serve(self):
        for answer in self._answers:
            connection, _ = self._listener.accept()
            if self._is_over:
                connection.close()
                return
            with connection, suppress(OSError), connection.makefile("rb") as reader:
                self.heads.append(b"".join(itertools.takewhile(bytes.strip, reader)).decode("latin-1"))
                for part in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                while not self._leaves_at_once and connection.recv(_CHUNK):
                    pass
