"""What slow, silent and too many visitors get, and that the others do not notice."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from polymeter.exporters.serving.rendering import Rendering
from tests.exporters.serving.stand_in import StandIn
from tests.exporters.serving.visiting import GET, PATIENCE, all_of, ask, connected, server, status_of
from tests.interpreter import SRC

LARGE = b"x" * 30_000_000  # more than the system keeps on the way


def test_who_says_nothing_is_hung_up_on():
    with server(StandIn(), request_seconds=0.05) as it, connected(it.port) as silent:
        assert all_of(silent) == b""


def test_who_does_not_come_to_the_end_of_a_request_is_told_so():
    with server(StandIn(), request_seconds=0.3) as it, connected(it.port) as slow:
        for byte in GET[:10]:
            slow.sendall(bytes([byte]))
            assert ask(it.port)[0] == 200
        assert status_of(all_of(slow)) == 408


def test_the_bytes_of_a_request_may_come_one_by_one():
    with server(StandIn(), request_seconds=PATIENCE) as it, connected(it.port) as slow:
        for byte in GET:
            slow.sendall(bytes([byte]))
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")


def test_a_connection_that_is_idle_is_closed_in_the_end():
    with server(StandIn(), idle_seconds=0.05) as it, connected(it.port, GET) as visitor:
        assert all_of(visitor).count(b"HTTP/1.1 200 OK") == 1


def test_a_request_has_its_own_time_however_long_the_connection_was_idle():
    with server(StandIn(), request_seconds=0.2, idle_seconds=PATIENCE) as it, connected(it.port, GET) as visitor:
        assert visitor.recv(1 << 16)
        time.sleep(0.3)
        visitor.sendall(GET[:10])
        visitor.sendall(GET[10:])
        assert visitor.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")


def test_who_does_not_read_is_hung_up_on():
    with server(StandIn(LARGE), stall_seconds=0.05) as it, connected(it.port, GET) as visitor:
        assert visitor.recv(1)
        wait_until(lambda: not it._reception._guests)
        assert len(rest_of(visitor)) < len(LARGE)


def test_who_reads_too_slowly_is_hung_up_on():
    with server(StandIn(LARGE), answer_seconds=0.2) as it, connected(it.port, GET) as visitor:
        assert visitor.recv(1)
        while it._reception._guests:
            visitor.recv(1)
            time.sleep(0.01)
        assert len(rest_of(visitor)) < len(LARGE)


def test_too_many_visitors_are_told_to_come_back():
    with server(StandIn(), visitors=2) as it, connected(it.port), connected(it.port) as second:
        for _ in range(3):
            status, headers, _ = ask(it.port)
            assert (status, headers["retry-after"]) == (503, "5")
        second.close()
        wait_until(lambda: len(it._reception._guests) == 1)
        assert ask(it.port)[0] == 200


def test_idle_connections_make_room():
    with ExitStack() as visitors, server(StandIn(), visitors=3) as it:
        for _ in range(3):
            visitor = visitors.enter_context(connected(it.port, GET))
            assert visitor.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        for _ in range(5):
            assert ask(it.port)[0] == 200


def test_more_than_too_many_wait_to_be_let_in():
    """The system has them wait: the server has so many sockets and no more."""
    limits = {"visitors": 2, "turned_away": 2, "request_seconds": 0.3, "parting_seconds": 0.1}
    with ExitStack() as visitors, server(StandIn(), **limits) as it:
        for _ in range(20):
            visitors.enter_context(connected(it.port))
        wait_until(lambda: len(it._reception._guests) >= 4)
        assert len(it._reception._guests) <= 4 + 16  # as many more as are let in at once
        while ask(it.port)[0] != 200:
            pass


def test_who_goes_on_and_on_is_hung_up_on():
    """Once it has its answer; nobody else waits meanwhile."""
    with server(StandIn(), parting_seconds=PATIENCE) as it, connected(it.port, b"nonsense\r\n\r\n") as visitor:
        with pytest.raises(ConnectionError):
            send_for_ever(visitor)
        assert ask(it.port)[0] == 200


def test_200_at_once_beside_slow_ones():
    threads = threading.active_count()
    text = b"x 1\n" * 250_000
    kept, answers = [], []
    exposer = StandIn(*[text[:50_000]] * 20, lambda: kept.append(renderings_alive()) or b"")
    gate = threading.Barrier(200)

    def scrape(port):
        gate.wait(PATIENCE)
        answers.append(ask(port))

    with server(exposer) as it, connected(it.port) as sending, connected(it.port, GET) as reading:
        scraping = [threading.Thread(target=scrape, args=(it.port,)) for _ in range(200)]
        for thread in scraping:
            thread.start()
        for byte in GET[:20]:
            sending.sendall(bytes([byte]))
            reading.recv(1)
        for thread in scraping:
            thread.join(PATIENCE)
        assert threading.active_count() == threads + 1
        sending.sendall(GET[20:])
        assert sending.recv(15) == b"HTTP/1.1 200 OK"
        assert ask(it.port)[0] == 200
    assert {(status, body.partition(b"\n")[2] == text) for status, _, body in answers} == {(200, True)}
    assert len(answers) == 200
    assert exposer.begun < 100
    assert max(kept) <= 20


def renderings_alive():
    return sum(isinstance(each, Rendering) for each in gc.get_objects())


WITHOUT_FILES = """
import os, resource, sys
sys.path.insert(0, {src!r})
from polymeter.exporters.serving import serve

class Nothing:
    content_type = "text/plain"
    def exposition(self, accept="", *, names=()): return self
    def __iter__(self): return iter((b"a 1\\n",))

with serve(Nothing(), 0) as server:
    free = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 2, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.close(free)
    print(server.port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit can be set there")
def test_a_process_without_a_file_descriptor_left_recovers():
    command = [sys.executable, "-I", "-c", WITHOUT_FILES.format(src=str(SRC))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        visitors = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(6)]
        visitors[0].sendall(GET)
        assert visitors[0].recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        for visitor in visitors:
            visitor.close()
        assert ask(port)[0] == 200
        process.communicate("")


def send_for_ever(visitor):
    while True:
        visitor.sendall(LARGE[:1_000_000])


def rest_of(visitor):
    got = bytearray()
    try:
        while part := visitor.recv(1 << 20):
            got += part
    except ConnectionError:
        pass
    return got


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)
