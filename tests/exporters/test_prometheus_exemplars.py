"""Exemplars: beside counters and buckets, in the formats that have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from polymeter.data import Counter, Distribution, Exemplar, Histogram, Timer
from polymeter.exporters.prometheus import Classic, PrometheusExporter, Quantiles
from polymeter.exporters.prometheus.exemplars import shown
from polymeter.exporters.prometheus.naming import Naming
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_reading import OPENMETRICS, body

AT = 1_700_000_000.5


def exemplars(*metrics, accept=OPENMETRICS, **options):
    """Give the exemplars of a rendering: (sample name, bound) -> (labels, value, time)."""
    exporter = PrometheusExporter(**options)
    exporter.export(metrics)
    found = {}
    for family in text_string_to_metric_families(body(exporter, accept).decode()):
        for sample in family.samples:
            if sample.exemplar is not None:
                labels, value, at = sample.exemplar
                found[sample.name, sample.labels.get("le")] = (labels, value, float(at))
    return found


def test_a_counter_shows_the_one_that_it_keeps():
    counter = Counter("calls", 5, {"a": "b"}, exemplars=[Exemplar({"trace_id": "x"}, 2, AT)])
    assert exemplars(counter) == {("calls_total", None): ({"trace_id": "x"}, 2, AT)}


def test_a_bucket_shows_the_newest_of_those_inside_it():
    given_ones = [
        Exemplar({"n": "low"}, 0.5, AT),
        Exemplar({"n": "on the bound"}, 1.0, AT + 1),
        Exemplar({"n": "older"}, 3, AT),
        Exemplar({"n": "newer"}, 1.5, AT + 2),
        Exemplar({"n": "high"}, 90, AT),
    ]
    timer = Timer("wait", Distribution.of([each.value for each in given_ones]), exemplars=given_ones)
    assert exemplars(timer, histograms=Classic(1, 5, 10)) == {
        ("wait_seconds_bucket", "1.0"): ({"n": "on the bound"}, 1, AT + 1),
        ("wait_seconds_bucket", "5.0"): ({"n": "newer"}, 1.5, AT + 2),
        ("wait_seconds_bucket", "+Inf"): ({"n": "high"}, 90, AT),
    }


def test_a_summary_and_the_old_text_format_show_none():
    timer = Timer("wait", 5, exemplars=[Exemplar({"trace_id": "x"}, 0.005, AT)])
    assert exemplars(timer, histograms=Quantiles(0.5)) == {}
    assert "trace_id" not in PrometheusExporter().render([timer])


def test_those_of_series_that_become_one_are_all_considered():
    one = Counter("a.b", 1, exemplars=[Exemplar({"n": "old"}, 1, AT)])
    other = Counter("a_b", 1, exemplars=[Exemplar({"n": "new"}, 1, AT + 1)])
    assert exemplars(one, other) == exemplars(other, one) == {("a_b_total", None): ({"n": "new"}, 1, AT + 1)}


def test_names_of_their_labels_are_escaped_as_all_others():
    counter = Counter("calls", 1, exemplars=[Exemplar({"span.id": "x"}, 1, AT)])
    [(labels, _, _)] = exemplars(counter).values()
    assert labels == {"span_id": "x"}
    utf8 = f"{OPENMETRICS};escaping=allow-utf-8"
    [(labels, _, _)] = exemplars(counter, accept=utf8, utf8_names=True).values()
    assert labels == {"span.id": "x"}


def test_one_whose_labels_are_too_long_when_escaped_is_left_out():
    fits, too_long = Exemplar({"." * 20: "x"}, 1, AT), Exemplar({"." * 120: "x"}, 1, AT)
    assert exemplars(Counter("calls", 1, exemplars=[too_long])) != {}
    dots = f"{OPENMETRICS};escaping=dots"
    assert exemplars(Counter("calls", 1, exemplars=[too_long]), accept=dots, utf8_names=True) == {}
    assert exemplars(Counter("calls", 1, exemplars=[fits]), accept=dots, utf8_names=True) != {}


def test_one_of_no_time_is_left_out():
    assert shown([Exemplar({}, 1, at) for at in (-5.0, 0, 1e300)], Naming()) == []


def test_an_exemplar_without_labels_is_one():
    assert exemplars(Counter("calls", 1, exemplars=[Exemplar({}, 1, AT)])) == {("calls_total", None): ({}, 1, AT)}


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20), value=st.floats(0, 1e300))
def test_in_protobuf_any_text_comes_back(text, value):
    exporter = PrometheusExporter(histograms="native")
    exporter.export([Histogram("x", value, exemplars=[Exemplar({"a": text}, value, AT)])])
    [family] = decode(body(exporter, PROTOBUF))
    histogram = family.metric[0].histogram
    in_buckets = [bucket.exemplar for bucket in histogram.bucket if bucket.HasField("exemplar")]
    for exemplar in (*histogram.exemplars, *in_buckets):
        assert {pair.name: pair.value for pair in exemplar.label} == ({"a": text} if text else {})
        assert exemplar.value == value
        assert (exemplar.timestamp.seconds, exemplar.timestamp.nanos) == (int(AT), 500_000_000)
    assert len(histogram.exemplars) == len(in_buckets) == 1


@pytest.mark.parametrize("at", [0.1 + 1e9, 1e9 + 0.9999999999, 2**37 + 0.5, 5e-324])
def test_times_have_less_than_a_second_of_nanoseconds(at):
    exporter = PrometheusExporter()
    exporter.export([Counter("calls", 1, exemplars=[Exemplar({}, 1, at)], start=at)])
    [family] = decode(body(exporter, PROTOBUF))
    for moment in (family.metric[0].counter.exemplar.timestamp, family.metric[0].counter.created_timestamp):
        assert 0 <= moment.nanos < 10**9
        assert moment.seconds + moment.nanos / 1e9 == pytest.approx(at, abs=1e-6)
