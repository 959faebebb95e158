"""Watched, and the fixture metrics_for: what changes in something that exists already."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.errors import DefinitionError
from polymeter.events import EventDispatcher
from polymeter.registries import AggregatingRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import Watched, assert_approved
from tests.testing.chat import ChatMetrics, TurnFinished


@pytest.fixture
def existing():
    """Stand in for the metrics of an app, in use before the test."""
    metrics = Metrics().collect(ChatMetrics())
    metrics.events.dispatch(TurnFinished())
    return metrics


def test_only_what_changed_since_counts(existing, metrics_for):
    watched = metrics_for(existing)
    assert watched.total("chat.turns") == 0
    assert watched.changes() == []
    watched.check("chat.turns", no_change=True)
    existing.events.dispatch(TurnFinished(model="y"))
    existing.events.dispatch(TurnFinished(model="x"))
    assert watched.total("chat.turns") == 2
    assert watched.total("chat.turns", {"model": "y"}) == 1
    assert [str(each) for each in watched.changes()] == [
        'chat.latency_ms{model="x"} 100.0',
        'chat.latency_ms{model="y"} 100.0',
        'chat.turns{model="x"} 1',
        'chat.turns{model="y"} 1',
    ]
    assert [each.model for each in watched.events] == ["y", "x"]
    watched.check("chat.turns", {"model": "x"}, by=1)


@pytest.mark.parametrize("make", [AggregatingRegistry, InMemoryRegistry, WindowedRegistry])
def test_each_kind_tells_what_it_gained(make, metrics_for):
    registry = make()

    def record():
        registry.up_down("active", 2)
        registry.gauge("load", 0.5)
        registry.histogram("sizes", 4)
        registry.timer("wait_ms", 10)

    record()
    watched = metrics_for(registry)
    assert [watched.total(name) for name in ("active", "load", "sizes", "wait_ms", "unknown")] == [0, 0, 0, 0, 0]
    record()
    assert [watched.total(name) for name in ("active", "load", "sizes", "wait_ms", "unknown")] == [2, 0.5, 4, 10, 0]
    assert watched.events == []


def test_a_dispatcher_has_events_and_no_metrics(metrics_for):
    events = EventDispatcher()
    watched = metrics_for(events)
    events.dispatch("event")
    assert watched.events == ["event"]
    for ask in (watched.changes, lambda: watched.total("calls"), lambda: watched.check("calls", by=1)):
        with pytest.raises(DefinitionError, match="it has no metrics"):
            ask()
    with pytest.raises(DefinitionError, match="keeps no metrics"):
        watched.expect("calls", by=1)


def test_what_is_watched_is_left_as_it_was(existing):
    listeners = [(each.listener, each.event) for each in existing.health().listeners]
    with Watched(existing) as watched:
        existing.events.dispatch(TurnFinished())
    existing.events.dispatch(TurnFinished())
    assert len(watched.events) == 1
    assert [(each.listener, each.event) for each in existing.health().listeners] == listeners
    assert not existing.events.emitter(str).listening
    assert existing.registry.total("chat.turns") == 3
    watched.close()


def test_several_can_be_watched_in_one_test(existing, metrics_for):
    other = AggregatingRegistry()
    first, second = metrics_for(existing), metrics_for(other)
    other.counter("calls")
    existing.events.dispatch(TurnFinished())
    first.check("chat.turns", by=1)
    second.check("calls", by=1)
    first.check("calls", no_change=True)


def test_a_block_can_be_expected_of_it_too(existing, metrics_for):
    watched = metrics_for(existing)
    existing.events.dispatch(TurnFinished())
    with watched.expect("chat.turns", by=1):
        existing.events.dispatch(TurnFinished())
    watched.check("chat.turns", by=2)


def test_a_failure_shows_what_happened_since(existing, metrics_for):
    watched = metrics_for(existing)
    existing.events.dispatch(TurnFinished(model="y"))
    existing.events.dispatch("unheard")
    existing.registry.counter("chat.turns", {"model": "x"}, -1)
    with pytest.raises(AssertionError) as caught:
        watched.check("chat.turns", {"model": "x"}, by=1)
    assert_approved(str(caught.value), "failure")


def test_what_is_nothing_to_watch_is_refused():
    with pytest.raises(DefinitionError, match="nothing to watch"):
        Watched("metrics")
