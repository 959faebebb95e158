"""A page of metrics on 127.0.0.1, with the standard library alone."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["MetricsEndpoint"]

_HOST: Final = "127.0.0.1"
_PATH: Final = "/metrics"
_PLAIN: Final = "text/plain; charset=utf-8"
_PATIENCE: Final = 2.0
"""Seconds that a visitor may stay silent."""


class MetricsEndpoint:
    """Serves text at ``/metrics`` from the moment it is made until ``close()``.

    :param render: gives the text; called for each request, in a thread of its own.
    :param content_type: of that text.
    :param port: 0: a free one.
    :raises OSError: if the port cannot be had.
    """

    def __init__(self, render: Callable[[], str], content_type: str, port: int = 0) -> None:
        self._server = _Server((_HOST, port), _handler(render, content_type))
        self.port: int = self._server.server_address[1]
        self.url = f"http://{_HOST}:{self.port}{_PATH}"
        # Asked often whether to stop: the default of half a second would be felt at the end.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"metrics-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Idempotent."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True  # a port that was in use a minute ago is free
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about visitors that hang up."""


def _handler(render: Callable[[], str], content_type: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            if self.path.partition("?")[0] == _PATH:
                self._answer(HTTPStatus.OK, content_type, render())
            else:
                self._answer(HTTPStatus.NOT_FOUND, _PLAIN, f"There is only {_PATH} here.\n")

        do_HEAD = do_GET  # noqa: N815 -- names of the base class

        def _answer(self, status: HTTPStatus, of_type: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", of_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- name of the base class
            """Write nothing: the terminal shows tables."""

    return Handler
