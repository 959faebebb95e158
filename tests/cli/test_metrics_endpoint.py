"""The page of metrics: one path, one port, gone when closed."""

from __future__ import annotations

import threading
from http.client import HTTPConnection

import pytest

from polymeter.cli.metrics_endpoint import MetricsEndpoint


@pytest.fixture
def endpoint():
    """Serve a counter of its own renderings."""
    renderings = iter(range(1, 100))
    with MetricsEndpoint(lambda: f"renderings_total {next(renderings)}\n", "text/plain; version=0.0.4") as it:
        yield it


def answer(endpoint, method, path):
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_each_request_is_rendered_anew(endpoint):
    assert answer(endpoint, "GET", "/metrics") == (200, "text/plain; version=0.0.4", "renderings_total 1\n")
    assert answer(endpoint, "GET", "/metrics?name[]=x") == (200, "text/plain; version=0.0.4", "renderings_total 2\n")


def test_other_paths_say_where_the_metrics_are(endpoint):
    status, _, text = answer(endpoint, "GET", "/")
    assert status == 404
    assert "/metrics" in text


def test_head_gives_no_body(endpoint):
    assert answer(endpoint, "HEAD", "/metrics") == (200, "text/plain; version=0.0.4", "")


def test_nothing_is_written_to_the_terminal(endpoint, capfd):
    answer(endpoint, "GET", "/metrics")
    answer(endpoint, "BREW", "/metrics")
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_cannot_be_had(endpoint):
    with pytest.raises(OSError, match="in use"):
        MetricsEndpoint(lambda: "", "text/plain", endpoint.port)


def test_closing_frees_the_port_and_ends_its_thread_and_may_be_repeated():
    before = set(threading.enumerate())
    first = MetricsEndpoint(lambda: "", "text/plain")
    first.close()
    first.close()
    assert set(threading.enumerate()) == before
    with MetricsEndpoint(lambda: "again", "text/plain", first.port) as second:
        assert answer(second, "GET", "/metrics")[2] == "again"
