"""FaultServer: each fault as a client sees it, what is kept, and that it always closes."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import threading
import time
from contextlib import closing, suppress

import pytest

from polymeter.testing import FaultServer
from polymeter.testing.faults import FAULTS

SOON = 10.0
"""Real seconds for what happens at once."""


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


def address(server):
    host, _, port = server.url.rpartition("/")[2].partition(":")
    return host, int(port)


def line_to(server, **options):
    return closing(http.client.HTTPConnection(*address(server), timeout=SOON, **options))


def put(line, body=b"x", **headers):
    line.request("PUT", "/path?q=1", body, headers)
    answer = line.getresponse()
    return answer.status, answer.getheader("Retry-After"), answer.read()


def test_it_takes_requests_and_keeps_them(server):
    with line_to(server) as line:
        assert put(line, b"one", X="y") == (200, None, b"")
        assert put(line, gzip.compress(b"two"), **{"Content-Encoding": "gzip"}) == (200, None, b"")
    assert server.accepted == (b"one", b"two")
    first, second = server.requests
    assert (first.method, first.path, first.body, first.headers["x"]) == ("PUT", "/path?q=1", b"one", "y")
    assert (second.content, second.fault, second.is_accepted) == (b"two", "ok", True)
    assert (first.connection, second.connection) == (1, 1)
    assert "one" not in repr(first)


@pytest.mark.parametrize(
    ("fault", "retry_after", "expected"),
    [
        ("throttled", None, (429, None)),
        ("throttled", 5, (429, "5")),
        ("unavailable", 0.25, (503, "0.25")),
    ],
)
def test_statuses_say_no_and_the_line_stays(server, fault, retry_after, expected):
    server.behaves(fault, retry_after=retry_after)
    with line_to(server) as line:
        assert put(line)[:2] == expected
        server.behaves("ok")
        assert put(line)[0] == 200
    assert [(request.fault, request.is_accepted) for request in server.requests] == [(fault, False), ("ok", True)]
    assert server.accepted == (b"x",)


def test_a_port_that_refuses_is_the_same_afterwards(server):
    before = server.url
    for _ in range(3):
        server.behaves("refused")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address(server))
        server.behaves("ok")
        with line_to(server) as line:
            assert put(line)[0] == 200
    assert server.url == before


def test_a_port_that_refuses_ends_what_is_open(server):
    with line_to(server) as line:
        put(line)
        server.behaves("refused")
        line.auto_open = False
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(line)


def test_a_black_hole_takes_all_and_says_nothing_until_it_is_over(server):
    server.behaves("black_hole")
    with line_to(server) as line:
        line.request("PUT", "/", bytes(10_000_000))
        assert server.wait_for_requests(1)[0].is_accepted is False
        line.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            line.sock.recv(1)
        line.sock.settimeout(SOON)
        server.behaves("ok")
        assert line.sock.recv(1) == b""
    assert server.accepted == ()


def test_a_slow_drip_answers_in_the_end(server):
    server.behaves("slow_drip", every=0.001)
    with line_to(server) as line:
        assert put(line) == (200, None, b"")
        assert put(line) == (200, None, b"")
    assert len(server.accepted) == 2


def test_a_slow_drip_comes_in_many_parts(server):
    server.behaves("slow_drip", every=0.05)
    with socket.create_connection(address(server), timeout=SOON) as client:
        client.sendall(b"PUT / HTTP/1.1\r\n\r\n")
        some = client.recv(100) + client.recv(100)
    assert b"HTTP/1.1 200 OK".startswith(some)


def test_an_endless_answer_goes_on_until_the_client_leaves(server):
    server.behaves("endless")
    with line_to(server) as line:
        line.request("PUT", "/", b"x")
        answer = line.getresponse()
        for _ in range(20):
            assert len(answer.read(100_000)) == 100_000
        answer.close()
    wait_until(lambda: not server.connections)
    assert server.accepted == (b"x",)


@pytest.mark.parametrize(
    ("fault", "part", "accepted"),
    [("reset_mid_body", "request", 0), ("reset_mid_body", "answer", 1), ("accepted_then_reset", "request", 1)],
)
def test_a_reset_is_one(server, fault, part, accepted):
    server.behaves(fault, part=part)
    with socket.create_connection(address(server), timeout=SOON) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789")
        with client.makefile("rb") as answer, pytest.raises(ConnectionResetError):
            answer.read()
    [request] = server.requests
    assert len(server.accepted) == accepted
    assert len(request.body) == (5 if part == "request" and not accepted else 10)


@pytest.mark.parametrize(("tls", "says"), [("alert", "(?i)handshake.failure"), ("plain", "(?i)wrong.version|record")])
def test_bad_tls_fails_the_handshake_and_then_is_good_again(tls, says):
    with FaultServer(tls=True) as server:
        server.behaves("bad_tls", tls=tls)
        context = server.client_tls
        with socket.create_connection(address(server), timeout=SOON) as client, pytest.raises(ssl.SSLError, match=says):
            context.wrap_socket(client, server_hostname="127.0.0.1")
        server.behaves("ok")
        with closing(http.client.HTTPSConnection(*address(server), timeout=SOON, context=context)) as line:
            assert put(line)[0] == 200
    assert server.accepted == (b"x",)


def test_a_fault_for_so_many_times_is_then_over(server):
    server.behaves("unavailable", times=2)
    with line_to(server) as line:
        assert [put(line)[0] for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"fault": "fire"}, "'fire': use one of ok, refused"),
        ({"fault": "reset_mid_body", "part": "head"}, "request, answer"),
        ({"fault": "bad_tls", "tls": "x"}, "alert, plain"),
        ({"fault": "bad_tls"}, "tls=True"),
        ({"fault": "ok", "times": 0}, "times"),
        ({"fault": "refused", "times": 1}, "times"),
    ],
)
def test_what_it_cannot_do_is_refused(server, wrong, says):
    with pytest.raises(ValueError, match=says):
        server.behaves(**wrong)


def test_what_is_kept_is_bounded_and_what_was_let_go_is_counted():
    with FaultServer(keep=100_000) as server, line_to(server) as line:
        for number in range(10):
            put(line, b"%d" % number * 30_000)
        assert [body[:1] for body in server.accepted] == [b"7", b"8", b"9"]
        assert server.forgotten == 7
        put(line, bytes(200_000))
        assert (server.requests, server.forgotten) == ((), 11)
        assert server.wait_for_requests(11) == ()


def test_requests_that_never_come_are_not_waited_for_for_ever(server):
    with pytest.raises(TimeoutError, match=r"0 requests came within 0\.01 s, not 1"):
        server.wait_for_requests(1, timeout=0.01)


@pytest.mark.parametrize("nonsense", [b"\r\n", b"\x16\x03\x01\r\n", b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"])
def test_nonsense_ends_the_connection_alone(server, nonsense):
    with socket.create_connection(address(server), timeout=SOON) as client:
        client.sendall(nonsense)
        with suppress(ConnectionResetError):
            assert client.recv(10) == b""
    with line_to(server) as line:
        assert put(line)[0] == 200


def test_threads_push_while_it_changes_its_mind(server):
    """Whatever was answered with 200 is accepted; nothing is accepted twice."""
    answered = []

    def push(number):
        for count in range(40):
            body = b"%d-%d" % (number, count)
            try:
                with line_to(server) as line:
                    if put(line, body)[0] == 200:
                        answered.append(body)
            except (OSError, http.client.HTTPException):
                pass

    threads = [threading.Thread(target=push, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for fault in ("unavailable", "ok", "black_hole", "refused", "accepted_then_reset", "ok", "endless"):
            server.behaves(fault)
            time.sleep(0.001)  # lets some requests meet it; nothing depends on how many
    server.behaves("ok")
    for thread in threads:
        thread.join()
    assert set(answered) <= set(server.accepted)
    assert len(set(server.accepted)) == len(server.accepted)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"bad_tls"}))
def test_it_closes_within_a_second_whoever_is_connected(fault, tls):
    before = set(threading.enumerate())
    server = FaultServer(tls=tls)
    server.behaves(fault)
    clients = []
    if fault != "refused":
        for _ in range(5):
            client = socket.create_connection(address(server), timeout=SOON)
            clients.append(client)
            client.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789" if not tls else b"")
        wait_until(lambda: server.connections or fault in {"reset_mid_body", "accepted_then_reset"})
    started = time.perf_counter()
    server.close()
    server.close()
    assert time.perf_counter() - started < 1
    wait_until(lambda: not set(threading.enumerate()) - before)
    for client in clients:
        client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(server))
    with pytest.raises(ValueError, match="closed"):
        server.behaves("ok")


def wait_until(condition):
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)
