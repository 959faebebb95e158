"""What it costs a request of httpx to be watched, beside the instrumentation of OpenTelemetry."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpcore
import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from benchmarks.watching import OpenTelemetry, Ours, added
from polymeter.collectors import HttpMetricsCollector
from polymeter.sources import HttpSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Result

CALLS = 200
BODY = b"twelve apples"
HEADERS = [(b"content-length", b"13"), (b"content-type", b"text/plain")]


def rows() -> list[Result]:
    """Measure."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request would be most of what is measured
    transport = httpx.HTTPTransport(verify=False)  # of a class of its own neither would be told
    transport._pool = Answers()  # noqa: SLF001
    client = httpx.Client(transport=transport)

    def work() -> None:
        for _ in range(CALLS):
            assert client.get("http://stub.invalid/apples").content == BODY

    ours = Ours(HttpSource(["httpx"]), HttpMetricsCollector(), "http.client.requests")
    theirs = OpenTelemetry(HTTPXClientInstrumentor(), "http.client.duration")
    name = "a request of httpx: what watching adds"
    return [added(name, work, ours, theirs, "opentelemetry httpx", per=CALLS, seen=CALLS, target=0.5)]


class Answers(httpcore.ConnectionPool):
    """Answers at once, by no network."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Answer."""
        del request
        return httpcore.Response(200, headers=HEADERS, content=body())


def body() -> Iterator[bytes]:
    """Give the body in one piece, as one does that is read from a connection."""
    yield BODY
