"""A receiver of remote write in the test process: takes both versions, and answers as it is told."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.exporters.remote_write_messages import TYPE_2, decode

WRITTEN = "X-Prometheus-Remote-Write-Samples-Written"
HISTOGRAMS = "X-Prometheus-Remote-Write-Histograms-Written"


class Receiver:
    """What came, request by request.

    :ivar requests: as they were decoded, whatever was answered.
    :ivar headers: of each of them, names in lower case.
    :ivar statuses: what the next requests are answered, one after the other; then 204.
    :ivar knows_2: whether it knows version 2.0. One that does not answers 204 as well.
    :ivar loses: how many samples less it says that it has written.
    """

    def __init__(self, url):
        self.url = url
        self.forget()

    def forget(self):
        """Be as new."""
        self.requests, self.headers, self.statuses = [], [], []
        self.knows_2, self.loses = True, 0

    @property
    def series(self):
        """All series that came."""
        return [series for request in self.requests for series in request.series]

    def answer(self, headers, body):
        """Give a status and headers."""
        content_type = headers["content-type"]
        self.headers.append(headers)
        received = decode(body, content_type)
        self.requests.append(received)
        status = self.statuses.pop(0) if self.statuses else 204
        if content_type != TYPE_2 or not self.knows_2 or status != 204:
            return status, {}
        histograms = sum(len(series.histograms) for series in received.series)
        return status, {
            WRITTEN: str(len(received.series) - histograms - self.loses),
            HISTOGRAMS: str(histograms),
        }


@contextmanager
def receiving():
    """Run one for a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.answer(headers, body)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/api/v1/write")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="receiver of remote write")
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
