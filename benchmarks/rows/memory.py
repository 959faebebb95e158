"""What many series take, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.harness import Result

_MEASURE = """
import gc, random, tracemalloc
from polymeter.registries import AggregatingRegistry
from prometheus_client import CollectorRegistry, Counter, Histogram

pool = [random.lognormvariate(4, 1) for _ in range(20_000)]
gc.collect()
tracemalloc.start()
{work}
gc.collect()
print(tracemalloc.get_traced_memory()[0])
"""

_OUR_COUNTERS = """
kept = AggregatingRegistry(budget=200_000)
for n in range(100_000):
    kept.counter("requests", {"user": f"u{n}", "ok": "true"})
len(kept)
"""
_THEIR_COUNTERS = """
kept = Counter("requests", "h", ["user", "ok"], registry=CollectorRegistry())
for n in range(100_000):
    kept.labels(f"u{n}", "true").inc()
"""
_OUR_TIMERS = """
kept = AggregatingRegistry(budget=20_000)
for n in range(10_000):
    series = kept.bind("timer", "t_ms", {"user": f"u{n}"})
    for value in pool[n : n + 1_000]:
        series.record(value)
len(kept)
"""
_THEIR_TIMERS = """
kept = Histogram("t", "h", ["user"], registry=CollectorRegistry())
for n in range(10_000):
    child = kept.labels(f"u{n}")
    for value in pool[n : n + 1_000]:
        child.observe(value / 1000)
"""


def rows() -> list[Result]:
    """Measure."""
    counters, timers = "memory of 100,000 counter series", "memory of 10,000 timer series, 1,000 log-normal values each"
    return [
        Result(counters, "prometheus_client", _bytes(_OUR_COUNTERS), _bytes(_THEIR_COUNTERS), 0.45, "B"),
        Result(timers, "prometheus_client", _bytes(_OUR_TIMERS), _bytes(_THEIR_TIMERS), 0.50, "B"),
    ]


def _bytes(work: str) -> float:
    code = _MEASURE.replace("{work}", work)
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
