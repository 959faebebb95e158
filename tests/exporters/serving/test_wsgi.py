"""The metrics as a WSGI app: by the book, in a real server, from many threads."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from polymeter.exporters.serving import Basic, wsgi, wsgi_app
from tests.exporters.serving.stand_in import PLAIN, StandIn, fail


def asked(app, method="GET", path="/", **environ):
    """Ask as the book says, and have the answer checked against it."""
    given = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "/mounted", "QUERY_STRING": "", **environ}
    setup_testing_defaults(given)
    started = []
    answer = validator(app)(given, lambda status, headers, _=None: started.append((status, dict(headers))))
    try:
        return (*started[0], b"".join(answer))
    finally:
        answer.close()


def test_it_answers_at_any_path_below_its_mount():
    app = wsgi_app(StandIn(b"a 1\n"))
    for number, path in enumerate(["", "/", "/metrics", "/any/thing"], 1):
        status, headers, body = asked(app, path=path)
        assert (status, headers["Content-Type"]) == ("200 OK", PLAIN)
        assert body == f"renderings_total {number}\na 1\n".encode()
        assert headers["Content-Length"] == str(len(body))


def test_accept_names_and_gzip_arrive():
    exposer = StandIn()
    _, headers, body = asked(
        wsgi_app(exposer), QUERY_STRING="name[]=a", HTTP_ACCEPT="text/html", HTTP_ACCEPT_ENCODING="gzip"
    )
    assert exposer.asked == [("text/html", ("a",))]
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == b"renderings_total 1\n"


@pytest.mark.parametrize(
    ("method", "status", "has_body"),
    [("HEAD", "200 OK", False), ("OPTIONS", "204 No Content", False), ("POST", "405 Method Not Allowed", True)],
)
def test_other_methods(method, status, has_body):
    got, _, body = asked(wsgi_app(StandIn()), method)
    assert (got, bool(body)) == (status, has_body)


def test_a_credential_is_asked_for():
    app = wsgi_app(StandIn(), auth=Basic("me", "s3cret"))
    assert asked(app)[0] == "401 Unauthorized"
    assert asked(app, HTTP_AUTHORIZATION="Basic bWU6czNjcmV0")[0] == "200 OK"


def test_what_fails_late_is_a_500_and_never_half_an_answer():
    status, _, body = asked(wsgi_app(StandIn(b"a 1\n" * 100_000, fail)))
    assert (status, body) == ("500 Internal Server Error", b"The metrics could not be rendered.\n")


def test_who_waits_too_long_for_another_thread_is_told_to_come_back(monkeypatch):
    monkeypatch.setattr(wsgi, "_PATIENCE", 0.05)
    entered, let_go = threading.Event(), threading.Event()

    def held_up():
        entered.set()
        let_go.wait(30)
        return b""

    app = wsgi_app(StandIn(held_up))
    answers = []
    other = threading.Thread(target=lambda: answers.append(asked(app)[0]))
    other.start()
    assert entered.wait(30)
    status, headers, _ = asked(app)
    let_go.set()
    other.join()
    assert (status, "Retry-After" in headers) == ("503 Service Unavailable", True)
    assert answers == ["200 OK"]


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):  # noqa: A002 - name of the base class
        pass


@contextmanager
def served(app):
    """Serve an app with the standard library's server; give its port."""
    with make_server("127.0.0.1", 0, validator(app), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_in_a_real_server(capfd):
    large = b"x 1\n" * 500_000
    with served(wsgi_app(StandIn(large))) as port:
        for method, number in [("GET", 1), ("HEAD", None), ("GET", 2)]:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, "/metrics")
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            assert answer.status == 200
            assert body == (b"" if number is None else f"renderings_total {number}\n".encode() + large)
    assert capfd.readouterr() == ("", "")


def test_threads_that_ask_at_once_share_the_work():
    gate = threading.Barrier(8)
    exposer = StandIn(*[b"x 1\n"] * 200)
    app = wsgi_app(exposer)
    answers = []

    def ask():
        gate.wait(30)
        answers.extend([asked(app) for _ in range(5)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(status, len(body) > 800) for status, _, body in answers} == {("200 OK", True)}
    assert len(answers) == 40
    assert exposer.begun <= 40
