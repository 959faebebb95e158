"""What happened since: earlier plus the difference is later, and what began again is given whole."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Gauge, Histogram, Kind, Snapshot, Timer, UpDownCounter
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.testing.clock import ManualClock
from tests.strategies import close, magnitude_of, points

SUMMED = [Kind.COUNTER, Kind.HISTOGRAM, Kind.TIMER]


def ab(draw, kind):
    """Give a former state, a later one of the same series, and the sum of magnitudes in them."""
    first, second = draw(points(kind)), draw(points(kind))
    before = first.metric()
    after = before.merge(second.metric())
    return before, after, magnitude_of(first, second)


@given(data=st.data())
def test_of_counters_earlier_plus_since_is_later(data):
    before, after, magnitude = ab(data.draw, Kind.COUNTER)
    added = after.since(before)
    assert (added.start, added.timestamp) == (before.timestamp, after.timestamp)
    assert added.value >= 0
    both = before.merge(added)
    assert both.total.integers == after.total.integers
    assert close(both.total.floats + both.total.lost, after.total.floats + after.total.lost, magnitude)


@pytest.mark.parametrize("kind", [Kind.HISTOGRAM, Kind.TIMER], ids=str)
@given(data=st.data())
def test_of_distributions_earlier_plus_since_is_later_in_all_counts_and_the_sum(kind, data):
    before, after, magnitude = ab(data.draw, kind)
    added = after.since(before)
    assert (added.start, added.timestamp) == (before.timestamp, after.timestamp)
    both, whole = before.merge(added).distribution, after.distribution
    assert (both.count, both.zeros) == (whole.count, whole.zeros)
    assert (both.positive, both.negative) == (whole.positive, whole.negative)
    assert both.total.integers == whole.total.integers
    assert close(both.total.floats + both.total.lost, whole.total.floats + whole.total.lost, magnitude)


def test_a_difference_of_distributions_has_no_extremes_but_quantiles():
    before = Timer("t", 1)
    added = before.merge(Timer("t", 5)).merge(Timer("t", 7)).since(before)
    assert added.count == 2
    assert math.isnan(added.min)
    assert math.isnan(added.max_ms)
    assert added.quantile(0) == added.quantile(0.5) == pytest.approx(5, rel=0.006)
    assert added.quantile(1) == pytest.approx(7, rel=0.006)


@pytest.mark.parametrize("metric", [Gauge("level", 5, timestamp=2), UpDownCounter("active", -5, timestamp=2)], ids=str)
def test_a_level_is_given_as_it_stands(metric):
    earlier = type(metric)(metric.name, 3, timestamp=1)
    assert metric.since(earlier) is metric
    assert list(Snapshot([metric]).since(Snapshot([earlier]))) == [metric]


@given(data=st.data())
def test_differences_from_snapshot_to_snapshot_add_up_to_the_whole(data):
    clock = ManualClock()
    registry = AggregatingRegistry(clock=clock)
    cursor, added = None, {}
    for _ in range(data.draw(st.integers(1, 4))):
        for value in data.draw(st.lists(st.integers(0, 1000), max_size=5)):
            registry.counter("calls", {"odd": value % 2}, value)
            registry.timer("wait_ms", value)
        clock.advance(1)
        snapshot = registry.snapshot()
        for metric in snapshot.since(cursor):
            if not metric.name.startswith("polymeter."):
                added.setdefault(metric.key, []).append(metric)
        cursor = snapshot
    for metric in registry.all():
        parts = added[metric.key]
        if metric.kind is Kind.COUNTER:
            assert sum(part.value for part in parts) == metric.value
        else:
            assert sum(part.count for part in parts) == metric.count
            assert sum(part.distribution.sum for part in parts) == pytest.approx(metric.distribution.sum)
        # No gap and no overlap: what ends here begins there.
        assert [part.start for part in parts] == [metric.start, *(part.timestamp for part in parts[:-1])]


def test_without_an_earlier_snapshot_everything_is_given_whole():
    snapshot = Snapshot([Counter("a", 5)])
    assert snapshot.since(None) is snapshot


def test_a_new_series_is_given_whole_and_one_that_is_gone_is_left_out():
    earlier, later = Snapshot([Counter("gone", 1)]), Snapshot([Counter("new", 5)])
    assert list(later.since(earlier)) == [Counter("new", 5)]


def test_a_series_that_began_again_is_given_whole():
    earlier = Snapshot([Counter("calls", 5, start=1, timestamp=2), Histogram("h", 1, start=1, timestamp=2)])
    later = Snapshot([Counter("calls", 7, start=3, timestamp=4), Histogram("h", 2, start=3, timestamp=4)])
    assert list(later.since(earlier)) == list(later)


def test_a_series_whose_start_moved_back_is_the_same_one():
    registry = InMemoryRegistry()
    registry.counter("calls", at=10)
    earlier = registry.snapshot()
    registry.counter("calls", at=5)
    [calls] = registry.snapshot().since(earlier).by_name("calls")
    assert calls.value == 1


@pytest.mark.parametrize("registry_class", [AggregatingRegistry, InMemoryRegistry])
def test_after_a_clear_everything_is_given_whole_even_if_the_clock_stood_still(registry_class):
    registry = registry_class(clock=ManualClock())
    registry.counter("calls", None, 5)
    earlier = registry.snapshot()
    registry.clear()
    registry.counter("calls", None, 3)
    [calls] = registry.snapshot().since(earlier).by_name("calls")
    assert calls.value == 3


def test_another_writer_is_given_whole():
    earlier = Snapshot([Counter("calls", 5)], writer="parent")
    later = Snapshot([Counter("calls", 3)], writer="child")
    assert later.since(earlier) is later


def test_a_series_that_changed_its_unit_is_given_whole():
    earlier, later = Snapshot([Counter("x", 5, unit="ms")]), Snapshot([Counter("x", 7, unit="s")])
    assert list(later.since(earlier)) == list(later)


def test_a_difference_keeps_what_the_snapshot_says_about_itself():
    earlier = Snapshot([Counter("a", 1)], taken_at=1, writer="w", epoch=2)
    later = Snapshot([Counter("a", 5)], definitions={}, taken_at=9, writer="w", epoch=2)
    difference = later.since(earlier)
    assert (difference.taken_at, difference.writer, difference.epoch) == (9, "w", 2)
