"""Names that Prometheus cannot tell apart: one family if they can be, two names and one warning if not."""

from __future__ import annotations

import logging

import pytest

from polymeter.data import Counter, Distribution, Gauge, Histogram, MetricDefinition, Snapshot, Tags, UpDownCounter
from polymeter.exporters import PrometheusExporter
from tests.exporters.prometheus_reading import OPENMETRICS, body, by_name, openmetrics_samples


@pytest.fixture
def warnings(caplog):
    """Give the messages of the exporter's warnings."""
    caplog.set_level(logging.WARNING, "polymeter.exporters")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "polymeter.exporters"]


def test_two_names_of_one_type_share_a_family(warnings):
    families = by_name(PrometheusExporter().render([Counter("a.b", 1, {"x": 1}), Counter("a_b", 2, {"x": 2})]))
    assert list(families) == ["a_b_total"]
    assert (families["a_b_total"].value(x="1"), families["a_b_total"].value(x="2")) == (1, 2)
    assert warnings() == []


def test_series_with_the_same_labels_become_one():
    metrics = [
        Counter("a.b", 1, {"x": 1, "y": ""}),
        Counter("a_b", 2, {"x": "1"}),
        Histogram("h.h", Distribution.of([1, 2]), {"x": 1}),
        Histogram("h_h", Distribution.of([3]), {"x": 1}),
        UpDownCounter("u.u", 5),
        UpDownCounter("u_u", -7),
        Gauge("g.g", 5, timestamp=2),
        Gauge("g_g", 7, timestamp=1),
    ]
    families = by_name(PrometheusExporter().render(metrics))
    assert families["a_b_total"].value(x="1") == 3
    assert (families["h_h"].value("_count", x="1"), families["h_h"].value("_sum", x="1")) == (3, 6)
    assert families["u_u"].value() == -2
    assert families["g_g"].value() == 5


@pytest.mark.parametrize("order", [1, -1], ids=["reading first", "level first"])
def test_a_reading_and_a_level_under_one_name_show_the_reading(order):
    metrics = [Gauge("a.b", 5, timestamp=1), UpDownCounter("a_b", 3, timestamp=9)][::order]
    assert by_name(PrometheusExporter().render(metrics))["a_b"].value() == 5


@pytest.mark.parametrize("order", [1, -1], ids=["gauge first", "histogram first"])
def test_of_two_types_one_gets_its_type_as_a_suffix_whichever_comes_first(warnings, order):
    metrics = [Gauge("a.b", 5), Histogram("a_b", 1)][::order]
    families = by_name(PrometheusExporter().render(metrics))
    assert {name: family.type for name, family in families.items()} == {"a_b": "gauge", "a_b_histogram": "histogram"}
    assert warnings() == ["Prometheus cannot tell two metrics named a_b apart: one is a_b_histogram there"]


@pytest.mark.parametrize("suffix", ["_sum", "_count", "_bucket"])
def test_no_other_family_takes_the_name_of_a_histograms_sample(suffix, warnings):
    families = by_name(PrometheusExporter().render([Gauge(f"wait{suffix}", 5), Histogram("wait", 1)]))
    assert families["wait"].type == "histogram"
    assert families[f"wait{suffix}_gauge"].value() == 5
    assert len(warnings()) == 1


def test_a_name_that_is_taken_by_a_renamed_family_is_renamed_in_turn():
    metrics = [Gauge("a", 1), Histogram("a", 2), Histogram("a_histogram", 3), Gauge("a_histogram_sum", 4)]
    assert len(by_name(PrometheusExporter().render(metrics))) == 4


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        ([Gauge("jobs", 5), Counter("jobs", 1)], ["jobs_gauge", "jobs_total"]),
        ([Gauge("jobs_created", 5), Counter("jobs", 1)], ["jobs_created_gauge", "jobs_total"]),
        ([Counter("jobs.created", 5), Counter("jobs", 1)], ["jobs_created_counter_total", "jobs_total"]),
    ],
)
def test_what_openmetrics_would_call_the_same_has_two_names_in_every_format(warnings, metrics, names):
    exporter = PrometheusExporter()
    exporter.export(metrics)
    assert sorted(by_name(exporter.render())) == sorted(names)
    assert {name for name, _ in openmetrics_samples(body(exporter, OPENMETRICS).decode())} == set(names)
    assert len(warnings()) == 1


def test_target_info_is_the_resources(warnings):
    text = PrometheusExporter().render(Snapshot([Gauge("target.info", 5)], resource=Tags({"host": "h"})))
    families = by_name(text)
    assert families["target_info"].value(host="h") == 1
    assert families["target_info_gauge"].value() == 5
    assert len(warnings()) == 1
    assert by_name(PrometheusExporter().render([Gauge("target.info", 5)]))["target_info"].value() == 5


def test_a_clash_is_said_once_per_exporter(warnings):
    exporter = PrometheusExporter()
    for _ in range(3):
        exporter.render([Gauge("a", 1), Histogram("a", 1)])
    assert len(warnings()) == 1
    exporter.render([Gauge("b", 1), Histogram("b", 1)])
    assert len(warnings()) == 2
    PrometheusExporter().render([Gauge("a", 1), Histogram("a", 1)])
    assert len(warnings()) == 3


def test_histograms_of_different_bounds_under_one_name_keep_counting():
    definitions = {
        "h.h": MetricDefinition.of("h.h", "histogram", buckets=[1, 2, 3]),
        "h_h": MetricDefinition.of("h_h", "histogram", buckets=[2, 5]),
    }
    metrics = [
        Histogram("h.h", Distribution.of([1, 2, 3], bounds=(1, 2, 3))),
        Histogram("h_h", Distribution.of([2, 5, 9], bounds=(2, 5))),
    ]
    family = by_name(PrometheusExporter().render(Snapshot(metrics, definitions=definitions)))["h_h"]
    # 2 is a bound of both and exact; the others are of one alone, so where they cut is an estimate.
    assert [family.value("_bucket", le=le) for le in ("2.0", "+Inf")] == [3, 6]
    assert family.value("_sum") == 22
