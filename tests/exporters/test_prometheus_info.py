"""Info metrics: what OpenMetrics has a type for is a gauge everywhere else."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from polymeter.exporters import PrometheusExporter
from polymeter.registries import AggregatingRegistry
from tests.exporters.prometheus_reading import OPENMETRICS, body


def types(registry, accept=OPENMETRICS):
    exporter = PrometheusExporter(target_info=False)
    exporter.export(registry.snapshot())
    text = body(exporter, accept).decode()
    if accept == OPENMETRICS:
        list(text_string_to_metric_families(text))  # raises for what it may not say
    ours = (line.split() for line in text.splitlines() if line.startswith("# TYPE") and "polymeter_" not in line)
    return {name: of_type for _, _, name, of_type in ours}


@pytest.fixture
def registry():
    registry = AggregatingRegistry()
    registry.gauge("app.info", 1, {"version": "1.2"})
    return registry


def test_it_is_an_info_in_openmetrics_and_a_gauge_elsewhere(registry):
    assert types(registry) == {"app": "info"}
    assert types(registry, "") == {"app_info": "gauge"}


def test_its_samples_are_the_same_everywhere(registry):
    exporter = PrometheusExporter(target_info=False)
    exporter.export(registry.snapshot())
    for accept in ("", OPENMETRICS):
        assert 'app_info{version="1.2"} 1\n' in body(exporter, accept).decode()


@pytest.mark.parametrize("value", [0, 2, 1.5])
def test_what_is_not_always_one_is_a_gauge(registry, value):
    registry.gauge("app.info", value, {"version": "1.3"})
    assert types(registry) == {"app_info": "gauge"}


def test_where_another_family_has_that_name_it_is_a_gauge(registry):
    registry.gauge("app", 3)
    assert types(registry) == {"app": "gauge", "app_info": "gauge"}


@pytest.mark.parametrize("name", ["app_created", "app.info"])
def test_what_is_no_gauge_is_none(name):
    registry = AggregatingRegistry()
    registry.counter(name)
    assert set(types(registry).values()) == {"counter"}


def test_a_name_that_says_nothing_else_stays_a_gauge():
    registry = AggregatingRegistry()
    registry.gauge("_info", 1)
    registry.gauge("info", 1)
    assert set(types(registry).values()) == {"gauge"}
