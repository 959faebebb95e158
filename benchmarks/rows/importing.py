"""How long the import takes, in processes of their own."""

from __future__ import annotations

import resource
import subprocess
import sys

from benchmarks.harness import Result, Row, measured


def children() -> float:
    """Give the CPU seconds of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rows() -> list[Result]:
    """Measure."""

    def importing(module: str) -> None:
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)

    def nothing() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    ours = measured(
        Row(
            "import",
            lambda: importing("polymeter"),
            lambda: importing("prometheus_client"),
            "prometheus_client",
            clock=children,
        )
    )
    start = measured(Row("start", nothing, nothing, "", clock=children))
    # The interpreter's own start is not ours to compare.
    base = min(start.ours, start.peer)
    return [Result(ours.name, ours.peer_name, max(ours.ours - base, 1e-6), ours.peer - base, 0.5)]
