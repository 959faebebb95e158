"""What is told of a request that is read to its end, or fails: the same from every library."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from polymeter.testing.clock import ManualClock
from tests.sources.http.conftest import Ear
from tests.sources.http.server import PIECE, TEXT, ZIPPED

pytestmark = pytest.mark.usefixtures("no_collection", "source")


def test_an_answer_that_is_read_whole(ear, server, caller):
    assert caller.get(f"{server.url}/text") == TEXT
    end = ear.end
    assert (end.outcome, end.http_status, end.error_type) == ("ok", 200, None)
    assert (end.method, end.scheme, end.host, end.port) == ("GET", "http", "127.0.0.1", server.server_port)
    assert (end.request_bytes, end.response_bytes) == (0, len(TEXT))
    assert (end.library, end.attempt) == (caller.library.name, 1)
    assert end.is_success
    assert end.failure is None


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("gzip", len(ZIPPED)),
        ("chunks/5", 5 * len(PIECE)),
        ("chunks/1/gzip", len(ZIPPED)),
        ("until_closed", len(PIECE)),
        ("empty/204", 0),
        ("empty/200", 0),
        ("empty/304", 0),
    ],
)
def test_bytes_are_counted_as_they_come_over_the_wire(ear, server, caller, path, size):
    caller.get(f"{server.url}/{path}")
    assert (ear.end.outcome, ear.end.response_bytes) == ("ok", size)


def test_a_length_that_is_none_is_as_it_is_without_us(ear, server):
    """A server may say anything; requests reads on until the line is closed."""
    with requests.get(f"{server.url}/nonsense", timeout=5) as answer:
        assert answer.content == PIECE
    assert (ear.end.outcome, ear.end.response_bytes) == ("ok", len(PIECE))


def test_the_answer_to_head_has_no_body_whatever_its_headers_say(ear, server, caller):
    caller.get(f"{server.url}/text", method="HEAD")
    assert (ear.end.method, ear.end.outcome, ear.end.response_bytes) == ("HEAD", "ok", 0)


@pytest.mark.parametrize(("status", "failure"), [(200, None), (399, None), (404, "404"), (503, "503")])
def test_a_status_is_no_outcome(ear, server, caller, status, failure):
    caller.get(f"{server.url}/status/{status}")
    assert (ear.end.outcome, ear.end.http_status, ear.end.failure) == ("ok", status, failure)
    assert ear.end.is_success == (failure is None)


def test_each_redirect_is_a_request(ear, server, caller):
    assert caller.get(f"{server.url}/redirect/2") == TEXT
    assert [(end.outcome, end.http_status, end.attempt) for end in ear.ends] == [
        ("ok", 302, 1),
        ("ok", 302, 1),
        ("ok", 200, 1),
    ]
    assert len(server.seen) == 3


def test_too_many_redirects_are_no_failure_of_a_request(ear, server, caller):
    caller.get(f"{server.url}/redirect/40", failing=True)
    assert set(ear.outcomes) == {"ok"}
    assert len(ear.ends) == len(server.seen)


def test_a_body_of_known_length_that_is_sent(ear, server, caller):
    caller.get(f"{server.url}/text", method="POST", content=b"x" * 12345)
    assert (ear.end.method, ear.end.request_bytes) == ("POST", 12345)
    assert server.seen[0][2] == 12345


def test_a_body_that_is_streamed_is_counted(ear, server, caller):
    caller.get(f"{server.url}/text", method="POST", content=caller.pieces(b"a" * 10, b"b" * 3000, b"c"))
    assert ear.end.request_bytes == 3011
    assert server.seen[0][2] == 3011


def test_a_method_of_somebodys_own_is_told_as_other(ear, server, caller):
    caller.get(f"{server.url}/text", method="BREW")
    assert ear.end.method == "_OTHER"
    assert server.seen[0][0] == "BREW"


def test_a_connection_is_kept_alive(ear, server, caller):
    caller.get(*[f"{server.url}/{path}" for path in ("text", "chunks", "gzip", "empty", "text")])
    assert ear.outcomes == ["ok"] * 5
    assert len({port for *_, port in server.seen}) == 1


def test_a_refused_connection(ear, caller):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    caller.get(f"http://127.0.0.1:{port}/", failing=True)
    end = ear.end
    assert (end.outcome, end.error_type, end.failure) == ("error", caller.library.refused, caller.library.refused)
    assert (end.http_status, end.time_to_first_byte_ms, end.response_bytes) == (None, None, None)
    assert end.request_bytes is None


def test_a_server_that_says_nothing_in_time(ear, server, caller):
    caller.get(f"{server.url}/silence", failing=True, timeout=0.05)
    assert (ear.end.outcome, ear.end.error_type, ear.end.http_status) == ("error", caller.library.slow, None)


def test_a_body_that_does_not_come_in_time(ear, server, caller):
    caller.get(f"{server.url}/long", failing=True, timeout=0.05)
    end = ear.end
    assert (end.outcome, end.http_status) == ("error", 200)
    assert end.response_bytes <= len(PIECE)  # urllib3 forgets what it has read when it is interrupted
    assert "Timeout" in end.error_type


def test_a_server_that_breaks_the_line_before_it_answers(ear, server, caller):
    caller.get(f"{server.url}/drop/0", method="POST", failing=True)
    assert (ear.end.outcome, ear.end.error_type) == ("error", caller.library.disconnected)


@pytest.mark.parametrize("framed", ["chunked", "length"])
def test_a_server_that_breaks_the_line_within_the_body(ear, server, caller, framed):
    caller.get(f"{server.url}/drop/1/{framed}", failing=True)
    end = ear.end
    assert (end.outcome, end.http_status, end.error_type) == ("error", 200, caller.library.broken)
    assert len(PIECE) <= end.response_bytes < 2 * len(PIECE)


def test_a_server_that_speaks_no_tls(ear, server, caller):
    caller.get(f"https://127.0.0.1:{server.server_port}/text", failing=True)
    end = ear.end
    assert (end.outcome, end.scheme, end.http_status) == ("error", "https", None)
    assert end.error_type


def test_ports_are_those_of_the_scheme_if_the_url_has_none(ear, caller):
    caller.get("http://127.0.0.2/", "https://127.0.0.2/", failing=True, timeout=0.2)
    assert [(end.host, end.port) for end in ear.ends] == [("127.0.0.2", 80), ("127.0.0.2", 443)]


def test_nothing_of_a_url_but_its_host_and_nothing_of_headers_and_bodies_is_told(ear, server, caller, caplog):
    secret = "CANARY"
    url = server.url.replace("//", f"//{secret}:{secret}@") + f"/text/{secret}?{secret}={secret}#{secret}"
    caller.get(url, method="POST", content=secret.encode(), headers={"X-Key": secret, "Cookie": secret})
    caller.get(f"{server.url}/drop/0/{secret}", method="POST", failing=True)
    assert len(ear.ends) == 2
    assert secret not in repr(ear.events)
    assert not any(secret in record.getMessage() for record in caplog.records if "polymeter" in record.name)


def test_through_a_proxy_the_host_is_still_that_of_the_url(ear, server, caller):
    more = {"requests": {"proxies": {"http": server.url}}, "aiohttp": {"proxy": server.url}}.get(
        caller.library.name, {"client": {"proxy": server.url}}
    )
    assert caller.get("http://example.invalid/text", **more) == TEXT
    assert (ear.end.host, ear.end.port) == ("example.invalid", 80)


def test_durations_are_those_of_the_dispatchers_clock(server, caller, source):
    clock = ManualClock()
    ear = Ear(clock)
    with source.install(ear.dispatcher):
        clock.advance(5)
        caller.get(f"{server.url}/text")
    assert (ear.end.at, ear.end.duration_ms, ear.end.time_to_first_byte_ms) == (clock.wall(), 0.0, 0.0)


def test_many_threads_lose_and_gain_nothing(ear, server, caller):
    def work():
        caller.get(f"{server.url}/text", f"{server.url}/drop/1", f"{server.url}/chunks", failing=True)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ear.outcomes) == ["error"] * 8 + ["ok"] * 16
    assert len(server.seen) == 24
