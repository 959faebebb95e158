"""Styles: classic buckets, native ones or quantiles, per metric."""

from __future__ import annotations

import pytest

from polymeter.data import Distribution, Histogram, MetricDefinition, Snapshot, Timer
from polymeter.errors import DefinitionError
from polymeter.exporters.prometheus import Classic, PrometheusExporter, Quantiles
from polymeter.registries import AggregatingRegistry
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_reading import body, by_name

VALUES = Distribution.of([0.1, 0.2, 0.3, 4.0])
DEFINED = Snapshot(
    [Timer("a.wait", VALUES), Timer("a.run", VALUES), Histogram("b", VALUES)],
    definitions={"a.wait": MetricDefinition.of("a.wait", "timer", buckets=[100, 1000])},
)


def types(exporter):
    return {family.name: family.type for family in by_name(exporter.render(DEFINED)).values()}


def bounds(exporter, name):
    family = by_name(exporter.render(DEFINED))[name]
    return [dict(labels)["le"] for sample, labels in family.samples if sample.endswith("_bucket")]


def test_a_summary_says_the_quantiles_of_everything_so_far():
    family = by_name(PrometheusExporter(histograms=Quantiles(0.5, 1)).render(DEFINED))["a_wait_seconds"]
    assert family.type == "summary"
    assert family.value(quantile="0.5") == pytest.approx(0.2, rel=0.006)
    assert family.value(quantile="1.0") == 4
    assert (family.value("_count"), family.value("_sum")) == (4, 4.6)


def test_a_summary_of_nothing_has_no_number_for_its_quantiles():
    family = by_name(PrometheusExporter(histograms=Quantiles(0.5)).render([Timer("idle")]))["idle_seconds"]
    assert str(family.value(quantile="0.5")) == "nan"
    assert family.value("_count") == 0


def test_the_name_decides_then_the_longest_pattern_then_the_default():
    exporter = PrometheusExporter(
        histograms=Classic(1), styles={"*": "classic", "a.*": Quantiles(0.9), "a.wait": Classic(0.25)}
    )
    assert types(exporter) == {"a_wait_seconds": "histogram", "a_run_seconds": "summary", "b": "histogram"}
    assert bounds(exporter, "a_wait_seconds") == ["0.25", "+Inf"]
    assert len(bounds(exporter, "b")) > 2


def test_bounds_are_those_of_the_style_else_of_the_definition_else_of_the_unit():
    assert bounds(PrometheusExporter(histograms=Classic(1, 2)), "a_wait_seconds") == ["1.0", "2.0", "+Inf"]
    assert bounds(PrometheusExporter(), "a_wait_seconds") == ["0.1", "1.0", "+Inf"]
    assert bounds(PrometheusExporter(histograms=Classic()), "a_wait_seconds") == ["0.1", "1.0", "+Inf"]
    assert bounds(PrometheusExporter(), "a_run_seconds")[:2] == ["0.005", "0.01"]


def test_a_native_histogram_is_native_in_protobuf_and_classic_in_text():
    exporter = PrometheusExporter(styles={"a.wait": "native"})
    exporter.export(DEFINED)
    assert bounds(exporter, "a_wait_seconds") == ["0.1", "1.0", "+Inf"]
    histograms = {family.name: family.metric[0].histogram for family in decode(body(exporter, PROTOBUF))}
    assert {name: histogram.HasField("schema") for name, histogram in histograms.items()} == {
        "a_wait_seconds": True,
        "a_run_seconds": False,
        "b": False,
    }
    # A server that does not take native histograms, or is told to keep both, finds the classic buckets there too.
    assert [bucket.cumulative_count for bucket in histograms["a_wait_seconds"].bucket] == [1, 3, 4]


def test_two_styles_under_one_name_are_two_families(caplog):
    exporter = PrometheusExporter(styles={"a.b": Quantiles(0.5)})
    families = by_name(exporter.render([Histogram("a.b", 1), Histogram("a_b", 2)]))
    assert {name: family.type for name, family in families.items()} == {"a_b": "histogram", "a_b_summary": "summary"}
    assert "a_b_summary" in caplog.text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PrometheusExporter(histograms="sparse"), "histograms is 'sparse'"),
        (lambda: PrometheusExporter(styles={"a": "summary"}), "styles['a'] is 'summary'"),
        (lambda: PrometheusExporter(styles={"a": None}), "'classic', 'native'"),
        (lambda: PrometheusExporter(styles={"a": [0.5]}), "Quantiles(0.5, 0.9, 0.99)"),
        (lambda: PrometheusExporter(styles={"a.*.b": "native"}), "can only stand at the end"),
        (lambda: PrometheusExporter(styles=["a"]), "styles"),
        (Quantiles, "has no quantile"),
        (lambda: Quantiles(50), "50 is not a number from 0 to 1"),
        (lambda: Quantiles(-0.1), "-0.1"),
        (lambda: Quantiles(float("nan")), "nan"),
        (lambda: Quantiles("0.5"), "'0.5'"),
        (lambda: Quantiles(True), "True"),
        (lambda: Quantiles([0.5, 0.9]), "[0.5, 0.9]"),
        (lambda: Classic(1, 1), "ascending"),
        (lambda: Classic("x"), "numbers"),
        (lambda: Classic([1, 2]), "numbers"),
    ],
)
def test_what_is_no_style_is_refused_when_the_exporter_is_made(make, said):
    with pytest.raises(DefinitionError) as refused:
        make()
    assert said in str(refused.value)


def test_styles_are_values():
    assert Quantiles(0.9, 0.5, 0.5) == Quantiles(0.5, 0.9) != Quantiles(0.5)
    assert repr(Quantiles(0.5, 0.99)) == "Quantiles(0.5, 0.99)"
    assert repr(Classic(1, 5)) == "Classic(1.0, 5.0)"
    assert Classic() != Classic(1)


def test_tags_of_the_resource_can_be_labels_of_every_series():
    """Those that are asked for; a tag of the series itself wins."""
    registry = AggregatingRegistry(resource={"env": "prod", "host": "a"})
    registry.counter("calls", {"model": "m"})
    registry.counter("calls", {"model": "m", "env": "test"})
    registry.timer("wait_ms", 5)
    exporter = PrometheusExporter(resource_labels=["env", "absent"])
    families = by_name(exporter.render(registry.snapshot()))
    assert families["calls_total"].value(model="m", env="prod") == 1
    assert families["calls_total"].value(model="m", env="test") == 1
    assert families["wait_seconds"].value("_count", env="prod") == 1
    assert families["target_info"].value(env="prod", host="a") == 1


def test_one_tag_of_the_resource_may_be_given_as_a_text():
    """It is not taken for its letters."""
    registry = AggregatingRegistry(resource={"env": "prod"})
    registry.counter("calls")
    assert by_name(PrometheusExporter(resource_labels="env").render(registry.snapshot()))["calls_total"].value(
        env="prod"
    )
