"""The same measurements by the SDK of OpenTelemetry, encoded by its own encoder, are the same messages."""

from __future__ import annotations

import random

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from polymeter.exporters.otlp.json_text import JsonText
from polymeter.exporters.otlp.protobuf import Protobuf
from polymeter.exporters.otlp.rendering import Renderer
from polymeter.exporters.otlp.streams import Shape
from polymeter.exporters.otlp.style import Style
from polymeter.registries import AggregatingRegistry
from tests.exporters.otlp_reading import request_of

BOUNDS = [0.01, 0.1, 1.0, 10.0]
TAGS = [{"room": "a", "status": 200, "ok": True}, {"room": "é\n", "share": 0.25}, {}]
CHANCE = random.Random(7)
VALUES = [CHANCE.lognormvariate(0, sigma) for sigma in (0.1, 1, 3) for _ in range(100)] + [0.0, 1.0, 2.0, 0.01]


def of_the_sdk(max_size):
    """Record with the SDK; give its request."""
    exponential = ExponentialBucketHistogramAggregation(max_size=max_size, max_scale=6)
    reader = InMemoryMetricReader()
    views = [View(instrument_type=Histogram, instrument_name="delay", aggregation=exponential)]
    provider = MeterProvider([reader], views=views)
    meter = provider.get_meter("polymeter")
    calls = meter.create_counter("calls", description="How many.")
    sent = meter.create_counter("sent", unit="By")
    active = meter.create_up_down_counter("active", unit="{call}")
    level = meter.create_gauge("level", unit="Cel")
    wait = meter.create_histogram("wait", unit="s", explicit_bucket_boundaries_advisory=BOUNDS)
    delay = meter.create_histogram("delay", unit="s")
    for tags in TAGS:
        calls.add(3, tags)
        sent.add(1.5, tags)
        active.add(-2, tags)
        level.set(20.5, tags)
        for value in VALUES:
            wait.record(value, tags)
            delay.record(value, tags)
    request = encode_metrics(reader.get_metrics_data())
    provider.shutdown()
    return request


def of_ours(encoding, shape, most):
    """Do the same here."""
    registry = AggregatingRegistry()
    registry.define("calls", "counter", help="How many.")
    registry.define("sent", "counter", unit="By")
    registry.define("active", "up_down", unit="{call}")
    registry.define("level", "gauge", unit="Cel")
    for name in ("wait", "delay"):
        registry.define(name, "histogram", unit="s", buckets=BOUNDS)
    for tags in TAGS:
        registry.counter("calls", tags, 3)
        registry.counter("sent", tags, 1.5)
        registry.up_down("active", -2, tags)
        registry.gauge("level", 20.5, tags)
        for value in VALUES:
            registry.histogram("wait", value, tags)
            registry.histogram("delay", value, tags)
    renderer = Renderer(encoding, Style("cumulative", shape, most, "always_on"), print)
    rendered = renderer.render(registry.snapshot(), 1.0, [], "")
    return request_of(rendered.body, encoding.content_type)


def plain(request):
    """Give the metrics by name, without what differs by nature: times, order and rounding of sums."""
    found = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        points = getattr(metric, metric.WhichOneof("data")).data_points
        for point in points:
            point.ClearField("time_unix_nano")
            point.ClearField("start_time_unix_nano")
            if metric.HasField("exponential_histogram"):
                point.ClearField("zero_threshold")  # theirs is 0
                for buckets in (point.positive, point.negative):
                    without_empty_ends(buckets)
            if hasattr(point, "sum"):
                point.sum = round(point.sum, 9)
            if metric.HasField("exponential_histogram") and not point.negative.bucket_counts:
                point.ClearField("negative")
            point.attributes.sort(key=lambda each: each.key)
        points.sort(key=lambda each: str(each.attributes))
        found[metric.name] = metric
    return found


def without_empty_ends(buckets):
    """Take away the empty buckets at both ends, of which theirs may have some."""
    counts = list(buckets.bucket_counts)
    while counts and not counts[-1]:
        counts.pop()
    while counts and not counts[0]:
        counts.pop(0)
        buckets.offset += 1
    buckets.bucket_counts[:] = counts
    if not counts:
        buckets.ClearField("offset")


@pytest.mark.parametrize("encoding", [Protobuf, JsonText])
@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (Shape.EXPLICIT, ["calls", "sent", "active", "level", "wait"]),
        (Shape.EXPONENTIAL, ["calls", "sent", "active", "level", "delay"]),
    ],
)
@pytest.mark.parametrize("most", [160, 40])
def test_every_message_is_that_of_the_sdk(encoding, shape, names, most):
    ours, theirs = plain(of_ours(encoding(), shape, most)), plain(of_the_sdk(most))
    for name in names:
        assert ours[name] == theirs[name]
