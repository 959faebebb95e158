"""Etsy's server, the first StatsD: what it shows is the ledger."""

from __future__ import annotations

import math
import random

import pytest

from polymeter import Metrics
from polymeter.exporters import StatsDExporter
from tests.backends.ledger import ODD_TAGS, record_everything

UNITS = {"queue.wait_ms": 1000.0, "answer.size_bytes": 1.0}
"""What a base unit is in what is sent."""


def exporter_for(statsd, kind, dialect):
    address = {"udp": f"127.0.0.1:{statsd.port}", "tcp": f"tcp://127.0.0.1:{statsd.tcp_port}"}
    return StatsDExporter(address.get(kind, f"unixstream://{statsd.path}"), dialect=dialect, histograms="ms")


def keys(name, tags):
    """Give the name that a series has there: with the tags as Graphite writes them."""
    import re

    def clean(text):
        return re.sub(r"[^a-zA-Z0-9_.\-]", "_", text)

    pairs = [(clean(key), clean(text)) for key, text in sorted(tags)]
    return ";".join([clean(name), *(f"{key}={text}" for key, text in pairs)])


@pytest.fixture(params=["udp", "tcp", "unixstream"])
def recorded(request, statsd):
    """Deliver a ledger in the dialect of Graphite; give it and what the server has of it."""
    metrics = Metrics().export_to(exporter_for(statsd, request.param, "graphite"))
    ledger = record_everything(metrics.registry)
    metrics.export()
    received = statsd.wait_for(
        lambda got: len(got.gauges) >= 2 * len(ODD_TAGS) + 1 and len(got.timers) >= 2 * len(ODD_TAGS),
        what="the ledger has come",
    )
    metrics.close()
    return ledger, received


def test_counters_and_levels_are_the_ledgers(recorded):
    """Below zero as well."""
    ledger, received = recorded
    for name in ("jobs.done", "energy"):
        for tags, value in ledger.sums[name].items():
            assert received.counters[keys(name, tags)] == pytest.approx(value, rel=1e-12)
    for name in ("temperature", "open"):
        for tags, value in ledger.sums[name].items():
            assert received.gauges[keys(name, tags)] == value
    assert received.bad_lines == 0


def test_timers_are_the_ledgers(recorded):
    """Each value within 1 %, as many as there were, and their sum."""
    ledger, received = recorded
    for name, factor in UNITS.items():
        for tags, values in ledger.observations[name].items():
            shown = received.timers[keys(name, tags)]
            expected = sorted(value * factor for value in values)
            assert received.timer_counts[keys(name, tags)] == len(values)
            assert shown == pytest.approx(expected, rel=0.01)
            assert math.fsum(shown) == pytest.approx(math.fsum(expected), rel=0.01)


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        ("datadog", "calls;queue=night_shift;streamed=true"),
        ("graphite", "calls;queue=night_shift;streamed=true"),
        ("etsy", "calls.queue.night_shift.streamed.true"),
        ("none", "calls"),
    ],
)
def test_tags_are_read_back_in_each_dialect_that_it_knows(statsd, dialect, key):
    metrics = Metrics().export_to(exporter_for(statsd, "udp", dialect))
    for amount in (3, 4):
        metrics.registry.counter("calls", {"queue": "night shift", "streamed": True}, amount)
        metrics.registry.gauge("level", amount)
        metrics.export()
    metrics.close()
    received = statsd.received()
    assert received.counters[key] == 7
    assert received.gauges["level"] == 4
    assert received.bad_lines == 0


def test_more_observations_than_it_is_given_values_are_counted_exactly(statsd):
    """Its mean and median are as near; its sum is that of the values that it was given."""
    chance = random.Random(5)
    values = [chance.lognormvariate(3, 1) for _ in range(20_000)]
    metrics = Metrics().export_to(exporter_for(statsd, "udp", "graphite"))
    timer = metrics.registry.bind("timer", "t_ms")
    for value in values:
        timer.record(value)
    metrics.export()
    metrics.close()
    received = statsd.received()
    shown = received.timers["t_ms"]
    assert received.timer_counts["t_ms"] == 20_000
    assert 500 <= len(shown) <= 1000
    assert math.fsum(shown) / len(shown) == pytest.approx(math.fsum(values) / len(values), rel=0.02)
    assert shown[len(shown) // 2] == pytest.approx(sorted(values)[len(values) // 2], rel=0.02)


def test_exact_observations_are_the_same_numbers(statsd):
    exporter = StatsDExporter(f"127.0.0.1:{statsd.port}", dialect="graphite", exact=True)
    metrics = Metrics().export_to(exporter)
    values = [round(random.Random(7).uniform(0, 1e6), 3) for _ in range(1)] + [number + 0.125 for number in range(500)]
    for value in values:
        metrics.registry.timer("t_ms", value)
    metrics.export()
    metrics.close()
    assert statsd.received().timers["t_ms"] == sorted(values)


def test_hundreds_of_series_in_many_packets_all_arrive(statsd):
    """As many as its buffer holds, however slow it is."""
    metrics = Metrics().export_to(exporter_for(statsd, "udp", "graphite"))
    for number in range(300):
        for name in ("a", "b", "c", "d", "e"):
            metrics.registry.counter(f"{name}.of.many.requests", {"route": f"/some/path/{number}"}, number + 1)
    metrics.export()
    metrics.close()
    received = statsd.received()
    sums = [value for name, value in received.counters.items() if ".of.many." in name]
    assert len(sums) == 1500
    assert sum(sums) == 5 * sum(range(1, 301))
