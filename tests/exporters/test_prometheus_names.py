"""How metrics and tags are called in Prometheus: each name, kind and unit, and the family that it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given

from polymeter.data import Counter, Gauge, Histogram, Timer, UpDownCounter
from polymeter.data.kind import Kind
from polymeter.data.units import unit_of
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.prometheus.naming import family_name, label_name, labels_of
from tests.exporters.prometheus_reading import NAME, by_name
from tests.strategies import tag_names

FAMILIES = [
    # the metrics of inference, as the design names them
    ("inference.duration_ms", "timer", None, "inference_duration_seconds"),
    ("inference.ttfc_ms", "timer", None, "inference_ttfc_seconds"),
    ("inference.tokens.input", "histogram", "tokens", "inference_input_tokens"),
    ("inference.tokens.total", "histogram", "tokens", "inference_total_tokens"),
    ("inference.throughput.tokens_per_sec", "gauge", "tokens/s", "inference_throughput_tokens_per_second"),
    ("inference.throughput", "histogram", None, "inference_throughput"),
    ("inference.started", "counter", None, "inference_started_total"),
    ("inference.attempts.failed", "counter", None, "inference_attempts_failed_total"),
    ("inference.active", "up_down", None, "inference_active"),
    ("inference.usage.tokens", "counter", "tokens", "inference_usage_tokens_total"),
    # our own
    ("polymeter.records.applied", "counter", None, "polymeter_records_applied_total"),
    ("polymeter.series", "gauge", None, "polymeter_series"),
    # _total belongs to counters alone, and comes after the unit
    ("calls", "counter", None, "calls_total"),
    ("calls_total", "counter", None, "calls_total"),
    ("calls.total", "counter", None, "calls_total"),
    ("total", "counter", None, "total_total"),
    ("total", "gauge", None, "total"),
    ("items.total", "gauge", None, "total_items"),
    ("wait.total", "timer", None, "wait_total_seconds"),
    ("body_bytes", "counter", None, "body_bytes_total"),
    ("body_bytes_total", "counter", None, "body_bytes_total"),
    ("body_bytes_total", "counter", "bytes", "body_bytes_total"),
    ("bytes.total", "counter", "bytes", "bytes_total"),
    ("cpu_seconds_total", "counter", "s", "cpu_seconds_total"),
    ("cpu_ms_total", "counter", "ms", "cpu_seconds_total"),
    # the base unit is the last word, and stands there once
    ("wait", "timer", None, "wait_seconds"),
    ("wait_seconds", "timer", None, "wait_seconds"),
    ("ms", "timer", None, "seconds"),
    ("wait", "histogram", "h", "wait_seconds"),
    ("lap_hours", "counter", None, "lap_seconds_total"),
    ("db.seconds.waiting", "timer", None, "db_waiting_seconds"),
    ("body_kilobytes", "histogram", None, "body_bytes"),
    ("memory_mebibytes", "gauge", None, "memory_bytes"),
    ("hit_ratio", "gauge", None, "hit_ratio"),
    ("load_percent", "gauge", None, "load_ratio"),
    ("temperature", "gauge", "%", "temperature_ratio"),
    ("tokens", "histogram", "tokens", "tokens"),
    ("http.server.request.duration", "timer", "s", "http_server_request_duration_seconds"),
    ("disk.io", "gauge", "bytes/s", "disk_io_bytes_per_second"),
    ("speed", "gauge", "m/min", "speed_m_per_minute"),
    ("rate", "gauge", "{token}/s", "rate_token_per_second"),
    ("requests_per_second", "gauge", "requests/s", "requests_per_second"),
    # what is not allowed becomes an underscore
    ("a-b c/d", "gauge", None, "a_b_c_d"),
    ("a:b", "gauge", None, "a_b"),
    ("a..b__c", "gauge", None, "a_b_c"),
    ("__x__", "gauge", None, "x"),
    ("1st", "counter", None, "_1st_total"),
    ("é", "gauge", None, "_"),
    ("..", "gauge", None, "_"),
    ("line\nbreak", "gauge", None, "line_break"),
]


@pytest.mark.parametrize(
    ("name", "kind", "unit", "family"), FAMILIES, ids=[f"{row[0]!r}-{row[1]}-{row[2]}" for row in FAMILIES]
)
def test_the_family_of_a_metric(name, kind, unit, family):
    assert family_name(name, Kind(kind), unit_of(name, unit, is_timer=kind == "timer")) == family


@pytest.mark.parametrize(
    ("tag", "label"),
    [
        ("model", "model"),
        ("http.status", "http_status"),
        ("a-b", "a_b"),
        ("1st", "_1st"),
        ("é", "_"),
        ("_x", "_x"),
        # what Prometheus keeps for itself
        ("le", "exported_le"),
        ("quantile", "exported_quantile"),
        ("__name__", "exported_name__"),
        ("__", "exported_"),
        ("éé", "exported_"),
    ],
)
def test_the_label_of_a_tag(tag, label):
    assert label_name(tag) == label


@given(tag=tag_names)
def test_every_label_is_legal_and_none_is_reserved(tag):
    label = label_name(tag)
    assert NAME.fullmatch(label)
    assert not label.startswith("__")
    assert label not in {"le", "quantile"}


def test_labels_are_sorted_by_name_and_those_without_text_left_out():
    assert labels_of([("b", "1"), ("a", "2"), ("c", "")]) == (("a", "2"), ("b", "1"))


def test_texts_of_tags_that_become_one_label_are_joined_in_the_order_of_the_tags():
    assert labels_of([("a-b", "1"), ("a.b", ""), ("a_b", "2")]) == (("a_b", "1;2"),)


def test_values_are_given_in_base_units():
    families = by_name(
        PrometheusExporter().render(
            [
                Counter("cpu_ms", 1500),
                UpDownCounter("queued_kilobytes", -2),
                Gauge("load_percent", 25),
                Timer("wait_ms", 12.3),
                Histogram("body_kilobytes", 1.5),
            ]
        )
    )
    assert families["cpu_seconds_total"].value() == 1.5
    assert families["queued_bytes"].value() == -2000
    assert families["load_ratio"].value() == 0.25
    assert families["wait_seconds"].value("_sum") == 0.0123
    assert families["body_bytes"].value("_sum") == 1500
