"""``make bench``: measure every row, print the table, refresh ``benchmarks/RESULTS.md``.

``make bench ARGS="six idle"`` measures the named subjects only and writes nothing.
"""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness import Result, table

SUBJECTS = (
    "recording",
    "filters",
    "six",
    "idle",
    "memory",
    "many",
    "rendering",
    "otlp",
    "remote_write",
    "sick",
    "openai_call",
    "http_call",
    "cost",
    "shared",
    "redis",
    "statsd",
    "timed",
    "importing",
)
PEERS = (
    "prometheus_client",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-httpx",
    "blinker",
    "datadog",
    "statsd",
)


def main(chosen: list[str]) -> None:
    """Measure ``chosen`` subjects, or all."""
    results: list[Result] = []
    for subject in chosen or SUBJECTS:
        results += importlib.import_module(f"benchmarks.rows.{subject}").rows()
        print(table(results[-1:]).splitlines()[-1], flush=True)
    print(text := table(results))
    if not chosen:
        Path(__file__).with_name("RESULTS.md").write_text(_page(text))


def _page(rows: str) -> str:
    peers = ", ".join(f"{name} {version(name)}" for name in PEERS)
    return (
        "# Benchmark results\n\n"
        "Made by `make bench`. Both sides of a row run in turns; times are of the CPU, the ratio is of the medians.\n"
        "Every row includes the drain and a final read. A ratio below 1 means that ours takes less.\n\n"
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} "
        f"{platform.machine()}; {peers}.\n\n{rows}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
