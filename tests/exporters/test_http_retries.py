"""When HttpTransport tries again: the waits, to the millisecond, on a clock that stands still."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from polymeter.deadline import Deadline
from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters.http import Backoff, HttpTransport
from polymeter.exporters.http.backoff import LONGEST_RETRY_AFTER, retry_after
from polymeter.testing import FaultServer, ManualClock
from tests.exporters.raw_server import RawServer

FULL = Backoff(jitter=lambda: 1.0)
"""Pauses of 0.25, 0.5, 1, 2 and 4 seconds."""


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


def send(server, clock, seconds=10.0, *, backoff=FULL, timeout=None):
    transport = HttpTransport(server.url, backoff=backoff, clock=clock, timeout=timeout)
    with Deadline(seconds, clock).active():
        return transport.send("POST", "/", b"x")


def failure(server, clock, seconds=10.0, **options):
    with pytest.raises(DeliveryError) as caught:
        send(server, clock, seconds, **options)
    return caught.value


@pytest.mark.parametrize(("fault", "reason"), [("throttled", "throttled"), ("unavailable", "unavailable")])
def test_pauses_double_and_the_retries_end(server, clock, fault, reason):
    server.behaves(fault)
    assert failure(server, clock).reason == reason
    assert len(server.requests) == 6
    assert clock.monotonic() == 0.25 + 0.5 + 1 + 2 + 4


def test_a_refused_connection_is_tried_again(server, clock):
    server.behaves("refused")
    assert failure(server, clock).reason == "refused"
    assert clock.monotonic() == 7.75


def test_a_back_end_that_recovers_meanwhile_gets_it_once(server, clock):
    server.behaves("unavailable", times=2)
    assert send(server, clock).status == 200
    assert [request.fault for request in server.requests] == ["unavailable", "unavailable", "ok"]
    assert server.accepted == (b"x",)
    assert clock.monotonic() == 0.75


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(server, clock):
    server.behaves("unavailable")
    assert failure(server, clock, 1.0).reason == "unavailable"
    assert clock.monotonic() == 0.75  # the next would have ended at 1.75
    assert len(server.requests) == 3


def test_a_time_out_ends_the_retries_as_the_deadline_does(server, clock):
    server.behaves("unavailable")
    failure(server, clock, 10.0, timeout=1.0)
    assert clock.monotonic() == 0.75


def test_what_the_server_asks_for_is_waited(server, clock):
    server.behaves("throttled", retry_after=3, times=1)
    assert send(server, clock).status == 200
    assert clock.monotonic() == 3


def test_no_less_than_the_own_pause_is_waited(server, clock):
    server.behaves("throttled", retry_after=0, times=1)
    assert send(server, clock).status == 200
    assert clock.monotonic() == 0.25


def test_a_server_that_asks_for_more_than_there_is_time_for_is_left_alone_at_once(server, clock):
    server.behaves("unavailable", retry_after=10)
    error = failure(server, clock, 10.0)
    assert (error.reason, error.retry_after, error.is_ambiguous) == ("unavailable", 10.0, False)
    assert (clock.monotonic(), len(server.requests)) == (0, 1)


def test_a_date_is_as_good_as_seconds(server, clock):
    date = formatdate(clock.wall() + 7, usegmt=True)
    answer = f"HTTP/1.1 503 Busy\r\nRetry-After: {date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
    with RawServer(answer, b"HTTP/1.1 204 No Content\r\n\r\n") as raw:
        assert send(raw, clock).status == 204
    assert clock.monotonic() == 7


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("²", None),
        ("1e3", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("0.5", 0.5),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("Tue, 14 Nov 9999 22:13:10 GMT", LONGEST_RETRY_AFTER),
        ("Tue, 99 Nov 2023 22:13:10 GMT", None),
    ],
)
def test_retry_after_is_read_strictly(text, seconds):
    assert retry_after(text, ManualClock(1_700_000_000)) == seconds


@pytest.mark.parametrize("status", [500, 501, 505, 400, 401, 404, 413, 301, 304])
def test_other_statuses_are_final(clock, status):
    with RawServer(
        b"HTTP/1.1 %d No\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status
    ) as server:
        error = failure(server, clock)
    is_theirs = status >= 500
    assert error.reason == ("unavailable" if is_theirs else "rejected")
    assert error.retry_after == (1.0 if is_theirs else None)
    assert not error.is_ambiguous
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_these_statuses_are_worth_another_try(clock, status):
    refusal = b"HTTP/1.1 %d No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status
    with RawServer(refusal, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") as server:
        assert send(server, clock).status == 200


def test_a_redirection_is_not_followed_and_the_error_says_so(clock):
    with RawServer(
        b"HTTP/1.1 308 Go\r\nLocation: http://elsewhere/?secret\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    ) as server:
        error = failure(server, clock)
    assert "not followed" in str(error)
    assert "elsewhere" not in str(error)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("fault", ["black_hole", "accepted_then_reset", "endless"])
def test_what_may_have_arrived_is_not_sent_again(server, fault, method):
    server.behaves(fault)
    with Deadline(0.2).active(), pytest.raises(DeliveryError) as caught:
        HttpTransport(server.url, backoff=Backoff(first=0)).send(method, "/", b"x")
    assert caught.value.is_ambiguous
    assert len(server.requests) == 1


def test_chance_shortens_a_pause_by_up_to_a_half():
    assert [Backoff(jitter=lambda: 0.0).pause(number) for number in range(7)] == [0.125, 0.25, 0.5, 1, 2, 2.5, 2.5]
    assert Backoff(jitter=lambda: 0.5).pause(0) == 0.1875
    assert all(0.125 <= Backoff().pause(0) <= 0.25 for _ in range(100))
    assert FULL.pause(10_000) == 5.0
    assert FULL.pause(0, asked_for=9) == 9


def test_no_retries_is_one_try(server, clock):
    server.behaves("unavailable")
    failure(server, clock, backoff=Backoff(retries=0))
    assert (len(server.requests), clock.monotonic()) == (1, 0)


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"first": -0.1}, {"longest": float("nan")}])
def test_a_backoff_that_cannot_be_is_refused(wrong):
    with pytest.raises(DefinitionError, match="negative"):
        Backoff(**wrong)
