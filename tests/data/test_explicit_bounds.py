"""Explicit bounds are counted exactly, beside the exponential buckets; merging keeps the common ones."""

from __future__ import annotations

import math
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution, Histogram, MetricDefinition, Timer
from polymeter.errors import InvalidMetricError
from polymeter.registries import AggregatingRegistry
from tests.strategies import magnitude_of, points, same, same_content

BOUNDED = [Histogram.kind, Timer.kind]
each_bounded = pytest.mark.parametrize("kind", BOUNDED, ids=str)
near_bounds = st.one_of(st.integers(-3, 102), st.floats(-3, 102), st.sampled_from([1.0, 5.0, 10.0, 100.0]))
some_bounds = st.sets(st.one_of(st.integers(-3, 102), st.floats(-1e6, 1e6))).map(lambda bounds: tuple(sorted(bounds)))


def buckets_by_hand(values, bounds):
    counts = [0] * (len(bounds) + 1) if bounds else []
    for value in values if bounds else ():
        counts[bisect_left(bounds, value)] += 1
    return tuple(counts)


@given(values=st.lists(near_bounds, min_size=1), bounds=some_bounds)
def test_each_bucket_counts_what_is_above_one_bound_and_not_above_the_next(values, bounds):
    distribution = Distribution.of(values, bounds=bounds)
    assert distribution.bounds == bounds
    assert distribution.bound_counts == buckets_by_hand(values, bounds)


@given(values=st.lists(near_bounds), bounds=some_bounds)
def test_the_exponential_buckets_are_the_same_with_and_without_bounds(values, bounds):
    with_bounds, without = Distribution.of(values, bounds=bounds), Distribution.of(values)
    assert with_bounds.positive == without.positive
    assert with_bounds.negative == without.negative
    assert (with_bounds.count, with_bounds.total, with_bounds.zeros) == (without.count, without.total, without.zeros)


@given(
    left=st.lists(near_bounds, min_size=1),
    right=st.lists(near_bounds, min_size=1),
    mine=some_bounds,
    theirs=some_bounds,
)
def test_merging_different_bounds_keeps_the_common_ones_with_exact_counts(left, right, mine, theirs):
    both = Distribution.of(left, bounds=mine).merge(Distribution.of(right, bounds=theirs))
    common = tuple(bound for bound in mine if bound in theirs)
    assert both.bounds == common
    assert both.bound_counts == buckets_by_hand(left + right, common)


@each_bounded
@given(data=st.data())
def test_merging_different_bounds_is_associative_and_commutative(kind, data):
    parts = [data.draw(points(kind, bounds=True)) for _ in range(3)]
    a, b, c = (part.metric() for part in parts)
    assert same(a.merge(b).merge(c), a.merge(b.merge(c)), magnitude_of(*parts))
    assert same(a.merge(b), b.merge(a), magnitude_of(*parts))


@each_bounded
@given(data=st.data())
def test_nothing_with_bounds_or_without_is_an_identity(kind, data):
    metric = data.draw(points(kind, bounds=True)).metric()
    for identity in (type(metric).identity(metric.name, metric.tags), metric.since(metric)):
        distribution = metric.distribution.merge(identity.distribution)
        assert distribution == identity.distribution.merge(metric.distribution) == metric.distribution
    assert metric.merge(type(metric).identity(metric.name, metric.tags)) == metric
    assert (
        metric.merge(type(metric).identity(metric.name, metric.tags)).distribution.bounds == metric.distribution.bounds
    )


def test_two_distributions_of_nothing_are_equal_whatever_their_bounds():
    assert Distribution.of(bounds=(1, 2)) == Distribution.of() == Distribution()
    assert hash(Distribution.of(bounds=(1, 2))) == hash(Distribution())
    assert Distribution.of([1], bounds=(1, 2)) != Distribution.of([1])


@given(values=st.lists(near_bounds, min_size=1), bounds=some_bounds, later=st.lists(near_bounds))
def test_a_difference_keeps_the_bounds_and_adds_back_up(values, bounds, later):
    before, after = Distribution.of(values, bounds=bounds), Distribution.of(values + later, bounds=bounds)
    added = after.minus(before)
    assert added.bound_counts == buckets_by_hand(later, bounds)
    assert same_content(before.merge(added).with_bounds(bounds), after, 0) or math.isnan(added.min)
    assert before.merge(added).bound_counts == after.bound_counts


def test_a_definition_states_bounds_in_its_unit_and_they_are_kept_in_base_units():
    registry = AggregatingRegistry()
    definition = registry.define("wait_ms", "timer", buckets=[5, 10.5, math.inf])
    registry.timer("wait_ms", 10.5)
    registry.timer("wait_ms", 10.6)
    assert definition.buckets == (5.0, 10.5)
    [wait] = registry.snapshot().by_name("wait_ms")
    assert wait.distribution.bounds == definition.base_bounds == (0.005, 0.0105)
    assert wait.distribution.bound_counts == (0, 1, 1)


def test_bounds_that_base_units_cannot_tell_apart_or_hold_are_left_out():
    hours = MetricDefinition.of("x", "histogram", unit="h", buckets=[1, 1e308])
    assert hours.base_bounds == (3600.0,)
    close = next(
        (low, high)
        for low in map(float, range(1, 1000))
        if (high := math.nextafter(low, math.inf)) / 1000 == low / 1000
    )
    assert len(MetricDefinition.of("x_ms", "timer", buckets=close).base_bounds) == 1


@pytest.mark.parametrize(
    "bounds", [(2, 1), (1, 1), (math.nan,), (math.inf, math.inf), (-math.inf, 1), (1, math.nan, 2)], ids=str
)
def test_bounds_that_do_not_ascend_or_are_not_finite_are_refused(bounds):
    with pytest.raises(InvalidMetricError, match="not finite and strictly ascending"):
        Distribution.of([1], bounds=bounds)


@pytest.mark.parametrize("bounds", [("x",), (None,), (10**400,), 5], ids=str)
def test_bounds_that_are_no_numbers_are_refused(bounds):
    with pytest.raises(InvalidMetricError, match=r"bucket bounds .* are not an iterable of numbers"):
        Distribution.of([1], bounds=bounds)
