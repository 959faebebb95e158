"""Attached, the exporter reads the newest state by itself whenever it is asked."""

from __future__ import annotations

from polymeter.data import Counter, Snapshot, Tags
from polymeter.exporters import PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from tests.exporters.prometheus_reading import by_name


def test_rendering_reads_the_newest_state_without_an_export():
    exporter = PrometheusExporter()
    registry = AggregatingRegistry()
    exporter.attach(registry.snapshot)
    for calls in (1, 2, 3):
        registry.counter("calls")
        assert by_name(exporter.render())["calls_total"].value() == calls


def test_a_facade_attaches_it_and_remove_detaches_it():
    exporter = PrometheusExporter()
    with Metrics().export_to(exporter) as metrics:
        metrics.registry.counter("calls")
        assert by_name(exporter.render())["calls_total"].value() == 1
        assert by_name(exporter.render())["polymeter_records_applied_total"].value() == 1
        metrics.remove(exporter)
        assert exporter.render() == ""


def test_reads_still_work_after_close():
    exporter = PrometheusExporter()
    with Metrics().export_to(exporter) as metrics:
        metrics.registry.counter("calls")
    assert by_name(exporter.render())["calls_total"].value() == 1


def test_several_readers_are_one_text():
    exporter = PrometheusExporter()
    one, other = AggregatingRegistry(), InMemoryRegistry()
    exporter.attach(one.snapshot)
    detach = exporter.attach(other.snapshot)
    one.counter("calls", {"a": 1})
    other.counter("calls", {"a": 1}, 5)
    other.timer("wait_ms", 3)
    families = by_name(exporter.render())
    assert families["calls_total"].value(a="1") == 6
    assert families["wait_seconds"].value("_count") == 1
    detach.cancel()
    detach.cancel()
    assert by_name(exporter.render())["calls_total"].value(a="1") == 1


def test_unattached_it_renders_what_was_exported_last():
    exporter = PrometheusExporter()
    exporter.export(iter([Counter("calls", 1)]))
    exporter.export(iter([Counter("calls", 5), Counter("calls", 1)]))
    assert by_name(exporter.render())["calls_total"].value() == 6
    assert exporter.render() == exporter.render()


def test_what_is_given_is_rendered_instead_of_the_state():
    exporter = PrometheusExporter()
    exporter.attach(AggregatingRegistry().snapshot)
    assert list(by_name(exporter.render([Counter("given", 1)]))) == ["given_total"]


def test_the_resource_is_one_info_family_and_no_label():
    exporter = PrometheusExporter()
    registry = AggregatingRegistry(resource={"service.name": "shop", "empty": "", "le": 5})
    exporter.attach(registry.snapshot)
    registry.counter("calls")
    families = by_name(exporter.render())
    assert next(iter(families)) == "target_info"
    assert families["target_info"].samples == {
        ("target_info", (("exported_le", "5"), ("service_name", "shop"))): 1,
    }
    assert families["calls_total"].value() == 1


def test_a_resource_without_text_is_none():
    assert PrometheusExporter().render(Snapshot(resource=Tags({"empty": ""}))) == ""
