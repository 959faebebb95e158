"""Projecting a distribution on any bounds: never falling, exact where exact counts are kept."""

from __future__ import annotations

import math
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution
from tests.strategies import numbers, signed_in_range

PROMISED = 0.0055
any_bound = st.one_of(
    st.floats(-1e6, 1e6), signed_in_range, st.integers(-100, 100), st.sampled_from([-math.inf, math.inf])
)
bounds_of_any_kind = st.sets(any_bound).map(sorted)
own_bounds = st.sets(st.one_of(st.integers(-100, 100), st.floats(-100, 100))).map(lambda bounds: tuple(sorted(bounds)))


def at_or_below(values, bound):
    return bisect_right(sorted(values), bound)


@given(values=st.lists(numbers), own=own_bounds, bounds=bounds_of_any_kind)
def test_counts_never_fall_and_never_exceed_the_count(values, own, bounds):
    counts = Distribution.of(values, bounds=own).project(sorted({*bounds, *own}))
    assert counts == sorted(counts)
    assert all(0 <= count <= len(values) for count in counts)


@given(values=st.lists(numbers), own=own_bounds, others=bounds_of_any_kind)
def test_own_bounds_are_exact_also_among_others(values, own, others):
    distribution = Distribution.of(values, bounds=own)
    exact = {bound: at_or_below(values, bound) for bound in own}
    assert distribution.project(own) == list(exact.values())
    asked = sorted({*own, *others})
    answered = dict(zip(asked, distribution.project(asked), strict=True))
    assert {bound: answered[bound] for bound in own} == exact


@given(values=st.lists(signed_in_range), bounds=st.sets(signed_in_range).map(sorted))
def test_other_bounds_are_off_by_no_more_than_their_bucket(values, bounds):
    for bound, count in zip(bounds, Distribution.of(values).project(bounds), strict=True):
        slack = 2 * PROMISED * abs(bound)
        assert at_or_below(values, bound - slack) <= count <= at_or_below(values, bound + slack)


@given(values=st.lists(numbers, min_size=1))
def test_zero_the_extremes_and_infinity_are_exact(values):
    distribution = Distribution.of(values)
    assert distribution.project([0]) == [at_or_below(values, 0)]
    assert distribution.project([max(values)]) == [len(values)]
    assert distribution.project([math.nextafter(min(values), -math.inf)]) == [0]
    assert distribution.project([-math.inf, math.inf]) == [0, len(values)]


def test_a_difference_is_projected_like_any_other():
    before, after = Distribution.of([1.0, 50.0]), Distribution.of([1.0, 50.0, 2.0, 70.0])
    assert after.minus(before).project([1.5, 3, 100]) == [0, 1, 2]


def test_bounds_between_own_ones_never_contradict_them():
    distribution = Distribution.of([1.0, 1.002, 1.004], bounds=(1.003,))
    assert distribution.project([1.0025]) == [2]
    assert distribution.project([1.003, 5]) == [2, 3]
    assert Distribution.of([1.0, 1.002, 1.004], bounds=(1.001,)).project([1.0009]) == [1]


def test_of_nothing_every_count_is_zero():
    assert Distribution().project([-1, 0, 1, math.inf]) == [0, 0, 0, 0]
    assert Distribution.of(bounds=(1, 2)).project([1, 2, 3]) == [0, 0, 0]
    assert Distribution.of([1]).project([]) == []


@pytest.mark.parametrize("values", [[1e300, 1e-300, -1e300, -1e-300, 0], [5e-324, 1.7e308]])
def test_the_edge_buckets_take_what_is_beyond_the_range(values):
    distribution = Distribution.of(values)
    positive = sum(value > 0 for value in values)
    assert distribution.project([-1.0, 0.0, 1.0, math.inf]) == [
        at_or_below(values, bound) for bound in (-1, 0, 1, math.inf)
    ]
    assert (distribution.positive.total, distribution.count) == (positive, len(values))
    assert (distribution.min, distribution.max) == (min(values), max(values))
