"""A real OTLP collector, Rotel: takes OTLP by gRPC and HTTP, and passes it on to a VictoriaMetrics."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.ports import Port, is_listening
from tests.servers.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.victoria_metrics import VictoriaMetrics

__all__ = ["Rotel", "started"]


@dataclass(frozen=True)
class Rotel:
    """One collector.

    It answers before it has passed on what came: wait for it at the other end. Numbers in JSON it reads wrong.

    :ivar grpc: where OTLP over gRPC goes to, without a scheme.
    :ivar http: where OTLP over HTTP goes to, in protobuf, without a path.
    :ivar behind: to whom it passes everything on.
    """

    grpc: str
    http: str
    behind: VictoriaMetrics


@contextmanager
def started(program: Path, *, behind: VictoriaMetrics, folder: Path) -> Iterator[Rotel]:
    """Run one for a ``with`` block."""
    grpc_port, http_port = Port(), Port()
    with grpc_port.free() as grpc, http_port.free() as http:
        command = [
            *(program, "start", f"--pid-file={folder / 'pid'}", f"--log-file={folder / 'own.log'}"),
            f"--otlp-grpc-endpoint=127.0.0.1:{grpc}",
            f"--otlp-http-endpoint=127.0.0.1:{http}",
            *("--exporter=otlp", "--otlp-exporter-protocol=http", "--disable-batching"),
            f"--otlp-exporter-endpoint={behind.address}/opentelemetry",
            f"--otlp-exporter-metrics-endpoint={behind.otlp}",
        ]
        with running(command, folder=folder, ready=lambda: is_listening(grpc) and is_listening(http)):
            yield Rotel(f"127.0.0.1:{grpc}", f"http://127.0.0.1:{http}", behind)
    grpc_port.close()
    http_port.close()
