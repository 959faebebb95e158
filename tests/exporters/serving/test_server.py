"""A server of our own: what it says to whom, and that nothing is left of it."""

from __future__ import annotations

import gc
import gzip
import os
import socket
import threading
import time
from http.client import HTTPConnection

import pytest

from polymeter.errors import DefinitionError
from polymeter.exporters.serving import Bearer, serve
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.serving.stand_in import PLAIN, StandIn, fail
from tests.exporters.serving.visiting import GET, PATIENCE, all_of, ask, connected, said, server, status_of
from tests.interpreter import SRC, answer_of


@pytest.fixture
def exposer():
    return StandIn(b"a 1\n")


@pytest.fixture
def port(exposer):
    with serve(exposer, 0) as it:
        yield it.port


def test_it_serves_from_the_moment_it_is_made(exposer):
    with serve(exposer, 0) as it:
        assert it.url == f"http://127.0.0.1:{it.port}/metrics"
        status, headers, body = ask(it.port)
        assert (status, headers["content-type"], body) == (200, PLAIN, b"renderings_total 1\na 1\n")
        assert repr(it) == f"<Server {it.url}>"


def test_one_connection_can_ask_again_and_again(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    bodies = []
    for path in ["/metrics", "/elsewhere", "/metrics"]:
        connection.request("GET", path)
        bodies.append(connection.getresponse().read())
    connection.close()
    assert bodies == [b"renderings_total 1\na 1\n", b"There is only /metrics here.\n", b"renderings_total 2\na 1\n"]


def test_requests_that_come_together_are_answered_in_their_order(port):
    last = GET.replace(b"Host", b"Connection: close\r\nHost").replace(b"GET", b"HEAD")
    answer = said(port, GET + GET.replace(b"/metrics", b"/x") + last)
    assert [int(part[1:4]) for part in answer.split(b"HTTP/1.1")[1:]] == [200, 404, 200]


def test_gzip_accept_and_names_arrive(port, exposer):
    body = ask(port, "/metrics?name[]=a", **{"Accept": "text/html", "Accept-Encoding": "gzip"})[2]
    assert gzip.decompress(body) == b"renderings_total 1\na 1\n"
    assert exposer.asked == [("text/html", ("a",))]


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"HEAD /metrics HTTP/1.0\r\n\r\n", 200),
        (b"OPTIONS /metrics HTTP/1.0\r\n\r\n", 204),
        (b"GET http://here/metrics HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 404),
        (b"BREW /metrics HTTP/1.0\r\n\r\n", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xee\x01\n\n", 400),
        (b"GET /metrics HTTP/3.0\r\n\r\n", 505),
        (b"GET /" + b"x" * 100_000, 414),
        (b"GET /metrics HTTP/1.0\r\n" + b"x: y\r\n" * 20_000 + b"\r\n", 431),
        (b"GET /metrics HTTP/1.0\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n", 431),
    ],
)
def test_whatever_comes_gets_its_answer(port, request_head, status):
    answer = said(port, request_head)
    assert status_of(answer) == status
    assert b"connection: close" in answer
    assert ask(port)[0] == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 100000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_body_is_never_taken_for_a_request(port, exposer, method, framing):
    smuggled = GET.replace(b"/metrics", b"/smuggled") * 2000
    answer = said(port, method + b" /metrics HTTP/1.1\r\nHost: here\r\n" + framing + b"\r\n\r\n" + smuggled)
    assert answer.count(b"HTTP/1.1") == 1
    assert status_of(answer) == (200 if method == b"GET" else 405)


def test_who_has_said_everything_is_still_answered(port):
    with connected(port, GET) as visitor:
        visitor.shutdown(socket.SHUT_WR)
        assert all_of(visitor).endswith(b"a 1\n")


def test_what_fails_is_a_500_and_the_next_one_is_answered(port, exposer, caplog):
    exposer.slices = [b"x 1\n" * 100_000, fail]
    status, _, body = ask(port)
    assert (status, body) == (500, b"The metrics could not be rendered.\n")
    exposer.slices = []
    assert ask(port)[0] == 200
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("ends", [SystemExit, KeyboardInterrupt])
def test_what_would_end_a_thread_does_not_end_the_server(port, exposer, ends):
    def end():
        raise ends

    exposer.slices = [end]
    assert ask(port)[0] == 500
    exposer.slices = []
    assert ask(port)[0] == 200


def test_an_answer_that_cannot_be_sent_harms_nobody_else(port, exposer, caplog):
    exposer.content_type = "text/plain; name=\u20ac"
    assert said(port, GET) == b""
    exposer.content_type = PLAIN
    assert ask(port)[0] == 200
    assert "UnicodeEncodeError" in caplog.text


def test_an_error_of_our_own_ends_nothing(exposer, caplog):
    """However unforeseen."""
    with serve(exposer, 0) as it:
        welcome = it._reception._welcome
        errors = [fail]
        it._reception._welcome = lambda: errors.pop()() if errors else welcome()
        assert ask(it.port)[0] == 200
    assert "ZeroDivisionError" in caplog.text


def test_a_credential_is_asked_for(exposer):
    with serve(exposer, 0, auth=Bearer("s3cret")) as it:
        status, headers, _ = ask(it.port, Authorization="Bearer wrong")
        assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="metrics"')
        assert ask(it.port, Authorization="Bearer s3cret")[0] == 200


def test_the_path_can_be_chosen(exposer):
    with serve(exposer, 0, path="/internal/metrics") as it:
        assert it.url.endswith("/internal/metrics")
        assert [ask(it.port, path)[0] for path in ("/internal/metrics", "/metrics")] == [200, 404]


def test_everything_is_rendered_in_one_thread_of_its_own(port, exposer):
    before = threading.active_count()
    for _ in range(5):
        ask(port)
    assert threading.active_count() == before
    (thread,) = exposer.threads
    assert thread.name == f"polymeter-serve-{port}"
    assert thread.daemon


def test_nothing_is_written_anywhere(port, capfd, caplog):
    for data in (GET, b"nonsense\r\n\r\n"):
        with connected(port, data) as visitor:
            visitor.recv(1)
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def test_closing_frees_the_port_ends_the_thread_and_may_be_repeated(exposer):
    before = set(threading.enumerate())
    first = serve(exposer, 0)
    ask(first.port)
    first.close()
    first.close()
    assert set(threading.enumerate()) == before
    with serve(exposer, first.port) as second:
        assert ask(second.port)[0] == 200


def test_closing_does_not_wait_for_visitors(exposer):
    exposer.slices = [b"x" * 30_000_000]
    it = serve(exposer, 0)
    with connected(it.port) as silent, connected(it.port, GET[:10]) as slow, connected(it.port, GET) as reading:
        assert reading.recv(1) == b"H"
        began = time.monotonic()
        it.close()
        assert time.monotonic() - began < 1
        assert silent.recv(1) == slow.recv(1) == b""
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", it.port), timeout=PATIENCE).close()


def test_closing_does_not_wait_for_a_rendering_that_does_not_end(exposer):
    entered, let_go = threading.Event(), threading.Event()

    def held_up():
        entered.set()
        let_go.wait(PATIENCE)
        return b""

    exposer.slices = [held_up]
    it = serve(exposer, 0)
    with connected(it.port, GET) as visitor:
        assert entered.wait(PATIENCE)
        began = time.monotonic()
        it.close()
        assert time.monotonic() - began < 1
        assert visitor.recv(1) == b""
    let_go.set()


def test_it_can_be_closed_by_what_it_renders(exposer):
    it = serve(exposer, 0)
    exposer.slices = [lambda: it.close() or b""]
    assert said(it.port, GET) == b""
    it.close()


def test_it_is_closed_when_the_interpreter_exits():
    """Or its sockets would be warned of."""
    code = """
import sys, threading, warnings
sys.path.insert(0, {src!r})
from polymeter.exporters.serving import serve

class Nothing:
    content_type = "text/plain"
    def exposition(self, accept="", *, names=()): return self
    def __iter__(self): return iter(())

serve(Nothing(), 0)
print(threading.active_count())
"""
    assert answer_of(code.format(src=str(SRC)), "-X", "dev", "-W", "error") == 2


def test_what_was_served_is_not_kept(exposer):
    exposer.slices = [b"x" * 5_000_000]
    with server(exposer) as it, connected(it.port, GET) as visitor:
        got = 0
        while got < 5_000_000:
            got += len(visitor.recv(1 << 20))
        gc.collect()
        # The connection goes on, what was sent on it does not.
        visitor.sendall(GET.replace(b"/metrics", b"/x"))
        assert visitor.recv(1 << 20).endswith(b"here.\n")
        gc.collect()
        renderings = it._reception._page.renderings
        assert [reference() for reference in renderings._held if reference() is not None] == []


def test_a_forked_child_does_not_answer_for_its_parent(exposer):
    with serve(exposer, 0) as it, connected(it.port, GET) as visitor:
        assert visitor.recv(1 << 16)
        fd_of_listener = it._reception._listening.fileno()

        def child():
            try:
                os.fstat(fd_of_listener)
                is_open = True
            except OSError:
                is_open = False
            it.close()
            with serve(exposer, 0) as own:  # it can have one of its own
                return is_open, threading.active_count(), ask(own.port)[0]

        assert answer_of_a_child(child) == [False, 2, 200]
        visitor.sendall(GET)
        assert visitor.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        assert ask(it.port)[0] == 200


@pytest.mark.parametrize("path", ["metrics", "", "/metrics?x", None, b"/metrics"])
def test_a_path_that_is_none_is_refused(exposer, path):
    with pytest.raises(DefinitionError, match="begins with a slash"):
        serve(exposer, 0, path=path)
