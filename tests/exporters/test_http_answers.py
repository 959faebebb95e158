"""Answers as no proper server makes them."""

from __future__ import annotations

import itertools

import pytest

from polymeter.deadline import Deadline
from polymeter.errors import DeliveryError
from polymeter.exporters.http import Backoff, HttpTransport
from polymeter.testing import ManualClock
from tests.exporters.raw_server import RawServer

OK = b"HTTP/1.1 200 OK\r\n"


def send(*answers, seconds=20):
    with RawServer(*answers) as server, Deadline(seconds).active():
        return HttpTransport(server.url, backoff=Backoff(retries=0)).send("POST", "/", b"x")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
        (OK + b"\r\nto the end", b"to the end"),
        (b"HTTP/1.0 202 Fine\r\n\r\nold", b"old"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\nayo\r\n0\r\nTrailer: x\r\n\r\n", b"okayo"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Nothing\r\n\r\n", b""),
        (OK + b"Content-Length: 65536\r\n\r\n" + bytes(65536), bytes(65536)),
    ],
)
def test_proper_answers_are_read(answer, body):
    assert send(answer).body == body


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "answer"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "answer"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "answer"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "answer"),
        (OK + b"A: b\r\n" * 200 + b"\r\n", "answer"),
        (OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n", "answer"),
        (OK + b"Content-Length: 65537\r\n\r\n" + bytes(65537), "answer"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nok\r\n0\r\n\r\n", "answer"),
        (OK + b"\r\n" + bytes(65537), "answer"),
        (b"HTTP/1.1 101 Other\r\n\r\n", "answer"),
        (b"", "reset"),
        (OK, "reset"),
        (OK + b"Content-Length: 100\r\n\r\nshort", "reset"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok", "reset"),
    ],
)
def test_others_are_an_error_after_which_nobody_knows(answer, reason):
    with pytest.raises(DeliveryError) as caught:
        send(answer)
    assert (caught.value.reason, caught.value.is_ambiguous) == (reason, True)
    assert "OpenSSH" not in str(caught.value)


@pytest.mark.parametrize(
    "part",
    [b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, OK, b"A" * 1000],
    ids=["continue", "status", "line"],
)
def test_an_answer_without_end_is_not_read_to_the_deadline(part):
    with pytest.raises(DeliveryError) as caught:
        send(itertools.repeat(part), seconds=100)
    assert caught.value.reason == "answer"


def test_a_status_that_says_no_counts_whatever_follows():
    for rest in (b"\r\n" + bytes(100_000), b"Content-Length: 100\r\n\r\nshort", b"Transfer-Encoding: chunked\r\n\r\n?"):
        with pytest.raises(DeliveryError) as caught:
            send(b"HTTP/1.1 400 No\r\n" + rest)
        assert (caught.value.reason, caught.value.is_ambiguous) == ("rejected", False)


def test_a_server_that_says_no_and_hangs_up_early_is_heard():
    """It answers before it has read the body."""

    def refusal():
        yield b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    with RawServer(refusal(), leaves_at_once=True) as server, Deadline(20, ManualClock()).active():
        transport = HttpTransport(server.url, gzip=False, backoff=Backoff(retries=0))
        with pytest.raises(DeliveryError) as caught:
            transport.send("POST", "/", bytes(30_000_000))
    assert caught.value.reason == "rejected"
    assert "413" in str(caught.value)
