"""A scrape by Prometheus: how long it takes, what memory it needs, and how long it holds an event loop."""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import prometheus_client

from benchmarks.harness import REPEATS, Result
from polymeter.exporters import PrometheusExporter
from polymeter.registries import AggregatingRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

SERIES = 10_000
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)
TEXTS = [{"route": f"/api/v1/things/{number // 5}", "code": str(200 + number % 5)} for number in range(SERIES // 2)]


def rows() -> list[Result]:
    """Measure."""
    prometheus_client.disable_created_metrics()  # for the same content
    try:
        both = Both()
        return [scrape(both), *stalls(both), *memory()]
    finally:
        prometheus_client.enable_created_metrics()


class Both:
    """The same 10,000 series in two libraries: half histograms of 15 bounds, half counters, two labels each."""

    def __init__(self) -> None:
        self.registry = AggregatingRegistry(budget=SERIES)
        self.registry.define("http.request.duration_seconds", "timer", help="Durations.", buckets=BOUNDS)
        self.registry.define("rpc.calls", "counter", help="Calls.")
        self.exporter = PrometheusExporter()
        self.exporter.attach(self.registry.snapshot)
        self.peer = prometheus_client.CollectorRegistry()
        of_peer: dict[str, Any] = {"labelnames": ["route", "code"], "registry": self.peer}
        self._durations = prometheus_client.Histogram(
            "http_request_duration_seconds", "Durations.", buckets=BOUNDS, **of_peer
        )
        self._calls = prometheus_client.Counter("rpc_calls", "Calls.", **of_peer)
        for _ in range(10):
            self.change()
        assert len(self.ours().splitlines()) - len(self.theirs().splitlines()) == 2 * 3  # polymeter.* beside them

    def change(self) -> None:
        """Record once more on every series."""
        for tags in TEXTS:
            seconds = random.lognormvariate(-2, 1)
            self.registry.timer("http.request.duration_seconds", seconds, tags)
            self.registry.counter("rpc.calls", tags, 3)
            self._durations.labels(**tags).observe(seconds)
            self._calls.labels(**tags).inc(3)

    def ours(self) -> str:
        """Render ours."""
        return self.exporter.render()

    def theirs(self) -> bytes:
        """Render theirs."""
        return prometheus_client.generate_latest(self.peer)


def scrape(both: Both) -> Result:
    """Take a snapshot of series that have all changed, and render it."""
    times: dict[Callable[[], object], list[float]] = {both.ours: [], both.theirs: []}
    for turn in range(REPEATS):
        both.change()
        for render in [both.ours, both.theirs][:: 1 if turn % 2 else -1]:
            gc.collect()
            began = time.process_time()
            render()
            times[render].append((time.process_time() - began) / SERIES)
    ours, theirs = map(statistics.median, times.values())
    name = f"render {SERIES:,} series that have all changed, snapshot included"
    return Result(name, "generate_latest", ours, theirs, 0.2)


def stalls(both: Both) -> list[Result]:
    """Scrape in an event loop: the longest time for which nothing else could run in it."""

    async def theirs() -> None:
        both.theirs()

    async def ours() -> None:
        for _ in both.exporter.exposition():
            await asyncio.sleep(0)

    async def ours_with_a_thread() -> None:
        slices = iter(both.exporter.exposition())
        await asyncio.to_thread(next, slices)
        for _ in slices:
            await asyncio.sleep(0)

    times: dict[Callable[[], Any], list[float]] = {ours: [], ours_with_a_thread: [], theirs: []}
    for _ in range(REPEATS):
        for scraping, longest in times.items():
            both.change()
            gc.collect()
            longest.append(asyncio.run(_longest_stall(scraping)))
    alone, beside, peer = map(statistics.median, times.values())
    name = f"longest stall of an event loop while {SERIES:,} series are scraped"
    return [
        Result(name, "generate_latest", alone, peer, None),
        Result(f"{name}, the state read on a thread", "generate_latest", beside, peer, None),
    ]


async def _longest_stall(scraping: Callable[[], Any]) -> float:
    task = asyncio.create_task(scraping())
    longest = 0.0
    before = time.perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    await task
    return longest


_MEASURE = """
import tracemalloc
from benchmarks.rows.rendering import BOUNDS
from polymeter.exporters import PrometheusExporter
from polymeter.registries import AggregatingRegistry

registry = AggregatingRegistry(budget=100_000)
registry.define("http.request.duration_seconds", "timer", buckets=BOUNDS)
for number in range(50_000):
    tags = {"route": f"/api/v1/things/{number // 5}", "code": str(200 + number % 5)}
    for seconds in (0.02, 0.1, 0.7):
        registry.timer("http.request.duration_seconds", seconds, tags)
    registry.counter("rpc.calls", tags)
len(registry)
exporter = PrometheusExporter()
exporter.attach(registry.snapshot)
tracemalloc.start()
size = WORK
print(tracemalloc.get_traced_memory()[1], size)
"""
_IN_SLICES = "sum(map(len, exporter.exposition()))"
_AS_A_WHOLE = "len(exporter.render())"


def memory() -> list[Result]:
    """Render 100,000 series: the most memory at any time, the snapshot included, beside the size of the text."""
    name = "100,000 series: peak memory / text"
    return [_peak(f"{name}, in slices", _IN_SLICES), _peak(f"{name}, as one str", _AS_A_WHOLE)]


def _peak(name: str, work: str) -> Result:
    code = _MEASURE.replace("WORK", work)
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    peak, size = map(float, answer.split())
    return Result(name, "the text", peak, size, 3.0, "B")
