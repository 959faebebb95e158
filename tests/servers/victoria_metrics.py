"""A real VictoriaMetrics: takes what is pushed in many formats, and answers like a Prometheus."""

from __future__ import annotations

import json
import time
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.servers.asking import answer_of
from tests.servers.ports import Port
from tests.servers.process import running
from tests.servers.prometheus import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["VictoriaMetrics", "started"]

AHEAD = 2
"""Seconds that a query looks beyond now: what was just taken is of a time that has not quite come."""


class VictoriaMetrics:
    """One server.

    :ivar address: where it is, without a path.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def remote_write(self) -> str:
        """Where remote write goes to."""
        return f"{self.address}/api/v1/write"

    @property
    def otlp(self) -> str:
        """Where metrics of OTLP over HTTP go to (protobuf alone)."""
        return f"{self.address}/opentelemetry/v1/metrics"

    def now(self) -> Moment:
        """Give what it knows: all that it has answered for, at once."""
        self._flush()
        return Moment(f"{self.address}/api/v1", time.time() + AHEAD, nocache="1")

    def samples(self, selector: str) -> list[dict[str, Any]]:
        """Give every sample that it keeps: of each series ``metric``, ``values`` and ``timestamps`` (milliseconds).

        A staleness marker is ``None``.
        """
        self._flush()
        window = {"start": "1", "end": str(time.time() + AHEAD)}
        query = urllib.parse.urlencode({"match[]": selector, "reduce_mem_usage": "1", **window})
        return [json.loads(line) for line in answer_of(f"{self.address}/api/v1/export?{query}").splitlines()]

    def _flush(self) -> None:
        answer_of(f"{self.address}/internal/force_flush")


@contextmanager
def started(program: Path, *, folder: Path) -> Iterator[VictoriaMetrics]:
    """Run a VictoriaMetrics for a ``with`` block."""
    port = Port()
    with port.free() as number:
        address = f"http://127.0.0.1:{number}"
        command = [
            program,
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{number}",
            "-search.latencyOffset=0s",
            "-opentelemetry.usePrometheusNaming",
            "-memory.allowedBytes=256MB",
        ]
        with running(command, folder=folder, ready=f"{address}/health"):
            yield VictoriaMetrics(address)
    port.close()
