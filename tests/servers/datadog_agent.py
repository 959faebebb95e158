"""The test agent of Datadog: takes OTLP by gRPC and HTTP, in protobuf and JSON, and tells exactly what it got."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.servers.asking import answer_of
from tests.servers.ports import Port, is_listening
from tests.servers.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DatadogTestAgent", "started"]


@dataclass(frozen=True)
class DatadogTestAgent:
    """One agent.

    :ivar grpc: where OTLP over gRPC goes to, without a scheme.
    :ivar http: where OTLP over HTTP goes to, without a path.
    """

    grpc: str
    http: str

    @property
    def otlp(self) -> str:
        """Where metrics of OTLP over HTTP go to, in protobuf or JSON."""
        return f"{self.http}/v1/metrics"

    def requests(self) -> list[dict[str, Any]]:
        """Give every request for metrics since ``clear()``, in the order in which they came.

        Those in protobuf are in protobuf's JSON with the names of the definition (``resource_metrics``), those in JSON
        as they came (``resourceMetrics``).
        """
        # The last one comes first.
        return list(reversed(json.loads(answer_of(f"{self.http}/test/session/metrics"))))

    def clear(self) -> None:
        """Forget every request: also one that cannot be read, which otherwise spoils all answers."""
        answer_of(f"{self.http}/test/session/clear")


@contextmanager
def started(program: Path, *, folder: Path) -> Iterator[DatadogTestAgent]:
    """Run one for a ``with`` block."""
    ports = Port(), Port(), Port()
    with ports[0].free() as own, ports[1].free() as http, ports[2].free() as grpc:
        command = [program, f"--port={own}", f"--otlp-http-port={http}", f"--otlp-grpc-port={grpc}", "--web-ui-port=0"]
        with running(command, folder=folder, ready=lambda: is_listening(grpc) and is_listening(http)):
            yield DatadogTestAgent(f"127.0.0.1:{grpc}", f"http://127.0.0.1:{http}")
    for port in ports:
        port.close()
