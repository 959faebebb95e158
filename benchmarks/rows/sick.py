"""Dispatching while the pump delivers to a sick back end, beside a ``NullExporter``."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Result, Row, measured
from benchmarks.rows.six import TheSix, events
from polymeter import Metrics
from polymeter.exporters import NullExporter, PushgatewayExporter

if TYPE_CHECKING:
    from collections.abc import Generator

N = 20_000
EVERY = 0.02
FAULTS = ("refused", "black_hole", "slow_drip", "unavailable", "endless")

_SERVER = """
import sys
from polymeter.testing import FaultServer
with FaultServer() as server:
    server.behaves(sys.argv[1])
    print(server.url, flush=True)
    sys.stdin.read()
"""


def rows() -> list[Result]:
    """Measure."""
    return [_beside(fault) for fault in FAULTS]


def _beside(fault: str) -> Result:
    made = list(islice(cycle(events()), N))

    def dispatching(exporter: Any) -> Metrics:
        return Metrics().collect(TheSix()).export_to(exporter)

    def work(metrics: Metrics) -> None:
        metrics.every(EVERY)
        dispatch = metrics.events.dispatch
        for event in made:
            dispatch(event)
        metrics.every(3600)  # the other one is not to pay for this one's exports

    with _server(fault) as url:
        ours, peer = dispatching(PushgatewayExporter(url, job="bench")), dispatching(NullExporter())
        try:
            name = f"dispatch -> the six, beside a back end: {fault}"
            return measured(Row(name, lambda: work(ours), lambda: work(peer), "beside NullExporter", N, 1.1))
        finally:
            ours.close()
            peer.close()


@contextmanager
def _server(fault: str) -> Generator[str]:
    """Run a fault server in a process of its own, so that its work is not counted."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, fault], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate()
