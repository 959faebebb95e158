"""The metrics in Starlette and uvicorn: real sockets, mounts and middlewares."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection, IncompleteRead

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from polymeter.exporters.serving import Bearer, asgi_app
from polymeter.exporters.serving.rendering import Rendering
from tests.exporters.serving.stand_in import PLAIN, StandIn, fail

PATIENCE = 20


@contextmanager
def served(app):
    """Serve ``app`` with uvicorn; give its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()


def ask(port, path, method="GET", **headers):
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


def application(metrics, *middleware):
    async def health(_request):
        return PlainTextResponse("well")

    routes = [Route("/metrics", metrics), Mount("/mounted", metrics), Route("/health", health)]
    return Starlette(routes=routes, middleware=[Middleware(each) for each in middleware])


@pytest.mark.parametrize("middleware", [(), (Passing,), (GZipMiddleware,)], ids=["bare", "passing", "gzip"])
def test_in_starlette_as_a_route_and_mounted(middleware):
    large = b"x 1\n" * 200_000
    exposer = StandIn(large)
    with served(application(asgi_app(exposer), *middleware)) as port:
        for number, path in enumerate(["/metrics", "/metrics?name[]=a", "/mounted/", "/mounted/below"], 1):
            status, headers, body = ask(port, path)
            assert (status, headers["content-type"]) == (200, PLAIN)
            assert body == f"renderings_total {number}\n".encode() + large
        assert ask(port, "/mounted")[1]["location"].endswith("/mounted/")
        assert ask(port, "/metrics", "HEAD")[::2] == (200, b"")
        assert ask(port, "/metrics", "OPTIONS")[0] == 204
        assert ask(port, "/metrics", "DELETE")[0] == 405
    assert exposer.asked[1] == ("", ("a",))


def test_alone_in_uvicorn():
    with served(asgi_app(StandIn(), auth=Bearer("s3cret"))) as port:
        assert ask(port, "/")[0] == 401
        assert ask(port, "/", Authorization="Bearer s3cret")[::2] == (200, b"renderings_total 1\n")


def test_200_at_once_and_a_slow_one():
    exposer = StandIn(*[b"x 1\n" * 10_000] * 20)
    answers = []
    with served(application(asgi_app(exposer))) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")  # and does not read
        threads = [threading.Thread(target=lambda: answers.append(ask(port, "/metrics"))) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert ask(port, "/health")[2] == b"well"
    assert {(status, body.partition(b"\n")[2] == b"x 1\n" * 200_000) for status, _, body in answers} == {(200, True)}
    assert len(answers) == 200
    assert exposer.begun < 200


@pytest.mark.parametrize("middleware", [(), (Passing,)], ids=["bare", "passing"])
def test_what_fails_late_is_a_500(middleware):
    with served(application(asgi_app(StandIn(b"x 1\n" * 100_000, fail)), *middleware)) as port:
        assert ask(port, "/metrics")[::2] == (500, b"The metrics could not be rendered.\n")


@pytest.mark.parametrize("middleware", [(), (Passing,)], ids=["bare", "passing"])
def test_half_an_answer_cannot_be_taken_for_whole(middleware, monkeypatch):
    pieces = Rendering.pieces

    def cut_later(rendering):
        for piece in pieces(rendering):
            yield piece
            rendering.cut()

    monkeypatch.setattr(Rendering, "pieces", cut_later)
    app = application(asgi_app(StandIn(b"x 1\n" * 100_000, b"x 1\n" * 100_000)), *middleware)
    with served(app) as port, pytest.raises((IncompleteRead, ConnectionError)):
        ask(port, "/metrics")
