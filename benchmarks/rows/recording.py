"""Recording on one series, and by name."""

from __future__ import annotations

import random

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Histogram as PrometheusHistogram

from benchmarks.harness import Result, Row, measured
from polymeter.registries import AggregatingRegistry

N = 50_000


def rows() -> list[Result]:
    """Measure."""
    return [measured(row) for row in (bound_counter(), counter_by_name(), bound_timer())]


def bound_counter() -> Row:
    """Add one to a counter that was looked up before."""
    series = AggregatingRegistry().bind("counter", "c", {"a": "x"})
    child = PrometheusCounter("c", "c", ["a"], registry=CollectorRegistry()).labels("x")

    def ours() -> None:
        add = series.add
        for _ in range(N):
            add()
        assert series.value

    def theirs() -> None:
        inc = child.inc
        for _ in range(N):
            inc()

    return Row("bound counter, add", ours, theirs, "prometheus_client", N, 0.30)


def counter_by_name() -> Row:
    """Add one to a counter, found by name and two tags."""
    registry = AggregatingRegistry()
    counter = PrometheusCounter("c", "c", ["a", "b"], registry=CollectorRegistry())

    def ours() -> None:
        for _ in range(N):
            registry.counter("c", {"a": "x", "b": "y"})
        assert registry.get("c", {"a": "x", "b": "y"}).value

    def theirs() -> None:
        for _ in range(N):
            counter.labels("x", "y").inc()

    return Row("counter by name and 2 tags", ours, theirs, "prometheus_client", N, 0.40)


def bound_timer() -> Row:
    """Record a duration on a timer that was looked up before."""
    milliseconds = [random.lognormvariate(4, 1) for _ in range(1000)]
    seconds = [value / 1000 for value in milliseconds]
    series = AggregatingRegistry().bind("timer", "t_ms", {"a": "x"})
    child = PrometheusHistogram("t", "t", ["a"], registry=CollectorRegistry()).labels("x")

    def ours() -> None:
        record = series.record
        for _ in range(N // 1000):
            for value in milliseconds:
                record(value)
        assert series.count

    def theirs() -> None:
        observe = child.observe
        for _ in range(N // 1000):
            for value in seconds:
                observe(value)

    return Row("bound timer, record (log-normal)", ours, theirs, "prometheus_client", N, 0.40)
