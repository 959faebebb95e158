"""The whole text for one metric of each kind, byte by byte."""

from __future__ import annotations

import math

import pytest

from polymeter.data import (
    Counter,
    Distribution,
    Gauge,
    Histogram,
    MetricDefinition,
    Snapshot,
    Tags,
    Timer,
    UpDownCounter,
)
from polymeter.data.units import unit_of
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.prometheus_buckets import default_bounds
from polymeter.exporters.prometheus_text import CONTENT_TYPE, bound_text, number_text
from tests.exporters.prometheus_reading import read

SNAPSHOT = Snapshot(
    [
        Counter("chat.turns", 3, {"ok": True, "model": "gpt"}),
        Counter("chat.turns", 1.5, {"ok": False, "model": 'a "b" \\ c\nd'}),
        Counter("cpu_ms", 1500),
        UpDownCounter("chat.active", -1),
        Gauge("room.temperature", 20.5, {"room": "Küche", "level": None, "empty": ""}),
        Gauge("weird", math.nan, {"sign": "none"}),
        Gauge("weird", -0.0, {"sign": "-"}),
        Gauge("never.set", sequence=-1),
        Timer("chat.wait_ms", Distribution.of([0.004, 0.005, 0.006, 0.25, 30.0], bounds=(0.005, 1.0))),
        Histogram("chat.tokens", Distribution.of([1, 16, 17, 10**6]), {"le": "x"}, unit="tokens"),
        Histogram("drift", Distribution.of([-7.5, 0.0, 2.5], bounds=(-5.0, 0.0, 1e6))),
        Timer("idle"),
    ],
    definitions={
        "chat.turns": MetricDefinition.of("chat.turns", "counter", help='Turns "so far".\nAll of them: \\.'),
        "chat.wait_ms": MetricDefinition.of("chat.wait_ms", "timer", help="Waiting.", buckets=[5, 1000]),
        "drift": MetricDefinition.of("drift", "histogram", buckets=[-5, 0, 1e6]),
        "idle": MetricDefinition.of("idle", "timer", unit="s", buckets=[1]),
    },
    resource=Tags({"service.name": "shop", "host": "h1"}),
)

EXPECTED = r"""# HELP target_info Target metadata
# TYPE target_info gauge
target_info{host="h1",service_name="shop"} 1
# HELP chat_turns_total Turns "so far".\nAll of them: \\.
# TYPE chat_turns_total counter
chat_turns_total{model="gpt",ok="true"} 3
chat_turns_total{model="a \"b\" \\ c\nd",ok="false"} 1.5
# HELP cpu_seconds_total counter cpu_ms
# TYPE cpu_seconds_total counter
cpu_seconds_total 1.5
# HELP chat_active up_down chat.active
# TYPE chat_active gauge
chat_active -1
# HELP room_temperature gauge room.temperature
# TYPE room_temperature gauge
room_temperature{level="unknown",room="Küche"} 20.5
# HELP weird gauge weird
# TYPE weird gauge
weird{sign="none"} NaN
weird{sign="-"} -0.0
# HELP chat_wait_seconds Waiting.
# TYPE chat_wait_seconds histogram
chat_wait_seconds_bucket{le="0.005"} 2
chat_wait_seconds_bucket{le="1.0"} 4
chat_wait_seconds_bucket{le="+Inf"} 5
chat_wait_seconds_sum 30.265
chat_wait_seconds_count 5
# HELP chat_tokens histogram chat.tokens
# TYPE chat_tokens histogram
chat_tokens_bucket{exported_le="x",le="1.0"} 1
chat_tokens_bucket{exported_le="x",le="4.0"} 1
chat_tokens_bucket{exported_le="x",le="16.0"} 2
chat_tokens_bucket{exported_le="x",le="64.0"} 3
chat_tokens_bucket{exported_le="x",le="256.0"} 3
chat_tokens_bucket{exported_le="x",le="1024.0"} 3
chat_tokens_bucket{exported_le="x",le="4096.0"} 3
chat_tokens_bucket{exported_le="x",le="16384.0"} 3
chat_tokens_bucket{exported_le="x",le="65536.0"} 3
chat_tokens_bucket{exported_le="x",le="262144.0"} 3
chat_tokens_bucket{exported_le="x",le="1.048576e+06"} 4
chat_tokens_bucket{exported_le="x",le="4.194304e+06"} 4
chat_tokens_bucket{exported_le="x",le="1.6777216e+07"} 4
chat_tokens_bucket{exported_le="x",le="6.7108864e+07"} 4
chat_tokens_bucket{exported_le="x",le="+Inf"} 4
chat_tokens_sum{exported_le="x"} 1000034
chat_tokens_count{exported_le="x"} 4
# HELP drift histogram drift
# TYPE drift histogram
drift_bucket{le="-5.0"} 1
drift_bucket{le="0.0"} 2
drift_bucket{le="1e+06"} 3
drift_bucket{le="+Inf"} 3
drift_sum -5.0
drift_count 3
# HELP idle_seconds timer idle
# TYPE idle_seconds histogram
idle_seconds_bucket{le="1.0"} 0
idle_seconds_bucket{le="+Inf"} 0
idle_seconds_sum 0
idle_seconds_count 0
"""


def test_the_text_of_every_kind():
    assert PrometheusExporter().render(SNAPSHOT) == EXPECTED


def test_the_text_keeps_the_rules_of_the_format():
    read(EXPECTED)


def test_the_content_type_names_the_format():
    assert PrometheusExporter.content_type == CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_nothing_is_an_empty_text():
    assert PrometheusExporter().render() == PrometheusExporter().render([]) == ""


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (0, "0.0"),
        (1, "1.0"),
        (0.25, "0.25"),
        (0.001, "0.001"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.000012, "1.2e-05"),
        (100_000, "100000.0"),
        (999_999.5, "999999.5"),
        (1_000_000, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (-2.5, "-2.5"),
        (-1e6, "-1e+06"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_bounds_are_written_as_openmetrics_writes_them(bound, text):
    assert bound_text(bound) == text
    assert float(text) == bound


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-5, "-5"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (2**70, str(2**70)),
        (10**308, "1" + "0" * 308),
        (10**309, "+Inf"),
        (-(10**309), "-Inf"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
    ids=lambda part: str(part)[:9],
)
def test_values_are_written_as_go_reads_them(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("unit", "bounds"), [("ms", 17), ("bytes", 14), ("%", 12), ("tokens", 14), ("", 15), ("cows", 15)]
)
def test_each_unit_has_default_bounds_that_ascend(unit, bounds):
    found = default_bounds(unit_of("x", unit))
    assert len(found) == bounds
    assert list(found) == sorted(set(found))
