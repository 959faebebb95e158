"""HTTP as any client may speak it: raw bytes on a socket."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from polymeter.testing.provider import Hang
from polymeter.testing.provider.wire import BODY_LIMIT

CHAT = "/v1/chat/completions"
BODY = b'{"model": "gpt-x", "messages": []}'
HELLO = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture
def http(provider):
    connection = HTTPConnection(urlsplit(provider.base_url).netloc, timeout=20)
    yield connection
    connection.close()


@pytest.fixture
def raw(provider):
    address = urlsplit(provider.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        (("POST", "/v1/nothing", BODY), 404, "There is no /v1/nothing here."),
        (("GET", "/"), 404, "There is no / here."),
        (("GET", CHAT), 405, "/v1/chat/completions takes POST only."),
        (("POST", "/v1/models", b"{}"), 405, "/v1/models takes GET only."),
        (("POST", CHAT, b"{not json"), 400, "The body is not a JSON object."),
        (("POST", CHAT, b"[1, 2]"), 400, "The body is not a JSON object."),
        (("POST", CHAT, b"\xff\xfe"), 400, "The body is not a JSON object."),
        (("POST", CHAT, b"[" * 100_000), 400, "The body is not a JSON object."),
        (("POST", CHAT), 400, "The body is not a JSON object."),
    ],
)
def test_what_cannot_be_served_is_an_error_and_the_connection_goes_on(http, provider, sent, status, message):
    """The error is written as OpenAI writes its own, and the request is on record."""
    http.request(*sent)
    response = http.getresponse()
    error = json.loads(response.read())["error"]
    assert (response.status, error["message"], error["type"]) == (status, message, "invalid_request_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert [(each.path, each.status, each.model) for each in provider.requests] == [(sent[1], status, "unknown")]

    kept = http.sock
    http.request("POST", CHAT + "?api-version=1", BODY)
    assert http.getresponse().status == 200
    assert http.sock is kept


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET /v1/models HTTP/1.0\r\n\r\n", 505),
    ],
)
def test_broken_http_is_answered_and_ends_the_connection(raw, provider, head, status):
    raw.sendall(head)
    answer = everything(raw)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    assert [each.status for each in provider.settled()] == [status]


def test_a_body_beyond_the_limit_is_refused(http, provider):
    """The client gets to read that, although it is still sending."""
    http.request("POST", CHAT, b" " * (BODY_LIMIT + 1))
    response = http.getresponse()
    assert (response.status, response.headers["connection"]) == (413, "close")
    assert "16777216" in json.loads(response.read())["error"]["message"]
    assert [(each.status, each.path) for each in provider.requests] == [(413, CHAT)]


def test_requests_may_come_close_together(raw, provider):
    """Both are in one packet; the second one says that it is the last."""
    raw.sendall(HELLO + HELLO.replace(b"Host: x", b"Connection: close"))
    answers = everything(raw)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert [each.outcome for each in provider.requests] == ["answered", "answered"]


def test_a_client_may_ask_before_it_sends_its_body(raw):
    head, _, body = HELLO.replace(b"Host: x", b"Connection: close\r\nExpect: 100-continue").partition(b"\r\n\r\n")
    raw.sendall(head + b"\r\n\r\n")
    assert raw.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.sendall(body)
    assert everything(raw).startswith(b"HTTP/1.1 200 OK")


def test_half_a_request_is_none(raw, provider):
    raw.sendall(HELLO[:-5])
    raw.shutdown(socket.SHUT_WR)
    assert everything(raw) == b""
    assert provider.requests == ()


def test_a_client_that_stops_sending_has_left(raw, provider):
    """Nobody can tell a client that listens on from one that is gone; those of HTTP do not do the former."""
    provider.script(Hang())
    raw.sendall(HELLO)
    raw.shutdown(socket.SHUT_WR)
    assert everything(raw) == b""
    assert [each.outcome for each in provider.settled()] == ["client_closed"]


def test_a_stream_is_framed_in_chunks(raw):
    """Each event is on its way when it happens; the last chunk is empty."""
    body = BODY.replace(b"{", b'{"stream": true, ')
    raw.sendall(
        b"POST %b HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
    )
    head, _, rest = everything(raw).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
