"""HttpTransport against a server that is out of order: one reason for each fault, and all of it in time."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import threading
import time
import tracemalloc

import pytest

from polymeter.deadline import Deadline
from polymeter.errors import DeliveryError
from polymeter.exporters.http import Backoff, HttpTransport
from polymeter.testing import FaultServer
from tests.exporters.raw_server import RawServer

SECONDS = 0.3
MUCH_LATER = 3.0
"""Seconds that no machine is slow enough to need, and that a lost deadline exceeds by far."""

FAULTS = [
    # fault, its details, reason, whether nobody knows what became of it, whether the server took it
    ("refused", {}, "refused", False, 0),
    ("black_hole", {}, "timeout", True, 0),
    ("slow_drip", {"every": 0.02}, "timeout", True, 1),
    ("throttled", {}, "throttled", False, 0),
    ("throttled", {"retry_after": 30}, "throttled", False, 0),
    ("unavailable", {}, "unavailable", False, 0),
    ("endless", {}, "answer", True, 1),
    ("reset_mid_body", {"part": "request"}, "reset", True, 0),
    ("reset_mid_body", {"part": "answer"}, "reset", True, 1),
    ("accepted_then_reset", {}, "reset", True, 1),
]
IDS = ["-".join([fault, *map(str, details.values())]) for fault, details, *_ in FAULTS]


@pytest.fixture(params=[False, True], ids=["http", "https"])
def server(request):
    with FaultServer(tls=request.param) as server:
        yield server


@pytest.fixture
def transport(server):
    transport = HttpTransport(server.url, tls=server.client_tls, backoff=Backoff(first=0.05))
    yield transport
    transport.close()


def failure(transport, seconds=SECONDS, body=b"calls 1\n", method="POST"):
    started = time.perf_counter()
    with Deadline(seconds).active(), pytest.raises(DeliveryError) as caught:
        transport.send(method, "/metrics", body, "text/plain")
    assert time.perf_counter() - started < seconds + MUCH_LATER
    return caught.value


@pytest.mark.parametrize(("fault", "details", "reason", "is_ambiguous", "taken"), FAULTS, ids=IDS)
def test_each_fault_has_its_reason_and_is_over_in_time(server, transport, fault, details, reason, is_ambiguous, taken):
    server.behaves(fault, **details)
    error = failure(transport)
    assert (error.reason, error.is_ambiguous) == (reason, is_ambiguous)
    assert error.retry_after == details.get("retry_after")
    assert len(server.accepted) == taken
    assert str(error).split(",")[0].count(server.url.partition("//")[2]) == 1


@pytest.mark.parametrize(("fault", "details", "reason", "is_ambiguous", "taken"), FAULTS, ids=IDS)
def test_after_each_fault_the_next_request_arrives(server, transport, fault, details, reason, is_ambiguous, taken):
    server.behaves(fault, **details)
    failure(transport)
    server.behaves("ok")
    with Deadline(10).active():
        assert transport.send("POST", "/metrics", b"calls 2\n").status == 200
    assert server.accepted[taken:] == (b"calls 2\n",)


@pytest.mark.parametrize("tls", ["alert", "plain"])
def test_a_failed_handshake_is_tls_and_nothing_was_sent(tls):
    with FaultServer(tls=True) as server:
        server.behaves("bad_tls", tls=tls)
        error = failure(HttpTransport(server.url))
        assert (error.reason, error.is_ambiguous, server.requests) == ("tls", False, ())


def test_a_certificate_that_nobody_trusts_is_tls():
    with FaultServer(tls=True) as server:
        error = failure(HttpTransport(server.url))
        assert (error.reason, error.is_ambiguous, server.requests) == ("tls", False, ())


def test_plain_text_on_a_port_that_expects_tls_is_never_taken_for_delivered():
    with FaultServer(tls=True) as server:
        transport = HttpTransport(server.url.replace("https", "http"))
        assert failure(transport).reason in {"reset", "answer"}
        assert server.requests == ()


def test_a_name_that_does_not_exist_is_refused():
    error = failure(HttpTransport("http://nowhere.invalid"))
    assert (error.reason, error.is_ambiguous) == ("refused", False)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse what does not fit into the queue")
def test_a_connection_that_never_comes_about_is_a_time_out_of_which_nothing_arrived():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(4):  # nobody accepts them: the next ones are not even refused
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        error = failure(HttpTransport(f"http://127.0.0.1:{full.getsockname()[1]}"))
    assert (error.reason, error.is_ambiguous) == ("timeout", False)


def test_a_name_with_several_addresses_is_tried_at_each():
    with FaultServer() as server:
        transport = HttpTransport(server.url.replace("127.0.0.1", "localhost"))
        assert transport.send("POST", "/", b"x").status == 200
        transport.close()
    assert failure(transport).reason == "refused"


@pytest.mark.parametrize("fault", ["black_hole", "slow_drip", "endless"])
def test_a_time_out_shorter_than_the_deadline_counts(fault):
    with FaultServer() as server:
        server.behaves(fault)
        transport = HttpTransport(server.url, timeout=0.1)
        started = time.perf_counter()
        with Deadline(60).active(), pytest.raises(DeliveryError):
            transport.send("POST", "/", b"x")
        assert time.perf_counter() - started < 30


def test_a_body_cut_off_before_all_of_it_was_sent_has_not_arrived():
    """More than the buffers of both sides hold: the client knows."""
    body = os.urandom(20_000_000)
    with FaultServer() as server:
        server.behaves("reset_mid_body", part="request")
        transport = HttpTransport(server.url, gzip=False, backoff=Backoff(retries=1, first=0.01))
        error = failure(transport, 20, body)
        assert (error.reason, error.is_ambiguous) == ("reset", False)
        assert len(server.requests) == 2  # so it was tried again


def test_time_that_ends_before_all_was_sent_is_not_ambiguous():
    over = threading.Event()

    def nothing():  # and nothing of the body is read meanwhile
        over.wait()
        yield b""

    with RawServer(nothing()) as server:
        error = failure(HttpTransport(server.url, gzip=False), body=bytes(50_000_000))
        over.set()
    assert (error.reason, error.is_ambiguous) == ("timeout", False)


def test_an_endless_answer_is_not_kept_in_memory():
    with FaultServer() as server:
        server.behaves("endless")
        transport = HttpTransport(server.url)
        failure(transport)  # what is imported on the way
        gc.collect()
        tracemalloc.start()
        try:
            failure(transport)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2_000_000


def test_a_deadline_that_is_over_sends_nothing():
    with FaultServer() as server:
        error = failure(HttpTransport(server.url), seconds=0)
        assert (error.reason, error.is_ambiguous, server.connections) == ("timeout", False, 0)


@pytest.mark.parametrize(
    ("fault", "details", "reason"),
    [("black_hole", {}, "timeout"), ("throttled", {"retry_after": 50}, "throttled")],
)
def test_whoever_cancels_the_deadline_ends_a_wait_at_once(fault, details, reason):
    deadline = Deadline(60)
    with FaultServer() as server:
        server.behaves(fault, **details)

        def cancel():
            server.wait_for_requests(1)
            deadline.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        started = time.perf_counter()
        with deadline.active(), pytest.raises(DeliveryError) as caught:
            HttpTransport(server.url).send("POST", "/", b"x")
        canceller.join()
        assert time.perf_counter() - started < 30
        assert caught.value.reason == reason
