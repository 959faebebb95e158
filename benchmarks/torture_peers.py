"""The leaders in our torture suite: ``python -m benchmarks.torture_peers`` prints a Markdown table.

Each scenario of ``tests/torture`` that makes sense for them runs RUNS times for each library, in an interpreter of its
own, under the same watchdog. ``python -m benchmarks.torture_peers 3 signalled threaded`` runs the named ones for three
seconds each.
"""

from __future__ import annotations

import platform
import sys
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from tests.torture.reading import LEVEL, VALUE_SECONDS, Reading
from tests.torture.watchdog import Outcome, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNS: Final = 5
SECONDS: Final = 1.0
WATCHDOG: Final = 10
"""Seconds beyond its own time after which a run has hung."""

SUBJECTS: Final = {
    "polymeter, bound": "bound",
    "polymeter, dispatched": "dispatched",
    "prometheus_client": "benchmarks.torture_peers:Prometheus",
    "opentelemetry-sdk": "benchmarks.torture_peers:OpenTelemetry",
}
SCENARIOS: Final = (
    "collecting",
    "signalled",
    "interrupted",
    "threaded",
    "flooding",
    "forking",
    "forking_collecting",
    "crossed",
    "held",
    "tasks",
)


class Prometheus:
    """prometheus_client with bound children, read by one ``collect()``."""

    def __init__(self) -> None:
        import prometheus_client as prometheus

        self._registry = prometheus.CollectorRegistry()
        tags = ["model", "ok"]
        self._turns = prometheus.Counter("turns", "turns", tags, registry=self._registry).labels("a", "true")
        self._latency = prometheus.Histogram(
            "latency", "latency", tags, registry=self._registry, buckets=(0.05, VALUE_SECONDS, 0.2)
        ).labels("a", "true")
        self._open = prometheus.Gauge("open", "open", tags, registry=self._registry).labels("a", "true")
        self._fresh = prometheus.Counter("fresh", "fresh", ["n"], registry=self._registry)

    def record(self) -> None:
        """Make one record of each."""
        self._turns.inc()
        self._latency.observe(VALUE_SECONDS)
        self._open.set(LEVEL)

    def read(self) -> Reading:
        """Read all of them."""
        found = {
            (sample.name, sample.labels.get("le")): sample.value
            for metric in self._registry.collect()
            for sample in metric.samples
        }
        return Reading(
            counted=found["turns_total", None],
            count=int(found["latency_count", None]),
            seconds=found["latency_sum", None],
            in_buckets=(int(found["latency_bucket", "+Inf"]),),
            level=found["open", None] or None,
        )

    def fresh(self, n: int) -> None:
        """Count one on a series that may be new."""
        self._fresh.labels(n).inc()

    def total_of_fresh(self, n: int) -> float:
        """Read that series."""
        return self._registry.get_sample_value("fresh_total", {"n": str(n)}) or 0


class OpenTelemetry:
    """opentelemetry-sdk with cumulative temporality, read by one ``get_metrics_data()``."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter("torture")
        self._turns = meter.create_counter("turns")
        self._latency = meter.create_histogram(
            "latency", explicit_bucket_boundaries_advisory=[0.05, VALUE_SECONDS, 0.2]
        )
        self._open = meter.create_gauge("open")
        self._fresh = meter.create_counter("fresh")
        self._tags: dict[str, str | bool] = {"model": "a", "ok": True}

    def record(self) -> None:
        """Make one record of each."""
        self._turns.add(1, self._tags)
        self._latency.record(VALUE_SECONDS, self._tags)
        self._open.set(LEVEL, self._tags)

    def read(self) -> Reading:
        """Read all of them."""
        found = {name: point for name, point in self._points() if name != "fresh"}
        if len(found) < 3:
            return Reading()
        latency = found["latency"]
        buckets = (sum(latency.bucket_counts),)
        return Reading(found["turns"].value, latency.count, latency.sum, buckets, found["open"].value)

    def _points(self) -> Iterable[tuple[str, Any]]:
        data: Any = self._reader.get_metrics_data()
        if data is None:
            return []
        metrics = (metric for each in data.resource_metrics for scope in each.scope_metrics for metric in scope.metrics)
        return [(metric.name, point) for metric in metrics for point in metric.data.data_points]

    def fresh(self, n: int) -> None:
        """Count one on a series that may be new."""
        self._fresh.add(1, {"n": n})

    def total_of_fresh(self, n: int) -> float:
        """Read that series."""
        totals: list[float] = [
            point.value for name, point in self._points() if name == "fresh" and point.attributes == {"n": n}
        ]
        return sum(totals)


def verdict(outcome: Outcome) -> list[str]:
    """Say in a few words each what was wrong with one run."""
    if outcome.hung:
        return ["hung"]
    if not outcome.ledger:
        return ["crashed"]
    wrong = [name for name in ("torn", "stale", "errors") if outcome.ledger[name]["times"]]
    rows: list[str] = [what for what, expected, actual in outcome.ledger["rows"] if expected != actual]
    if any("at first" in what for what in rows):
        wrong.append("child does not start from zero")
    elif rows:
        wrong.append("; ".join(rows))
    return wrong


def cell(outcomes: list[Outcome]) -> str:
    """Sum several runs up."""
    found = Counter(each for outcome in outcomes for each in verdict(outcome))
    if not found:
        return "ok"
    torn, reads = (sum(number(outcome) for outcome in outcomes) for number in (_torn, _reads))
    said = [f"{what} ({times}/{len(outcomes)})" for what, times in found.items() if what != "torn"]
    if torn:
        said.insert(0, f"{torn / reads:.2%} of {reads:,} reads torn")
    return ", ".join(said)


def _torn(outcome: Outcome) -> int:
    return int(outcome.ledger["torn"]["times"]) if outcome.ledger else 0


def _reads(outcome: Outcome) -> int:
    return int(outcome.ledger["reads"]) if outcome.ledger else 0


def main(seconds: float, scenarios: tuple[str, ...]) -> None:
    """Run and print, row by row."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("polymeter", "prometheus_client", "opentelemetry-sdk"))
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}; {libraries}.")
    print(f"{RUNS} runs of {seconds:g} s for each cell; hung: not done {WATCHDOG} s later.\n")
    print(f"| scenario | {' | '.join(SUBJECTS)} |")
    print(f"|---{'|---' * len(SUBJECTS)}|")
    for scenario in scenarios:
        cells = []
        for subject in SUBJECTS.values():
            runs = [outcome_of(scenario, subject, seconds, seconds + WATCHDOG) for _ in range(RUNS)]
            cells.append(cell(runs))
        print(f"| `{scenario}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else SECONDS, tuple(sys.argv[2:]) or SCENARIOS)
