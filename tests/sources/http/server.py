"""A server on 127.0.0.1 that answers as its path says, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TEXT = b"one two three four five six seven eight nine ten " * 20
ZIPPED = gzip.compress(TEXT)
PIECE = b"x" * 1000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Say nothing."""

    def answer(self):
        """Call what the first part of the path names; the rest of it is for that."""
        path = urlsplit(self.path).path  # a proxy is asked for a whole URL
        name, *rest = path.strip("/").split("/")
        length = self.read_body()
        self.server.seen.append((self.command, name, length, self.client_address[1]))
        self.server.asked.set()
        with contextlib.suppress(ConnectionError):
            getattr(self, f"give_{name}")(*rest)

    do_GET = do_POST = do_HEAD = do_BREW = answer  # noqa: N815 - so they are called

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        total = 0
        while size := int(self.rfile.readline(), 16):
            total += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return total

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.flush()

    def whole(self, body=TEXT, status=200, **headers):
        self.head(status, Content_Length=len(body), **headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def give_text(self, *_):
        self.whole()

    def give_gzip(self):
        self.whole(ZIPPED, Content_Encoding="gzip")

    def give_empty(self, status="204"):
        self.send_response(int(status))
        if status != "204":
            self.send_header("Content-Length", "0")
        self.end_headers()

    def give_chunks(self, count="3", encoding=""):
        self.head(Transfer_Encoding="chunked", **({"Content_Encoding": encoding} if encoding else {}))
        if encoding:
            self.chunk(ZIPPED[:20])
            self.chunk(ZIPPED[20:])
        else:
            for _ in range(int(count)):
                self.chunk(PIECE)
        self.chunk(b"")

    def give_until_closed(self):
        """Give a body without a length, which ends with the connection."""
        self.head(Connection="close")
        self.wfile.write(PIECE)
        self.close_connection = True

    def give_endless(self):
        """Give a piece, and the next one when the client goes away or the server is closed."""
        self.head(Transfer_Encoding="chunked")
        self.chunk(PIECE)
        self.wait()

    def give_long(self):
        """Give a part of a body of known length, and no more."""
        self.head(Content_Length=3 * len(PIECE))
        self.wfile.write(PIECE)
        self.wfile.flush()
        self.wait()

    def give_nonsense(self):
        """Give a length that is none."""
        self.head(Content_Length="9" * 5000, Connection="close")
        self.wfile.write(PIECE)
        self.close_connection = True

    def give_silence(self):
        """Give nothing at all."""
        self.wait()

    def wait(self):
        self.connection.settimeout(30)
        with contextlib.suppress(OSError):
            self.connection.recv(1)  # nothing comes but the end
        self.close_connection = True

    def give_drop(self, after="1", framed="chunked"):
        """Break the line within the body; with 0, before the headers."""
        if after != "0":
            if framed == "chunked":
                self.head(Transfer_Encoding="chunked")
                self.chunk(PIECE)
                self.wfile.write(b"3e8\r\nxxx")
            else:
                self.head(Content_Length=3 * len(PIECE))
                self.wfile.write(PIECE)
            self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def give_redirect(self, times="1", status="302"):
        left = int(times) - 1
        where = f"/redirect/{left}/{status}" if left else "/text"
        self.whole(b"elsewhere", int(status), Location=where)

    def give_status(self, status):
        self.whole(b"no", int(status))

    def give_flaky(self, times, status="503"):
        """Fail so many times, then answer; with a status of 0, break the line."""
        self.server.flakes += 1
        if self.server.flakes > int(times):
            self.whole()
        elif status == "0":
            self.give_drop("0")
        else:
            self.whole(b"not now", int(status))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.asked = threading.Event()
        self.flakes = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._lines = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def process_request(self, request, client_address):
        self._lines.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """Say nothing: clients that go away are the point."""

    def shutdown_request(self, request):
        self._lines.discard(request)
        super().shutdown_request(request)

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        for line in list(self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self.server_close()
