"""The connection that HttpTransport keeps: when it serves again, and when it must not."""

from __future__ import annotations

import gc
import os
import threading
import warnings

import pytest

from polymeter.clock import Clock
from polymeter.errors import DeliveryError
from polymeter.exporters.http import HttpTransport
from polymeter.testing import FaultServer, ManualClock
from tests.exporters.raw_server import RawServer
from tests.interpreter import answer_of

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def connections(server):
    return [request.connection for request in server.requests]


def test_requests_share_a_connection_until_it_is_closed(server):
    transport = HttpTransport(server.url)
    transport.send("POST", "/a", b"x")
    transport.send("PUT", "/b", b"x")
    transport.close()
    transport.close()
    transport.send("DELETE", "/c")
    assert connections(server) == [1, 1, 2]
    transport.close()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_one_that_the_server_has_closed_is_replaced_without_a_word(server, method):
    transport = HttpTransport(server.url)
    transport.send(method, "/", b"1")
    server.behaves("refused")
    server.behaves("ok")
    while server.connections:  # the end of the old one is on its way
        pass
    transport.send(method, "/", b"2")
    assert connections(server) == [1, 2]
    assert server.accepted == (b"1", b"2")
    transport.close()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_one_that_breaks_when_it_is_used_again_is_replaced_where_that_cannot_do_harm(server, method):
    transport = HttpTransport(server.url)
    transport.send(method, "/", b"1")
    server.behaves("accepted_then_reset", times=1)
    transport.send(method, "/", b"2")
    assert connections(server) == [1, 1, 2]
    transport.close()


def test_one_that_breaks_when_it_is_used_again_by_a_post_may_have_taken_it(server):
    transport = HttpTransport(server.url)
    transport.send("POST", "/", b"1")
    server.behaves("accepted_then_reset", times=1)
    with pytest.raises(DeliveryError) as caught:
        transport.send("POST", "/", b"2")
    assert (caught.value.reason, caught.value.is_ambiguous) == ("reset", True)
    assert server.accepted == (b"1", b"2")
    transport.close()


def test_one_that_was_idle_for_long_is_not_used_again(server):
    clock = ManualClock()
    transport = HttpTransport(server.url, clock=clock)
    transport.send("POST", "/")
    clock.advance(59)
    transport.send("POST", "/")
    clock.advance(61)
    transport.send("POST", "/")
    assert connections(server) == [1, 1, 2]
    transport.close()


def test_a_server_that_says_close_is_left(server):
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with RawServer(answer, answer) as raw:
        transport = HttpTransport(raw.url)
        assert [transport.send("POST", "/").body for _ in range(2)] == [b"ok", b"ok"]
        assert len(raw.heads) == 2


def test_threads_do_not_share_a_connection(server):
    transport = HttpTransport(server.url)
    barrier = threading.Barrier(4)

    def send(number):
        barrier.wait()
        for _ in range(25):
            transport.send("POST", "/", b"%d" % number)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.accepted) == sorted([b"0", b"1", b"2", b"3"] * 25)
    transport.close()


def test_a_transport_that_is_forgotten_leaves_no_socket_behind(server):
    transport = HttpTransport(server.url)
    transport.send("POST", "/")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del transport
        gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_forked_child_makes_a_connection_of_its_own(tls):
    with FaultServer(tls=tls) as server:
        trust = "ssl._create_unverified_context()" if tls else "None"  # the certificate is known to this process only
        script = f"""
import os, ssl
from polymeter.exporters.http import HttpTransport
transport = HttpTransport({server.url!r}, tls={trust})
transport.send("POST", "/", b"parent")
child = os.fork()
if not child:
    transport.send("POST", "/", b"child")
    transport.send("POST", "/", b"child")
    os._exit(0)
status = os.waitpid(child, 0)[1]
transport.send("POST", "/", b"parent")
print(status)
"""
        assert answer_of(script) == 0
        assert [(request.body, request.connection) for request in server.requests] == [
            (b"parent", 1),
            (b"child", 2),
            (b"child", 2),
            (b"parent", 1),
        ]


# -- proxies


def test_a_proxy_of_the_environment_is_asked_for_the_whole_url(server, monkeypatch, no_proxy):
    monkeypatch.setenv("HTTP_PROXY", server.url.replace("//", "//user:secret@"))
    HttpTransport("http://gateway.example/base").send("PUT", "/x", b"1")
    [request] = server.requests
    assert request.path == "http://gateway.example/base/x"
    assert request.headers["host"] == "gateway.example"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="


def test_tls_goes_through_a_tunnel_that_never_sees_the_request(monkeypatch, no_proxy):
    refusal = b"HTTP/1.1 407 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with RawServer(refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        transport = HttpTransport("https://gateway.example/?key=secret", headers={"Authorization": "secret"})
        with pytest.raises(DeliveryError) as caught:
            transport.send("PUT", "/x", b"1")
        assert proxy.heads == ["CONNECT gateway.example:443 HTTP/1.1\r\nhost: gateway.example:443\r\n"]
    assert (caught.value.reason, caught.value.is_ambiguous) == ("rejected", False)
    assert "proxy 127.0.0.1" in str(caught.value)


def test_a_tunnel_is_spoken_tls_through(monkeypatch, no_proxy):
    """The plain text that follows is no handshake."""
    with RawServer(b"HTTP/1.1 200 Yours\r\n\r\nplain text") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        with pytest.raises(DeliveryError) as caught:
            HttpTransport("https://gateway.example").send("PUT", "/x", b"1")
    assert caught.value.reason == "tls"


@pytest.mark.parametrize("exception", ["127.0.0.1", "gateway.example", "*"])
def test_no_proxy_excepts_and_this_machine_needs_no_exception(server, monkeypatch, no_proxy, exception):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", exception)
    assert HttpTransport(server.url).send("PUT", "/", b"1").status == 200
    transport = HttpTransport("http://gateway.example")
    assert (transport._route.nearest == "127.0.0.1:9") == (exception == "127.0.0.1")


def test_time_is_read_on_the_clock_that_is_given():
    seen = []
    clock = Clock(monotonic=lambda: seen.append(1) or 0.0)
    with FaultServer() as server:
        HttpTransport(server.url, clock=clock, timeout=5).send("PUT", "/")
    assert seen
