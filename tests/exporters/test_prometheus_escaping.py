"""Escaping schemes: how names are written for a Prometheus that says what it can take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.exposition import escape_label_name

from polymeter.data import Counter, Gauge, MetricDefinition, Timer
from polymeter.data.kind import Kind
from polymeter.data.units import unit_of
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.prometheus.escaping import Escaping
from polymeter.exporters.prometheus.naming import Naming
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_reading import NAME, body, samples

UTF8 = "text/plain;version=1.0.0;escaping=allow-utf-8"
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@pytest.mark.parametrize("scheme", Escaping)
@given(name=st.one_of(texts, st.text("a_.1:é", min_size=1, max_size=6)).filter(lambda name: name[:2] != "__"))
def test_names_are_escaped_as_the_official_client_does_it(scheme, name):
    # What may stand in a label: colons may not, unlike in the name of a metric.
    assert scheme.escape(name) == unquoted(escape_label_name(name, str(scheme)), name)


def unquoted(escaped, name):
    """Take the quotes away, which are not part of a name."""
    return name if escaped.startswith('"') else escaped


@pytest.mark.parametrize(
    ("name", "kind", "unit", "dotted"),
    [
        ("inference.duration_ms", "timer", None, "inference.duration_seconds"),
        ("inference.completed", "counter", None, "inference.completed_total"),
        ("inference.tokens.input", "histogram", "tokens", "inference.input_tokens"),
        ("inference.tokens.total", "histogram", "tokens", "inference.total_tokens"),
        ("inference.throughput.tokens_per_sec", "gauge", "tokens/s", "inference.throughput_tokens_per_second"),
        ("inference.usage.tokens", "counter", "tokens", "inference.usage_tokens_total"),
        ("http.server.request.duration", "timer", "s", "http.server.request.duration_seconds"),
        ("calls.total", "counter", None, "calls_total"),
        ("items.total", "gauge", None, "total.items"),
        ("tokens.input", "histogram", "tokens", "input_tokens"),
        ("room.temp-now", "gauge", None, "room.temp-now"),
        ("a..b__c", "gauge", None, "a..b__c"),
        ("_x.y", "gauge", None, "_x.y"),
        ("größe", "gauge", None, "größe"),
        ("größe", "gauge", "m", "größe_m"),
        ("..", "gauge", None, ".."),
        ("total", "counter", None, "total_total"),
        ("\ud800", "gauge", None, "?"),
        ("nul\0.x", "gauge", None, "nul_.x"),  # Prometheus 3.5 cannot read a name with NUL
        # without dots a name is the same to everybody
        ("jobs_done", "counter", None, "jobs_done_total"),
        ("wait_ms", "timer", None, "wait_seconds"),
    ],
)
def test_a_dotted_name_keeps_its_separators_and_ends_as_every_other(name, kind, unit, dotted):
    resolved = unit_of(name, unit, is_timer=kind == "timer")
    naming = Naming(Escaping.ALLOW_UTF_8, is_dotted=True)
    base = naming.base(name, Kind(kind), resolved)
    assert naming.shown(f"{base}_total" if kind == "counter" else base) == dotted


def rendered(accept, *metrics, **options):
    exporter = PrometheusExporter(**options)
    exporter.export(metrics)
    return body(exporter, accept).decode()


def test_names_are_the_same_for_every_prometheus_unless_dots_were_asked_for():
    metric = Timer("chat.wait_ms", 5, {"http.route": "/"})
    plain = rendered("", metric)
    assert "chat_wait_seconds_sum{http_route=" in plain
    assert rendered(UTF8, metric) == rendered("text/plain;version=1.0.0;escaping=values", metric) == plain
    assert 'chat__wait__seconds_sum{http__route="/"}' in rendered("text/plain;version=1.0.0;escaping=dots", metric)


def test_dots_are_shown_to_a_prometheus_that_can_take_them_and_to_no_other():
    metric = Timer("chat.wait_ms", 5, {"http.route": "/"})
    assert '{"chat.wait_seconds_sum","http.route"="/"} 0.005\n' in rendered(UTF8, metric, utf8_names=True)
    for accept in ("", "text/plain;version=1.0.0", "application/openmetrics-text"):
        assert 'chat_wait_seconds_sum{http_route="/"} 0.005\n' in rendered(accept, metric, utf8_names=True)


def test_in_protobuf_names_are_escaped_likewise():
    exporter = PrometheusExporter(utf8_names=True)
    exporter.export([Counter("chat.turns", 1, {"http.route": "/"})])
    [dotted] = decode(body(exporter, f"{PROTOBUF};escaping=allow-utf-8"))
    assert (dotted.name, dotted.metric[0].label[0].name) == ("chat.turns_total", "http.route")
    [values] = decode(body(exporter, f"{PROTOBUF};escaping=values"))
    assert (values.name, values.metric[0].label[0].name) == ("U__chat_2e_turns__total", "U__http_2e_route")
    [plain] = decode(body(exporter, PROTOBUF))
    assert (plain.name, plain.metric[0].label[0].name) == ("chat_turns_total", "http_route")


def test_what_cannot_stand_as_it_is_stands_in_quotes():
    metrics = [Gauge('a "b"\\\nc%d', 1, {'l "m"\\\nn%s': '"v"\\\n%'}), Gauge("a.b", 2)]
    text = rendered(UTF8, *metrics, utf8_names=True)
    assert '{"a \\"b\\"\\\\\\nc%d","l \\"m\\"\\\\\\nn%s"="\\"v\\"\\\\\\n%"} 1\n' in text
    assert '\n{"a.b"} 2\n' in text


def test_names_that_clash_with_underscores_are_apart_with_dots():
    metrics = [Counter("a.b", 1), Counter("a_b", 2)]
    assert samples(rendered("", *metrics, utf8_names=True)) == {("a_b_total", ()): 3}
    found = samples(rendered(UTF8, *metrics, utf8_names=True))
    assert found == {("a.b_total", ()): 1, ("a_b_total", ()): 2}


@pytest.mark.parametrize("scheme", Escaping)
@given(tag=st.one_of(texts, st.sampled_from(["le", "quantile", "__name__", "_x", "__"])))
def test_no_scheme_makes_a_label_that_prometheus_keeps_for_itself(scheme, tag):
    for is_dotted in (False, True):
        label = Naming(scheme, is_dotted=is_dotted).label(tag)
        assert label not in {"le", "quantile"}
        assert not label.startswith("__")
        assert scheme is Escaping.ALLOW_UTF_8 or NAME.fullmatch(label)


def test_names_of_a_definition_are_those_that_prometheus_shows():
    timer = MetricDefinition.of("inference.duration_ms", "timer")
    counter = MetricDefinition.of("inference.completed", "counter")
    exporter = PrometheusExporter()
    assert exporter.names(timer) == ("inference_duration_seconds",)
    assert exporter.names(counter) == ("inference_completed_total",)
    both = PrometheusExporter(utf8_names=True)
    assert both.names(counter) == ("inference_completed_total", "inference.completed_total")
    assert both.names(MetricDefinition.of("jobs_done", "counter")) == ("jobs_done_total",)
