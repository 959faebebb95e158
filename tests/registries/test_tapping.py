"""A registry that is tapped gives away what its histograms and timers observe, and counts as before."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.contracts import CanBeTapped
from polymeter.events import Event
from polymeter.registries import AggregatingRegistry


@dataclass(slots=True, kw_only=True)
class Finished(Event):
    """Something came to an end."""

    took_ms: float | None


class Durations(MetricsCollector):
    """How long it took."""

    took = measure.timer("took_ms", on=Finished, value="took_ms")


class Tap:
    """Keeps what it is given."""

    def __init__(self, registry):
        self.batches = []
        self.subscription = registry.add_tap(lambda *batch: self.batches.append(batch))

    @property
    def values(self):
        return [value for *_, values in self.batches for value in values]


def test_each_observation_is_given_once_in_order_with_how_many_came_before():
    """In base units; of counters and gauges nothing is."""
    registry = AggregatingRegistry()
    assert isinstance(registry, CanBeTapped)
    registry.timer("t_ms", 1000, {"a": 1})
    len(registry)
    tap = Tap(registry)
    for number in range(600):
        registry.timer("t_ms", number * 1000, {"a": 1})
        registry.counter("c")
        registry.gauge("g", number)
    len(registry)
    assert tap.values == [float(number) for number in range(600)]
    before = 1
    for kind, name, tags, _, first, values in tap.batches:
        assert (kind, name, tags, first) == ("timer", "t_ms", {"a": 1}, before)
        before += len(values)
    assert registry.get("t_ms", {"a": 1}).count == 601


def test_what_events_say_is_given_as_well():
    metrics = Metrics().collect(Durations())
    tap = Tap(metrics.registry)
    for took in (5.0, None, 7.5):
        metrics.events.dispatch(Finished(took_ms=took))
    assert metrics.registry.get("took_ms").count == 2
    assert tap.values == [0.005, 0.0075]


def test_what_cannot_be_used_is_not_given():
    registry = AggregatingRegistry()
    tap = Tap(registry)
    for value in (1.5, float("nan"), "?", 2.5):
        registry.histogram("h", value)
    assert registry.get("h").count == 2
    assert tap.values == [1.5, 2.5]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_number_may_tap_and_each_stops_by_itself(number):
    registry = AggregatingRegistry()
    taps = [Tap(registry) for _ in range(number)]
    registry.histogram("h", 1)
    len(registry)
    taps[0].subscription.cancel()
    registry.histogram("h", 2)
    len(registry)
    assert [tap.values for tap in taps] == [[1], *([[1, 2]] * (number - 1))]


def test_a_new_life_of_a_series_has_another_start():
    registry = AggregatingRegistry()
    tap = Tap(registry)
    for value in (1, 2):
        registry.histogram("h", value)
        len(registry)
        registry.clear()
    (*_, first_start, one, _), (*_, second_start, other, _) = tap.batches
    assert (one, other) == (0, 0)
    assert first_start != second_start
