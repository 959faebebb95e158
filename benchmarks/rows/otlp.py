"""OTLP: collecting and encoding points that have all changed, beside the SDK of OpenTelemetry and its own encoder."""

from __future__ import annotations

import gc
import random
import statistics
import time
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from benchmarks.harness import REPEATS, Result
from polymeter.exporters.otlp.protobuf import Protobuf
from polymeter.exporters.otlp.rendering import Renderer
from polymeter.exporters.otlp.streams import Shape
from polymeter.exporters.otlp.style import Style
from polymeter.registries import AggregatingRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData

Histograms: TypeAlias = Literal["exponential", "explicit"]

POINTS = 10_000
SERIES = POINTS // 4
"""Of each kind: counter, up-down counter, gauge, histogram."""
TEXTS: list[dict[str, Any]] = [
    {"route": f"/api/v1/things/{number // 5}", "code": str(200 + number % 5)} for number in range(SERIES)
]


def rows() -> list[Result]:
    """Measure."""
    return [collect_and_encode("exponential"), collect_and_encode("explicit")]


class Both:
    """The same 10,000 series in two libraries."""

    def __init__(self, histograms: Histograms) -> None:
        shape = {"exponential": Shape.EXPONENTIAL, "explicit": Shape.EXPLICIT}[histograms]
        self.registry = AggregatingRegistry(budget=SERIES)
        self.registry.define("request.duration", "timer", unit="s")
        self._renderer = Renderer(Protobuf(), Style("cumulative", shape, 160, "always_on"), print)
        exponential = [View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())]
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], views=exponential if shape is Shape.EXPONENTIAL else [])
        meter = provider.get_meter("bench")
        self._calls = meter.create_counter("calls")
        self._open = meter.create_up_down_counter("open")
        self._level = meter.create_gauge("level")
        bounds = [0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
        self._durations = meter.create_histogram(
            "request.duration", unit="s", explicit_bucket_boundaries_advisory=bounds
        )
        for _ in range(10):
            self.change()

    def change(self) -> None:
        """Record once more on every series."""
        ours = self.registry
        for tags in TEXTS:
            seconds = random.lognormvariate(-2, 1)
            ours.counter("calls", tags, 3)
            ours.up_down("open", 1, tags)
            ours.gauge("level", seconds, tags)
            ours.timer("request.duration", seconds, tags)
            self._calls.add(3, tags)
            self._open.add(1, tags)
            self._level.set(seconds, tags)
            self._durations.record(seconds, tags)

    def ours(self) -> bytes:
        """Collect and encode ours."""
        return self._renderer.render(self.registry.snapshot(), 1.0, [("service.name", "bench")], "1").body

    def theirs(self) -> bytes:
        """Collect and encode theirs."""
        collected: MetricsData | None = self._reader.get_metrics_data()
        assert collected is not None
        return encode_metrics(collected).SerializeToString()


def collect_and_encode(histograms: Histograms) -> Result:
    """Take a snapshot of 10,000 series that have all changed, and make the bytes that are sent."""
    both = Both(histograms)
    times: dict[Callable[[], object], list[float]] = {both.ours: [], both.theirs: []}
    for turn in range(REPEATS):
        both.change()
        both.registry.total("calls")  # what was recorded is applied, as theirs is when it is recorded
        for encode in [both.ours, both.theirs][:: 1 if turn % 2 else -1]:
            gc.collect()
            began = time.process_time()
            encode()
            times[encode].append((time.process_time() - began) / POINTS)
    ours, theirs = map(statistics.median, times.values())
    name = f"OTLP: collect and encode {POINTS:,} points of four kinds, {histograms} histograms"
    return Result(name, "opentelemetry-sdk and its encoder", ours, theirs, 0.2)
