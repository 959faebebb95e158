"""Names, units and streams in OTLP."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Gauge, Histogram, Kind, MetricDefinition, Snapshot, Timer, UpDownCounter
from polymeter.data.units import unit_of
from polymeter.exporters import OTLPExporter
from polymeter.exporters.otlp.naming import instrument_name
from polymeter.exporters.otlp.streams import Shape, streams_of
from polymeter.exporters.otlp.units import ucum
from tests.strategies import any_text, hostile_text

LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("inference.duration_ms", "timer", None, ("inference.duration", "s")),
        ("inference.tokens.input", "histogram", "tokens", ("inference.tokens.input", "{tokens}")),
        (
            "inference.throughput.tokens_per_sec",
            "gauge",
            "tokens/s",
            ("inference.throughput.tokens_per_sec", "{tokens}/s"),
        ),
        ("gen_ai.client.operation.duration", "histogram", "s", ("gen_ai.client.operation.duration", "s")),
        ("gen_ai.client.token.usage", "histogram", "{token}", ("gen_ai.client.token.usage", "{token}")),
        ("http.server.request.duration", "histogram", "s", ("http.server.request.duration", "s")),
        ("uptime_seconds", "gauge", None, ("uptime", "s")),
        ("body.size_bytes", "histogram", None, ("body.size", "By")),
        ("cache.kilobytes", "gauge", None, ("cache", "By")),
        ("cpu_percent", "gauge", None, ("cpu", "1")),
        ("hit_ratio", "gauge", None, ("hit_ratio", "1")),
        ("requests_total", "counter", None, ("requests_total", "")),
        ("wait", "timer", None, ("wait", "s")),
        ("ms", "timer", None, ("ms", "s")),
        ("_ms", "timer", None, ("m__ms", "s")),
        ("drift_ms", "gauge", "tokens", ("drift_ms", "{tokens}")),
        ("1st", "counter", None, ("m_1st", "")),
        ("größe €", "counter", None, ("gr__e__", "")),
        ("net.io", "counter", "By/s", ("net.io", "By/s")),
        ("speed", "gauge", "m/s", ("speed", "m/s")),
        ("errors", "gauge", "/min", ("errors", "1/min")),
        ("odd", "gauge", "número 1", ("odd", "{n_mero_1}")),
    ],
)
def test_names_have_no_unit_and_units_are_ucum(name, kind, unit, expected):
    definition = MetricDefinition.of(name, kind, unit=unit)
    assert (*OTLPExporter().names(definition), ucum(definition.resolved_unit)) == expected


@given(st.one_of(any_text, hostile_text, st.text(min_size=250, max_size=300)).filter(bool), st.sampled_from(list(Kind)))
def test_every_name_is_legal(name, kind):
    assert LEGAL.fullmatch(instrument_name(name, unit_of(name, is_timer=kind is Kind.TIMER)))


@given(any_text)
def test_every_unit_is_legal(text):
    assert re.fullmatch(r"[!-~]{0,63}", ucum(unit_of("name", text)))


def test_names_that_are_too_long_stay_apart():
    names = {instrument_name("x" * 300 + end, unit_of("x")) for end in "ab"}
    assert {len(each) for each in names} == {255}
    assert len(names) == 2


def streams(*metrics, told=None, **definitions):
    clash = (lambda *said: None) if told is None else lambda *said: told.append(said)
    return streams_of(Snapshot(metrics), definitions, Shape.EXPONENTIAL, clash)


def test_names_that_differ_in_case_alone_are_one():
    [stream] = streams(Counter("Calls", 1), Counter("calls", 2))
    assert (stream.name, len(stream.sources)) == ("Calls", 2)


def test_the_longest_description_is_shown():
    helps = {name: MetricDefinition.of(name, "timer", help=said) for name, said in {"a_ms": "x", "a_us": "xy"}.items()}
    [stream] = streams(Timer("a_ms", 1), Timer("a_us", 1), **helps)
    assert stream.description == "xy"


def test_a_name_that_is_taken_keeps_its_suffix_or_gets_one():
    """Whichever was recorded first; and it is said."""
    metrics = [Gauge("wait_ms", 1.0), Counter("wait", 1), UpDownCounter("Wait", 1), Histogram("wait", 5)]
    said = []
    found = {(each.name, each.shape) for each in streams(*metrics, told=said)}
    assert found == {(each.name, each.shape) for each in streams(*reversed(metrics))}
    assert len({name.lower() for name, _ in found}) == 4
    assert len(said) == 3


def test_a_clash_is_logged_once(caplog):
    from polymeter.testing import FaultServer

    with FaultServer() as server:
        exporter = OTLPExporter(server.url)
        for _ in range(2):
            exporter.export([Counter("wait", 1), Gauge("wait", 1.0)])
        exporter.close()
    assert len(caplog.records) == 1
    assert "'wait'" in caplog.text
