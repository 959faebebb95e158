"""InMemoryRegistry: the contract, and what only it does."""

from __future__ import annotations

import pytest

from polymeter.data import Kind
from polymeter.errors import DefinitionError
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.registries import RegistryContract
from polymeter.testing.contracts.registry.base import record
from polymeter.testing.contracts.registry.clearing import Clearing
from polymeter.testing.contracts.registry.gauges import Gauges
from polymeter.testing.contracts.registry.snapshots import Snapshots
from polymeter.testing.contracts.registry.together import together


class TestInMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock):
        return InMemoryRegistry(clock=clock)


class TestInMemoryRegistryThatFolds(Gauges, Clearing, Snapshots):
    """With hardly any points kept: neither order nor totals may depend on how many there are."""

    @pytest.fixture
    def registry(self, clock):
        return InMemoryRegistry(max_points=1, clock=clock)


def values(metrics):
    return [metric.value for metric in metrics]


def test_every_point_is_kept_in_order():
    """Over all names, and of each name."""
    registry = InMemoryRegistry()
    registry.counter("calls", {"model": "a"}, 2)
    registry.gauge("queue", 7)
    registry.counter("calls", {"model": "b"}, 3)
    registry.counter("calls", {"model": "a"}, 4)
    assert [metric.name for metric in registry.all()] == ["calls", "queue", "calls", "calls"]
    assert values(registry.find("calls")) == [2, 3, 4]
    assert values(registry.find("calls", {"model": "a"})) == [2, 4]
    assert len(registry) == 4


def test_a_verb_gives_back_the_point_it_made():
    """An immutable value of its own."""
    registry = InMemoryRegistry()
    first, second = registry.timer("wait", 5), registry.timer("wait", 7)
    assert values([first, second]) == [5, 7]
    assert registry.all() == [first, second]


def test_a_point_says_when_it_was_recorded():
    """Now, or at the time that was given."""
    clock = ManualClock(start=1000)
    registry = InMemoryRegistry(clock=clock)
    registry.counter("calls")
    clock.advance(5)
    registry.counter("calls")
    registry.counter("calls", at=990.5)
    assert [metric.timestamp for metric in registry.all()] == [1000, 1005, 990.5]
    total = registry.get("calls")
    assert (total.value, total.start, total.timestamp) == (3, 990.5, 1005)


def test_get_gives_the_points_of_a_series_as_one():
    """The same metric that an aggregating registry has."""
    clock = ManualClock()
    raw, aggregated = InMemoryRegistry(clock=clock), AggregatingRegistry(clock=clock)
    for registry in (raw, aggregated):
        for value in (3, 1, 2):
            for kind in Kind:
                record(registry, kind, kind.value, value)
    for kind in Kind:
        mine, theirs = raw.get(kind.value), aggregated.get(kind.value)
        assert (mine.key, mine.value) == (theirs.key, theirs.value)
        assert getattr(mine, "distribution", None) == getattr(theirs, "distribution", None)


@pytest.mark.parametrize("kind", list(Kind))
def test_beyond_the_bound_the_oldest_points_become_one_and_totals_stay_right(kind):
    """The newest points are still there one by one."""
    registry, whole = InMemoryRegistry(max_points=10), InMemoryRegistry()
    for number in range(100):
        for each in (registry, whole):
            record(each, kind, "metric", number, {"odd": number % 2})
    assert values(registry.all()) == list(range(90, 100))
    assert len(registry) == 10
    for odd in (0, 1):
        mine, truth = registry.get("metric", {"odd": odd}), whole.get("metric", {"odd": odd})
        assert mine.value == truth.value
        if kind.is_distribution:
            assert mine.distribution == truth.distribution
    assert registry.total("metric") == whole.total("metric")
    assert registry.health().applied == 100


def test_a_late_reading_of_a_gauge_does_not_win_by_staying_longer():
    """What was folded away may be newer than what is kept."""
    clock = ManualClock()
    registry = InMemoryRegistry(max_points=1, clock=clock)
    registry.gauge("level", 1)
    registry.gauge("level", 2, at=clock.wall() - 60)
    assert registry.get("level").value == 1


def test_threads_do_not_pass_the_bound():
    """Once all of them have ended."""
    registry = InMemoryRegistry(max_points=50)

    def work(thread):
        for _ in range(1000):
            registry.counter("calls", {"thread": thread})

    together(work)
    registry.counter("calls")
    assert len(registry) == 50
    assert registry.total("calls") == 8001


@pytest.mark.parametrize("max_points", [0, -1])
def test_a_registry_that_keeps_nothing_is_refused(max_points):
    """The message says what would do."""
    with pytest.raises(DefinitionError, match=f"max_points={max_points} keeps nothing: use 1 or more"):
        InMemoryRegistry(max_points=max_points)
