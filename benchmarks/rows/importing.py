"""How long the import takes, in processes of their own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import replace

from benchmarks.harness import Result, Row, measured


def children() -> float:
    """Give the CPU seconds of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(code: str) -> None:
    """Run ``code`` in a fresh interpreter that keeps what it compiles, as an installed package is kept."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def rows() -> list[Result]:
    """Measure."""
    contenders = (
        Row(
            "import",
            lambda: run("import polymeter"),
            lambda: run("import prometheus_client"),
            "prometheus_client",
            target=0.5,
            clock=children,
        ),
        Row(
            "import and Metrics()",
            lambda: run("import polymeter; polymeter.Metrics()"),
            lambda: run("import prometheus_client; prometheus_client.Counter('calls', 'Calls.')"),
            "prometheus_client and a Counter",
            clock=children,
        ),
    )
    start = measured(Row("start", lambda: run("pass"), lambda: run("pass"), "", clock=children))
    # The interpreter's own start is not ours to compare.
    base = min(start.ours, start.peer)
    return [
        replace(each, ours=max(each.ours - base, 1e-6), peer=each.peer - base) for each in map(measured, contenders)
    ]
