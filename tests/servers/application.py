"""A page of metrics in the test process, as an application would serve it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.servers.ports import Port

Page: TypeAlias = "tuple[str, Iterable[bytes]]"
"""Its content type and its body."""


@contextmanager
def serving(port: Port, answer: Callable[[str], Page]) -> Iterator[list[str]]:
    """Serve a page for a ``with`` block; give the Accept headers that came, in order.

    :param answer: gives the page for an Accept header.
    """
    accepted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds; nobody keeps the others waiting for longer

        def do_GET(self) -> None:
            accept = self.headers.get("Accept", "")
            accepted.append(accept)
            content_type, body = answer(accept)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            for part in body:
                self.wfile.write(part)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name that the base has
            """Stay quiet."""

    with port.free() as number, Server(("127.0.0.1", number), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name=f"page on {number}")
        thread.start()
        try:
            yield accepted
        finally:
            server.shutdown()
            thread.join()


class Server(HTTPServer):
    """Answers one request after the other: no thread comes and goes while a test looks at what threads there are."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a scraper go that did not wait for the answer."""
