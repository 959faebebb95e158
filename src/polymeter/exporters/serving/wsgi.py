"""The metrics as a WSGI app (PEP 3333): mount it wherever you like."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from polymeter.exporters.serving.page import Answer, Page, Request, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.exporters.serving.credentials import Credential
    from polymeter.exporters.serving.exposing import CanExpose
    from polymeter.exporters.serving.rendering import Rendering

__all__ = ["WsgiApp", "wsgi_app"]

_PATIENCE: Final = 30.0
"""Seconds that a request waits for other threads that render."""


def wsgi_app(exposer: CanExpose, *, auth: Credential | None = None, gzip: bool = True) -> WsgiApp:
    """Give a WSGI app that answers at any path below the one where it is mounted.

    It renders in the thread of the request, before it answers: a failure is a 500, never half an answer.

    :param exposer: a ``PrometheusExporter``.
    :param auth: ``Bearer(token)`` or ``Basic(user, password)``; ``None``: everybody may read.
    :param gzip: whether to compress for who accepts it.
    :raises DefinitionError: if ``exposer`` or ``auth`` are something else.
    """
    return WsgiApp(Page(exposer, auth=auth, gzip=gzip))


class WsgiApp:
    """A page behind WSGI. Thread-safe."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        answer = self._page.answer(_request(environ))
        if not isinstance(answer, Answer):
            answer = self._wait(answer)
        status = HTTPStatus(answer.status)
        headers = [(name.title(), value) for name, value in answer.headers]
        start_response(f"{status.value} {status.phrase}", headers)
        return answer.pieces

    def _wait(self, rendering: Rendering) -> Answer:
        """Render until it is done, or have other threads do so."""
        until = time.monotonic() + _PATIENCE
        renderings = self._page.renderings
        while not rendering.is_done:
            if not renderings.advance(until - time.monotonic()) and time.monotonic() >= until:
                return plain(503, "Another look at the metrics takes too long.", ("retry-after", "10"))
        return self._page.rendered(rendering)


def _request(environ: dict[str, Any]) -> Request:
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", ""),
        query=environ.get("QUERY_STRING", ""),
        headers={
            "accept": environ.get("HTTP_ACCEPT", ""),
            "accept-encoding": environ.get("HTTP_ACCEPT_ENCODING", ""),
            "authorization": environ.get("HTTP_AUTHORIZATION", ""),
        },
    )
