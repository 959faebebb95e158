"""Metrics declared as class attributes."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure, on
from polymeter.data import Kind
from polymeter.registries import WindowedRegistry
from polymeter.testing import ManualClock
from tests.collectors.vocabulary import Bill, Cost, LongTurnFinished, TurnFinished, TurnStarted


def collected(metrics, *events, **declarations):
    """Collect with a collector made of ``declarations`` and give the registry after ``events``."""
    metrics.collect(type("Declared", (MetricsCollector,), declarations)())
    for event in events:
        metrics.events.dispatch(event)
    return metrics.registry


def test_a_counter_counts_events(metrics):
    """By the fields that are its tags."""
    registry = collected(
        metrics,
        TurnFinished(model="a"),
        TurnFinished(model="a", ok=False),
        TurnFinished(model="b"),
        turns=measure.counter("chat.turns", on=TurnFinished, tags=("model", "ok")),
    )
    assert {str(metric) for metric in registry.all()} == {
        'chat.turns{model="a",ok="true"} 1',
        'chat.turns{model="a",ok="false"} 1',
        'chat.turns{model="b",ok="true"} 1',
    }


def test_every_kind_can_be_declared(metrics):
    """Each records with the verb of its kind."""
    registry = collected(
        metrics,
        TurnFinished(level=2, duration_ms=10),
        TurnFinished(level=5, duration_ms=30),
        counter=measure.counter("counter", on=TurnFinished, value="level"),
        up_down=measure.up_down("up_down", on=TurnFinished, value=lambda event: -event.level),
        gauge=measure.gauge("gauge", on=TurnFinished, value="level"),
        histogram=measure.histogram("histogram", on=TurnFinished, value="level"),
        timer=measure.timer("timer", on=TurnFinished, value="duration_ms"),
    )
    assert {metric.name: (metric.kind, metric.value) for metric in registry.all()} == {
        "counter": (Kind.COUNTER, 7),
        "up_down": (Kind.UP_DOWN, -7),
        "gauge": (Kind.GAUGE, 5),
        "histogram": (Kind.HISTOGRAM, 3.5),
        "timer": (Kind.TIMER, 20),
    }


def test_a_declaration_says_unit_help_and_buckets(metrics):
    """They are defined when the collector is registered, before any event."""
    collected(
        metrics,
        size=measure.histogram("size", on=TurnFinished, value="level", unit="kB", help="How large.", buckets=(1, 10)),
    )
    definition = metrics.snapshot().definitions["size"]
    assert (definition.unit, definition.help, definition.buckets) == ("kB", "How large.", (1, 10))
    metrics.events.dispatch(TurnFinished(level=5))
    assert metrics.registry.get("size").distribution.bound_counts == (0, 1, 0)


def test_a_value_of_none_is_not_recorded(metrics):
    """Nor is it an error; a series exists from its first record on."""
    registry = collected(
        metrics,
        TurnFinished(duration_ms=None),
        wait=measure.timer("wait", on=TurnFinished, value="duration_ms"),
        none=measure.gauge("none", on=TurnFinished, value=lambda _: None),
    )
    assert registry.all() == []
    metrics.events.dispatch(TurnFinished(duration_ms=5))
    assert [metric.name for metric in registry.all()] == ["wait"]
    assert registry.health().invalid == 0


def test_a_value_of_zero_is_recorded(metrics):
    """Zero and nothing are two things."""
    registry = collected(metrics, TurnFinished(level=0), size=measure.histogram("size", on=TurnFinished, value="level"))
    assert registry.get("size").count == 1


def test_a_path_goes_through_what_may_be_none(metrics):
    """A ``None`` on the way means that there is no value."""
    registry = collected(
        metrics,
        TurnFinished(),
        TurnFinished(bill=Bill(tokens=5)),
        TurnFinished(bill=Bill(tokens=7, cost=Cost(0.5))),
        tokens=measure.counter("tokens", on=TurnFinished, value="bill.tokens"),
        doubled=measure.counter("doubled", on=TurnFinished, value="bill.doubled"),
        cost=measure.histogram("cost", on=TurnFinished, value="bill.cost.amount"),
    )
    assert (registry.total("tokens"), registry.total("doubled"), registry.total("cost")) == (12, 24, 0.5)
    assert registry.get("cost").count == 1
    assert registry.health().invalid == 0


def test_a_tag_can_be_a_path_a_property_or_a_callable(metrics):
    """Under any name."""
    registry = collected(
        metrics,
        TurnFinished(bill=Bill(cost=Cost(1, "USD")), duration_ms=2000),
        TurnFinished(duration_ms=2000),
        turns=measure.counter(
            "turns",
            on=TurnFinished,
            tags={
                "currency": "bill.cost.currency",
                "s": "seconds",
                "long": lambda event: event.duration_ms > 1000,
            },
        ),
    )
    assert {str(metric) for metric in registry.all()} == {
        'turns{currency="USD",long="true",s="2.0"} 1',
        'turns{currency="unknown",long="true",s="2.0"} 1',
    }


def test_when_decides_what_is_recorded(metrics):
    """Anything true will do."""
    registry = collected(
        metrics,
        TurnFinished(model="a"),
        TurnFinished(model=""),
        named=measure.counter("named", on=TurnFinished, when=lambda event: event.model),
        slow=measure.timer("slow", on=TurnFinished, value="duration_ms", when=lambda event: event.duration_ms > 1000),
    )
    assert registry.total("named") == 1
    assert registry.find("slow") == []


def test_a_declared_gauge_says_when_its_reading_was_taken(metrics):
    """Not when it was asked; it is placed among readings that say their time accordingly."""
    registry = collected(metrics, TurnFinished(level=3), level=measure.gauge("level", on=TurnFinished, value="level"))
    recorded = metrics.clock.wall()
    registry.gauge("level", 9, at=recorded + 5)
    metrics.clock.advance(60)
    assert registry.get("level").value == 9
    metrics.events.dispatch(TurnFinished(level=4))
    metrics.clock.advance(100)
    assert registry.get("level").timestamp == recorded + 60


def test_events_of_derived_classes_are_measured_too(metrics):
    """And those of base classes are not."""
    registry = collected(
        metrics,
        TurnFinished(),
        LongTurnFinished(pages=7),
        TurnStarted(),
        turns=measure.counter("turns", on=TurnFinished),
        pages=measure.counter("pages", on=LongTurnFinished, value="pages"),
    )
    assert (registry.total("turns"), registry.total("pages")) == (2, 7)


def test_one_collector_may_measure_several_events(metrics):
    """One metric may even come from two of them."""
    registry = collected(
        metrics,
        TurnStarted(model="a"),
        TurnStarted(model="a"),
        TurnFinished(model="a"),
        up=measure.up_down("active", on=TurnStarted, value=lambda _: 1, tags=("model",)),
        down=measure.up_down("active", on=TurnFinished, value=lambda _: -1, tags=("model",)),
    )
    assert registry.get("active", {"model": "a"}).value == 1


def test_two_declarations_of_one_metric_may_differ_in_their_tags(metrics):
    """They are added up by name."""
    registry = collected(
        metrics,
        TurnFinished(),
        a=measure.counter("turns", on=TurnFinished, tags=("model",)),
        b=measure.counter("turns", on=TurnFinished, tags=("ok",)),
    )
    assert registry.total("turns") == 2
    assert len(registry) == 2


def test_declared_metrics_go_on_after_a_clear(metrics):
    """From nothing."""
    registry = collected(metrics, TurnFinished(), TurnFinished(), turns=measure.counter("turns", on=TurnFinished))
    metrics.clear()
    metrics.events.dispatch(TurnFinished())
    assert registry.total("turns") == 1


def test_many_events_of_many_series_are_all_counted(metrics):
    """More than are kept for quick look-up."""
    registry = collected(
        metrics,
        tags=measure.counter("by_tag", on=TurnFinished, tags={"tag": lambda event: f"{event.tag % 50}"}),
        level=measure.histogram("level", on=TurnFinished, value="level"),
    )
    for number in range(12_000):
        metrics.events.dispatch(TurnFinished(tag=number, level=number % 3))
    assert registry.total("by_tag") == 12_000
    assert registry.get("by_tag", {"tag": "7"}).value == 240
    assert registry.get("level").count == registry.get("level").sum == 12_000


def test_what_was_measured_outlives_the_collector(metrics):
    """Also what nobody has read yet."""
    collector = type("Declared", (MetricsCollector,), {"turns": measure.counter("turns", on=TurnFinished)})()
    metrics.collect(collector)
    metrics.events.dispatch(TurnFinished())
    metrics.remove(collector)
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.total("turns") == 1


@pytest.mark.parametrize("kind", ["counter", "up_down", "gauge", "histogram", "timer"])
def test_poison_in_an_event_is_counted(metrics, kind):
    """By reason, under the metric's name; what is healthy beside it counts."""
    registry = collected(
        metrics,
        TurnFinished(level=float("nan")),
        TurnFinished(level="1"),
        TurnFinished(level=4),
        metric=getattr(measure, kind)("metric", on=TurnFinished, value="level"),
        beside=measure.counter("beside", on=TurnFinished),
    )
    assert registry.get("metric").value == 4
    assert registry.total("beside") == 3
    assert dict(registry.health().invalid_by) == {("metric", "nan"): 1, ("metric", "type"): 1}


def test_a_registry_that_keeps_time_places_records_at_the_time_of_their_event():
    """Declared ones and those of handlers alike."""

    class Both(MetricsCollector):
        declared = measure.counter("declared", on=TurnFinished)

        @on(TurnFinished)
        def handled(self, event):
            self.counter("handled")

    clock = ManualClock(start=1_700_000_000.0)
    metrics = Metrics(registry=WindowedRegistry(seconds=10, keep=60, clock=clock), clock=clock).collect(Both())
    metrics.events.dispatch(TurnFinished(at=clock.wall() - 100))
    for name in ("declared", "handled"):
        [(start, end, _)] = [each for each in metrics.registry.windows(name) if each[2] is not None and each[2].value]
        assert start <= clock.wall() - 100 < end
