"""Registering a collector, and taking it back."""

from __future__ import annotations

import pytest

from polymeter.collectors import MetricsCollector, measure, on
from polymeter.contracts import CanCollectMetrics
from polymeter.errors import DefinitionConflictError, DefinitionError
from polymeter.metrics import Metrics
from tests.collectors.vocabulary import TurnFinished


class Turns(MetricsCollector):
    turns = measure.counter("turns", on=TurnFinished)
    wait = measure.timer("wait", on=TurnFinished, value="duration_ms", unit="ms")

    @on(TurnFinished)
    def finished(self, _event):
        self.counter("by_hand")


def test_a_collector_can_collect(metrics):
    """It is what the facade asks for."""
    assert isinstance(Turns(), CanCollectMetrics)


def test_a_removed_collector_hears_nothing_more(metrics):
    """What it recorded stays; its subscription is undone once."""
    collector = Turns()
    subscription = collector.register(metrics.events, metrics.registry)
    metrics.events.dispatch(TurnFinished())
    subscription.cancel()
    subscription.cancel()
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.total("turns") == metrics.registry.total("by_hand") == 1
    assert metrics.health().listeners == []


def test_a_collector_is_registered_once(metrics):
    """A second time is an error that says what to do, and changes nothing."""
    collector = Turns()
    metrics.collect(collector)
    for elsewhere in (metrics, Metrics()):
        with pytest.raises(DefinitionError, match="this Turns is registered already: make another one, or remove it"):
            elsewhere.collect(collector)
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.total("turns") == 1


def test_a_removed_collector_can_be_registered_elsewhere(metrics):
    """It records there then."""
    collector, other = Turns(), Metrics()
    metrics.collect(collector).remove(collector)
    other.collect(collector)
    other.events.dispatch(TurnFinished())
    assert (metrics.registry.total("by_hand"), other.registry.total("by_hand")) == (0, 1)
    assert collector.registry is other.registry


def test_two_of_one_class_both_record(metrics):
    """The same definitions twice are fine."""
    metrics.collect(Turns()).collect(Turns())
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.total("turns") == 2


def test_before_it_is_registered_a_collector_has_no_registry():
    """The message says what to do."""
    with pytest.raises(DefinitionError, match=r"this Turns is not registered: metrics.collect\(...\) it first"):
        Turns().counter("turns")


def test_a_conflict_raises_and_leaves_nothing_registered(metrics):
    """The collector is free, nobody listens, and what stood before stands."""
    metrics.registry.define("wait", "timer", "s")
    collector = Turns()
    with pytest.raises(DefinitionConflictError) as caught:
        metrics.collect(collector)
    assert (caught.value.existing.unit, caught.value.conflicting.unit) == ("s", "ms")
    assert metrics.health().listeners == []
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.all() == []
    assert metrics.snapshot().definitions["wait"].unit == "s"
    Metrics().collect(collector)


def test_a_conflict_with_what_was_recorded_raises_too(metrics):
    """The kind of a name is fixed by its first record."""
    metrics.registry.gauge("turns", 1)
    with pytest.raises(DefinitionConflictError):
        metrics.collect(Turns())


def test_a_conflict_leaves_nothing_but_definitions_behind(metrics):
    """Those before the one that conflicts: they say what they said, and do no harm."""
    metrics.registry.define("wait", "timer", "s")
    with pytest.raises(DefinitionConflictError):
        metrics.collect(Turns())
    assert metrics.registry.all() == []
    assert metrics.health().listeners == []


def test_a_registry_of_your_own_needs_no_more_than_the_contract(metrics):
    """Neither buffers nor a place to count what failed."""
    recorded = []

    class Series:
        def __init__(self, kind, name):
            self.kind, self.name = kind, name

        def add(self, amount=1, /):
            recorded.append((self.name, amount))

        set = record = add

    class Registry:
        def define(self, *args, **kwargs): ...

        def counter(self, name, tags=None, increment=1):
            recorded.append((name, increment))

        def bind(self, kind, name, tags=None):
            return Series(kind, name)

    Turns().register(metrics.events, Registry())
    metrics.events.dispatch(TurnFinished(duration_ms=5))
    metrics.events.dispatch(TurnFinished(duration_ms=None))
    assert recorded == [("turns", 1), ("wait", 5), ("by_hand", 1), ("turns", 1), ("by_hand", 1)]
