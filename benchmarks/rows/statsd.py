"""A million increments until a StatsD server has them, beside the clients of Datadog and of jsocol."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import statsd  # pyright: ignore[reportMissingTypeStubs] - it has none
from datadog.dogstatsd.base import DogStatsd

from benchmarks.harness import Result, Row, measured
from polymeter import Metrics
from polymeter.exporters import StatsDExporter

if TYPE_CHECKING:
    from collections.abc import Callable

N = 1_000_000
PEER_N = N // 50
"""Of what costs a system call each: so many, and the time of one is what counts."""
REPEATS = 5
PEERS = {
    # peer: the largest ratio that we want
    "datadog, a packet each (its default)": 0.1,
    "statsd, a packet each": 0.1,
    "datadog, buffered": None,
    "datadog, aggregating": None,
}


def rows() -> list[Result]:
    """Measure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        clients = Clients(port)
        try:
            tagged = [peer for peer in PEERS if "datadog" in peer]
            bound = [clients.beside(peer, server, "bound") for peer in PEERS]
            return [*bound, *(clients.beside(peer, server, "by name and tag") for peer in tagged)]
        finally:
            clients.close()


class Clients:
    """The same counter in several libraries, each delivering to one port."""

    def __init__(self, port: int) -> None:
        options: dict[str, Any] = {"disable_telemetry": True, "origin_detection_enabled": False}
        self._aggregating = DogStatsd("127.0.0.1", port, disable_aggregation=False, flush_interval=3600, **options)
        self._buffering = DogStatsd("127.0.0.1", port, disable_buffering=False, flush_interval=3600, **options)
        self._direct = DogStatsd("127.0.0.1", port, **options)
        self._jsocol: Any = statsd.StatsClient("127.0.0.1", port)
        self._metrics = Metrics().export_to(StatsDExporter(f"127.0.0.1:{port}", origin_detection=False))

    def peers(self) -> dict[str, Callable[[], object]]:
        """Give what does the work of ``PEER_N`` increments, delivery included, by whose it is."""
        return {
            "datadog, a packet each (its default)": self._one_each,
            "datadog, buffered": self._buffered,
            "datadog, aggregating": self._aggregated,
            "statsd, a packet each": self._statsd,
        }

    def beside(self, name: str, server: socket.socket, way: str) -> Result:
        """Measure one peer; what has come is thrown away between two turns."""
        theirs = self.peers()[name]

        def ours() -> None:
            _drain(server)
            if way == "bound":
                add = self._metrics.registry.bind("counter", "jobs.done", {"queue": "night"}).add
                for _ in range(N):
                    add()
            else:
                counter = self._metrics.registry.counter
                for _ in range(N):
                    counter("jobs.done", {"queue": "night"})
            self._metrics.export()
            assert b"jobs.done:%d|c|#queue:night" % N in server.recv(65_536)

        def peer() -> None:
            theirs()
            _drain(server)

        title = f"{N:,} increments ({way}), delivered by StatsD"
        result = measured(Row(title, ours, peer, name, N, PEERS[name]), REPEATS)
        return Result(result.name, result.peer_name, result.ours, result.peer * N / PEER_N, result.target)

    def _one_each(self) -> None:
        for _ in range(PEER_N):
            self._direct.increment("jobs.done", tags=["queue:night"])

    def _buffered(self) -> None:
        for _ in range(PEER_N):
            self._buffering.increment("jobs.done", tags=["queue:night"])
        self._buffering.flush()

    def _aggregated(self) -> None:
        for _ in range(PEER_N):
            self._aggregating.increment("jobs.done", tags=["queue:night"])
        self._aggregating.flush_aggregated_metrics()

    def _statsd(self) -> None:
        for _ in range(PEER_N):
            self._jsocol.incr("jobs.done")

    def close(self) -> None:
        """Stop all of them."""
        for each in (self._aggregating, self._buffering, self._direct):
            each.stop()
        self._jsocol.close()
        self._metrics.close()


def _drain(server: socket.socket) -> None:
    server.settimeout(0)
    try:
        while True:
            server.recv(65_536)
    except BlockingIOError:
        return
