"""What a decorator that times adds to an empty function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as PrometheusHistogram

from benchmarks.harness import Result, Row, measured
from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.timing import timed

if TYPE_CHECKING:
    from collections.abc import Callable

N = 20_000


def rows() -> list[Result]:
    """Measure."""
    return [measured(row) for row in (collected(), unheard())]


def collected() -> Row:
    """Time each call, collect, and read."""
    metrics = Metrics().collect(TimingMetricsCollector())
    metrics.activate()

    @timed("empty_ms")
    def empty() -> None: ...

    def ours() -> None:
        call = empty
        for _ in range(N):
            call()
        [timer] = metrics.registry.find("empty_ms")
        assert timer.count % N == 0

    return Row("@timed on an empty function", ours, _theirs(), "prometheus_client, .time()", N, 0.5)


def unheard() -> Row:
    """Call what is timed where nobody listens."""
    events = Metrics().events

    @timed("empty_ms", events=events)
    def empty() -> None: ...

    def ours() -> None:
        call = empty
        for _ in range(N):
            call()

    return Row("@timed on an empty function, nobody listens", ours, _theirs(), "prometheus_client, .time()", N, 0.1)


def _theirs() -> Callable[[], None]:
    registry = CollectorRegistry()

    @PrometheusHistogram("empty", "h", registry=registry).time()
    def empty() -> None: ...

    def run() -> None:
        call = empty
        for _ in range(N):
            call()
        list(registry.collect())

    return run
