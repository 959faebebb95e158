"""One completion event with four tags becomes six metrics: by us, by peers, by hand."""

from __future__ import annotations

import math
import random
import threading
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Gauge as PrometheusGauge
from prometheus_client import Histogram as PrometheusHistogram

from benchmarks.harness import Result, Row, measured
from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.events.inference import InferenceCompleted, Usage

N = 10_000

_TAGS = {
    "model": "model",
    "streamed": "streamed",
    "success": "is_success",
    "finish_reason": lambda event: event.finish_reason or event.outcome,
}


def _throughput(event: InferenceCompleted) -> float | None:
    if event.usage is None or event.duration_ms <= 0:
        return None
    return event.usage.output_tokens / (event.duration_ms / 1000)


class TheSix(MetricsCollector):
    """The six metrics, declared."""

    completed = measure.counter("inference.completed", on=InferenceCompleted, tags=_TAGS)
    duration = measure.timer("inference.duration_ms", on=InferenceCompleted, value="duration_ms", tags=_TAGS)
    tokens_in = measure.histogram(
        "inference.tokens.input", on=InferenceCompleted, value="usage.input_tokens", tags=_TAGS
    )
    tokens_out = measure.histogram(
        "inference.tokens.output", on=InferenceCompleted, value="usage.output_tokens", tags=_TAGS
    )
    tokens = measure.histogram("inference.tokens.total", on=InferenceCompleted, value="usage.total_tokens", tags=_TAGS)
    throughput = measure.gauge(
        "inference.throughput.tokens_per_sec", on=InferenceCompleted, value=_throughput, tags=_TAGS
    )


def events() -> list[InferenceCompleted]:
    """Make completions that look like those of real calls."""
    return [
        InferenceCompleted(
            at=1_700_000_000.0 + number,
            execution_id="e",
            model=random.choice(("model-a", "model-b")),
            streamed=random.random() < 0.5,
            outcome="ok",
            finish_reason="stop",
            duration_ms=random.lognormvariate(7, 1),
            usage=Usage(input=random.randrange(10, 4000), output=random.randrange(10, 1000)),
        )
        for number in range(1000)
    ]


def rows() -> list[Result]:
    """Measure."""
    given = events()
    name = "dispatch -> the six"
    ours = polymeter(given)
    return [
        measured(Row(name, ours, prometheus(given), "prometheus_client, by hand", N, 0.12)),
        measured(Row(name, ours, opentelemetry(given), "opentelemetry-sdk, by hand", N, 0.035)),
        measured(Row(name, ours, inline(given), "inline Python, by hand", N, 1.2)),
    ]


def polymeter(given: list[InferenceCompleted]) -> Any:
    """Dispatch, collect, read."""
    metrics = Metrics().collect(TheSix())

    def run() -> None:
        dispatch = metrics.events.dispatch
        for _ in range(N // len(given)):
            for event in given:
                dispatch(event)
        assert len(metrics.registry.all()) == 24

    return run


def prometheus(given: list[InferenceCompleted]) -> Any:
    """Record the same by hand in prometheus_client."""
    names = ["model", "streamed", "success", "finish_reason"]
    registry = CollectorRegistry()
    completed = PrometheusCounter("completed", "h", names, registry=registry)
    duration = PrometheusHistogram("duration", "h", names, registry=registry)
    tokens_in = PrometheusHistogram("tokens_in", "h", names, registry=registry)
    tokens_out = PrometheusHistogram("tokens_out", "h", names, registry=registry)
    tokens = PrometheusHistogram("tokens", "h", names, registry=registry)
    throughput = PrometheusGauge("throughput", "h", names, registry=registry)

    def record(event: InferenceCompleted) -> None:
        usage = event.usage
        assert usage is not None
        labels = (event.model, str(event.streamed), str(event.is_success), event.finish_reason or event.outcome)
        completed.labels(*labels).inc()
        duration.labels(*labels).observe(event.duration_ms / 1000)
        tokens_in.labels(*labels).observe(usage.input_tokens)
        tokens_out.labels(*labels).observe(usage.output_tokens)
        tokens.labels(*labels).observe(usage.total_tokens)
        throughput.labels(*labels).set(usage.output_tokens / (event.duration_ms / 1000))

    def run() -> None:
        for _ in range(N // len(given)):
            for event in given:
                record(event)
        list(registry.collect())

    return run


def opentelemetry(given: list[InferenceCompleted]) -> Any:
    """Record the same by hand in opentelemetry-sdk."""
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("bench")
    completed = meter.create_counter("completed")
    duration = meter.create_histogram("duration")
    tokens_in = meter.create_histogram("tokens_in")
    tokens_out = meter.create_histogram("tokens_out")
    tokens = meter.create_histogram("tokens")
    throughput = meter.create_gauge("throughput")

    def record(event: InferenceCompleted) -> None:
        usage = event.usage
        assert usage is not None
        attributes = {
            "model": event.model,
            "streamed": event.streamed,
            "success": event.is_success,
            "finish_reason": event.finish_reason or event.outcome,
        }
        completed.add(1, attributes)
        duration.record(event.duration_ms / 1000, attributes)
        tokens_in.record(usage.input_tokens, attributes)
        tokens_out.record(usage.output_tokens, attributes)
        tokens.record(usage.total_tokens, attributes)
        throughput.set(usage.output_tokens / (event.duration_ms / 1000), attributes)

    def run() -> None:
        for _ in range(N // len(given)):
            for event in given:
                record(event)
        reader.get_metrics_data()

    return run


def inline(given: list[InferenceCompleted]) -> Any:
    """Keep the same information with nothing but a lock, dicts and the same buckets: the limit for plain Python."""
    lock = threading.Lock()
    table: dict[tuple[object, ...], list[Any]] = {}
    log2, ceil = math.log2, math.ceil

    def new() -> list[Any]:
        return [0, [0, 0.0, math.inf, -math.inf, {}], *([0, 0, math.inf, -math.inf, {}] for _ in range(3)), 0.0]

    def observe(into: list[Any], value: float) -> None:
        into[0] += 1
        into[1] += value
        if value < into[2]:  # noqa: PLR1730 - a call would cost more
            into[2] = value
        if value > into[3]:  # noqa: PLR1730
            into[3] = value
        index = ceil(log2(value) * 64)
        counts = into[4]
        counts[index] = counts.get(index, 0) + 1

    def record(event: InferenceCompleted) -> None:
        usage = event.usage
        assert usage is not None
        key = (event.model, event.streamed, event.is_success, event.finish_reason or event.outcome)
        with lock:
            slot = table.get(key)
            if slot is None:
                slot = table[key] = new()
            slot[0] += 1
            observe(slot[1], event.duration_ms / 1000)
            observe(slot[2], usage.input_tokens)
            observe(slot[3], usage.output_tokens)
            observe(slot[4], usage.total_tokens)
            slot[5] = usage.output_tokens / (event.duration_ms / 1000)

    def run() -> None:
        for _ in range(N // len(given)):
            for event in given:
                record(event)
        with lock:
            assert len([dict(slot[4][4]) for slot in table.values()]) == 4

    return run
