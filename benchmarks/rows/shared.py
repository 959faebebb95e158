"""A registry that processes share: what it adds to recording, and what a scrape of many workers takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks.harness import Result, Row, measured
from benchmarks.rows.six import N, TheSix, events, polymeter
from polymeter import Metrics
from polymeter.registries import SharedRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from polymeter.events.inference import InferenceCompleted

WORKERS: Final = 8
SERIES: Final = 2_000
GENERATIONS: Final = 40
TURNS: Final = 7

_OUR_WORKER = f"""
import sys
from polymeter.registries import SharedRegistry
registry = SharedRegistry("bench", directory=sys.argv[1])
def work():
    for number in range({SERIES // 2}):
        registry.counter("requests", {{"path": f"p{{number}}"}})
        registry.timer("wait_ms", number % 500, {{"path": f"p{{number}}"}})
    registry.publish()
"""
_THEIR_WORKER = f"""
import os, sys
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from prometheus_client import Counter, Histogram
requests, wait = Counter("requests", "h", ["path"]), Histogram("wait", "h", ["path"])
def work():
    for number in range({SERIES // 2}):
        requests.labels(f"p{{number}}").inc()
        wait.labels(f"p{{number}}").observe(number % 500 / 1000)
"""
_OUR_SCRAPER = f"""
import sys
from polymeter.exporters import PrometheusExporter
from polymeter.registries import SharedRegistry
registry, exporter = SharedRegistry("bench", directory=sys.argv[1], budget=10 * {SERIES}), PrometheusExporter()
exporter.attach(registry.snapshot)
def work():
    assert exporter.render().count("requests_total{{") == {SERIES // 2}
"""
_THEIR_SCRAPER = f"""
import os, sys
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
def work():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    assert generate_latest(registry).count(b"requests_total{{") == {SERIES // 2}
"""
_LOOP = """
import time
for line in sys.stdin:
    began = time.process_time()
    work()
    print(time.process_time() - began, flush=True)
"""


def rows() -> list[Result]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        return [six(folder), workers(folder), *generations(folder)]


def six(folder: str) -> Result:
    """Collect the six, with publishing and a final read."""
    given = events()
    return measured(Row("the six in a shared registry", shared(given, folder), polymeter(given), "a plain one", N, 1.2))


def shared(given: list[InferenceCompleted], folder: str) -> object:
    """Dispatch, collect, publish meanwhile, read."""
    metrics = Metrics(registry=SharedRegistry("six", directory=folder)).collect(TheSix())

    def run() -> None:
        dispatch = metrics.events.dispatch
        for _ in range(N // len(given)):
            for event in given:
                dispatch(event)
        assert len(metrics.registry.all()) == 24

    return run


class _Process:
    """A process that works when it is told to."""

    def __init__(self, stack: ExitStack, code: str, folder: Path | str) -> None:
        self._process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", code + _LOOP, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        stack.callback(self._process.kill)

    def work(self) -> float:
        """Have it work; give the CPU seconds that it took."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"\n")
        stdin.flush()
        return float(stdout.readline())

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


def workers(folder: str) -> Result:
    """Scrape eight living workers, whose series have all changed since the last time."""
    name = f"scrape of {WORKERS} workers x {SERIES:,} series, all changed"
    with ExitStack() as stack, tempfile.TemporaryDirectory() as theirs:
        ours = [_Process(stack, _OUR_WORKER, folder) for _ in range(WORKERS)]
        peers = [_Process(stack, _THEIR_WORKER, theirs) for _ in range(WORKERS)]
        scrapers = _Process(stack, _OUR_SCRAPER, folder), _Process(stack, _THEIR_SCRAPER, theirs)
        times: tuple[list[float], list[float]] = [], []
        for turn in range(TURNS + 1):
            for worker in (*ours, *peers):
                worker.work()
            for scraper, taken in zip(scrapers, times, strict=True):
                seconds = scraper.work()
                if turn:
                    taken.append(seconds)
        return Result(name, "prometheus_client", *map(statistics.median, times), target=0.2)


def generations(folder: str) -> list[Result]:
    """Scrape after each of many workers has been killed."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as theirs:
        ours, peer = _Process(stack, _OUR_SCRAPER, f"{folder}/dead"), _Process(stack, _THEIR_SCRAPER, theirs)
        times: list[float] = []
        for _ in range(GENERATIONS):
            for code, place in ((_OUR_WORKER, f"{folder}/dead"), (_THEIR_WORKER, theirs)):
                worker = _Process(stack, code, place)
                worker.work()
                worker.kill()
            times.append(ours.work())
        first, last = statistics.median(times[1 : TURNS + 1]), statistics.median(times[-TURNS:])
        peers = statistics.median(peer.work() for _ in range(3))
        name = f"scrape after {GENERATIONS} workers were killed"
        return [
            Result(name, "prometheus_client", last, peers, target=0.2),
            Result(name, "the first of these scrapes", last, first, target=1.2),
        ]
