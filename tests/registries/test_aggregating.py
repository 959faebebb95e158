"""AggregatingRegistry: the contract, and what only it does."""

from __future__ import annotations

import enum
import gc
import weakref

import pytest

from polymeter.errors import InvalidTagsError
from polymeter.registries import AggregatingRegistry
from polymeter.testing.contracts.registries import RegistryContract


class TestAggregatingRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock):
        return AggregatingRegistry(clock=clock)


@pytest.fixture
def registry():
    return AggregatingRegistry()


class Model(enum.StrEnum):
    SMALL = "small"


class Number:
    """Does something when it is converted."""

    def __init__(self, act=lambda: None):
        self.act = act

    def __float__(self):
        self.act()
        return 1.0


def test_a_verb_gives_back_the_live_series(registry):
    """It goes on reading what is recorded later, and is the same one each time."""
    series = registry.counter("calls", {"model": "m"})
    again = registry.counter("calls", {"model": "m"}, 4)
    assert again is series
    assert series.value == 5
    assert str(series) == 'calls{model="m"} 5'
    assert series.to_dict()["value"] == 5


def test_a_frozen_series_stays_as_it_was(registry):
    """The live one goes on."""
    series = registry.timer("wait", 10)
    frozen = series.freeze()
    registry.timer("wait", 30)
    assert (frozen.count, series.count) == (1, 2)
    assert series.mean_ms == 20
    assert series.quantile_ms(1) == 30


def test_one_series_whatever_the_tags_look_like(registry):
    """In any order, as text, enum or number: the same text is the same series."""
    series = registry.counter("calls", {"model": "small", "n": 1})
    for tags in ({"n": 1, "model": "small"}, {"n": "1", "model": Model.SMALL}, {"model": "small", "n": "1"}):
        assert registry.counter("calls", tags) is series
    assert registry.counter("calls", {"model": "small", "n": True}) is not series
    assert registry.counter("calls", {"model": "small", "n": 1.0}) is not series
    assert len(registry) == 3


def test_no_tags_are_no_tags_however_they_are_said(registry):
    """``None`` and an empty mapping."""
    assert registry.counter("calls") is registry.counter("calls", {}) is registry.bind("counter", "calls")


def test_a_bound_series_exists_from_now_on(registry):
    """At zero."""
    registry.bind("counter", "calls")
    assert [str(metric) for metric in registry.all()] == ["calls 0"]


def test_memory_does_not_grow_with_records(registry):
    """What a bound series was given is let go of, also when nobody reads."""
    series = registry.bind("counter", "calls")
    given = weakref.WeakSet()
    for _ in range(5000):
        number = Number()
        given.add(number)
        series.add(number)
        del number
    gc.collect()
    assert len(given) <= 512
    assert registry.total("calls") == 5000


def test_a_read_from_inside_a_drain_gets_what_was_published_last(registry):
    """Neither waiting for itself nor seeing a half of anything."""
    seen = []
    series = registry.bind("counter", "calls")
    series.add(5)
    assert series.value == 5
    series.add(1)
    series.add(Number(lambda: seen.append((series.value, registry.total("calls"), registry.get("calls").value))))
    assert series.value == 7
    assert seen == [(5, 5, 5)]


def test_kinds_that_keep_no_time_pass_over_it(registry):
    """Only a gauge is placed by ``at``."""
    registry.counter("calls", at=5.0)
    registry.histogram("size", 1, at=5.0)
    assert registry.get("calls").start > 5.0
    assert registry.health().applied == 2


def test_the_resource_is_said_once_per_snapshot():
    """Not in each series."""
    registry = AggregatingRegistry(resource={"service": "shop"})
    registry.counter("calls")
    assert registry.snapshot().resource == {"service": "shop"}
    assert registry.get("calls").tags == {}


def test_a_resource_that_is_no_tags_is_refused():
    """At once."""
    with pytest.raises(InvalidTagsError):
        AggregatingRegistry(resource={"service": object()})


def test_registries_share_nothing(registry):
    """Each is a writer of its own."""
    other = AggregatingRegistry()
    registry.counter("calls")
    assert other.all() == []
    assert other.snapshot().writer != registry.snapshot().writer


def test_health_counts_the_series(registry):
    """And the snapshot has them as a metric."""
    for number in range(5):
        registry.counter("calls", {"n": number})
    assert registry.health().series == 5
    assert [metric.value for metric in registry.snapshot().by_name("polymeter.series")] == [5]


def test_reasons_are_counted_for_a_bounded_number_of_names(registry):
    """Beyond it they are counted together, and none is lost."""
    for number in range(1500):
        registry.counter(f"calls.{number}", increment=-1)
    health = registry.health()
    assert health.invalid == 1500
    assert len(health.invalid_by) <= 1001
    assert health.invalid_by["calls.0", "negative"] == 1
    assert health.invalid_by["__other__", "negative"] == 500
