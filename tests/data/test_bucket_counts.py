"""Counts per bucket: as narrow as they can be, and right where they have to grow."""

from __future__ import annotations

import functools
import math
import random
import sys
from collections import Counter as Tally

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution
from polymeter.data.bucket_array import NO_BUCKETS, BucketArray, Buckets
from polymeter.data.buckets import HIGHEST, LOWEST, bucket_of, middle_of, upper_bound_of
from polymeter.data.distribution import DistributionBuilder
from tests.strategies import in_range

EDGES = [2**8, 2**16, 2**32]
"""Counts that need a wider place than the one before."""

counts = st.one_of(st.integers(1, 3), st.sampled_from([edge + step for edge in EDGES for step in (-2, -1, 0, 1)]))
additions = st.lists(st.tuples(st.integers(LOWEST, HIGHEST), counts), max_size=8)


def tally(*lists):
    total = Tally()
    for each in lists:
        for index, count in each:
            total[index] += count
    return dict(sorted(total.items()))


def counted(pairs):
    array = BucketArray()
    for index, count in pairs:
        array.add(index, count)
    return array


# -- the scheme


@pytest.mark.parametrize("power", range(-29, 30))
def test_a_power_of_two_is_the_upper_bound_of_its_bucket(power):
    index = bucket_of(2.0**power)
    assert index == power * 64 - 1
    assert upper_bound_of(index) == 2.0**power
    assert bucket_of(math.nextafter(2.0**power, math.inf) * (1 + 1e-12)) == index + 1


@given(magnitude=in_range())
def test_the_middle_of_a_bucket_is_within_the_promise_of_everything_in_it(magnitude):
    assert abs(middle_of(bucket_of(magnitude)) - magnitude) <= 0.0055 * magnitude


@given(one=st.floats(5e-324, 1.7e308), other=st.floats(5e-324, 1.7e308))
def test_a_larger_magnitude_is_never_in_a_lower_bucket(one, other):
    low, high = sorted((one, other))
    assert LOWEST <= bucket_of(low) <= bucket_of(high) <= HIGHEST


@pytest.mark.parametrize("magnitude", [5e-324, 1e-300, 2.0**-31, 2.0**-30])
def test_all_that_is_tiny_is_in_the_lowest_bucket(magnitude):
    assert bucket_of(magnitude) == LOWEST
    assert bucket_of(2.0**-30 * 1.001) == LOWEST + 1


@pytest.mark.parametrize("magnitude", [2.0**30 * 1.001, 2**40, 10**300, 1e300, 1.7976931348623157e308])
def test_all_that_is_huge_is_in_the_highest_bucket(magnitude):
    assert bucket_of(magnitude) == HIGHEST
    assert bucket_of(2.0**30) == HIGHEST - 1
    assert upper_bound_of(HIGHEST) == math.inf


# -- the counts


@given(pairs=additions)
def test_every_bucket_holds_what_was_added_to_it(pairs):
    frozen = counted(pairs).freeze()
    assert dict(frozen.items()) == tally(pairs)
    assert frozen.total == sum(count for _, count in pairs)


@given(pairs=additions, data=st.data())
def test_the_frozen_form_does_not_depend_on_the_order_of_counting(pairs, data):
    frozen = counted(pairs).freeze()
    other = counted(data.draw(st.permutations(pairs))).freeze()
    assert frozen == other
    assert hash(frozen) == hash(other)
    if pairs:
        assert frozen.counts[0]
        assert frozen.counts[-1]
    else:
        assert frozen is NO_BUCKETS


@given(mine=additions, theirs=additions)
def test_adding_and_taking_away(mine, theirs):
    one, other = counted(mine).freeze(), counted(theirs).freeze()
    both = one.plus(other)
    assert dict(both.items()) == tally(mine, theirs)
    assert both == other.plus(one)
    assert both.minus(one) == other
    assert one.minus(both) == NO_BUCKETS


@given(pairs=additions, low=st.integers(LOWEST, HIGHEST), high=st.integers(LOWEST, HIGHEST))
def test_what_is_between_two_buckets(pairs, low, high):
    frozen = counted(pairs).freeze()
    assert frozen.between(low, high) == sum(count for index, count in pairs if low <= index < high)


@given(pairs=additions, later=additions)
def test_a_copy_goes_its_own_way(pairs, later):
    array = counted(pairs)
    twin = array.copy()
    for index, count in later:
        twin.add(index, count)
    assert array.freeze() == counted(pairs).freeze()
    assert twin.freeze() == counted(pairs + later).freeze()


@pytest.mark.parametrize("edge", [2**8, 2**16])
def test_a_builder_counts_on_where_a_count_outgrows_its_place(edge):
    near = [1.0] * 3 + [1.5] * 2 + [700.0] * 200
    builder = DistributionBuilder()
    builder.add_all(near)
    seen = len(near)
    for batch in (edge - 4, 1, 1, 5):  # to one below the edge, to it, and past it
        builder.add_all([2.0] * batch)
        seen += batch
        frozen = builder.freeze()
        assert dict(frozen.positive.items()) == {
            bucket_of(1.0): 3,
            bucket_of(1.5): 2,
            bucket_of(2.0): seen - len(near),
            bucket_of(700.0): 200,
        }
        assert frozen.count == seen


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("sign", [1, -1])
def test_doubling_by_merging_crosses_every_width(edge, sign):
    distribution = Distribution.of([sign * 1.0, sign * 1.0, sign * 3.0])
    while distribution.count < 6 * edge:
        distribution = distribution.merge(distribution)
        copies = distribution.count // 3
        counts = distribution.positive if sign > 0 else distribution.negative
        assert dict(counts.items()) == {bucket_of(1.0): 2 * copies, bucket_of(3.0): copies}
        assert distribution.sum == sign * 5.0 * copies
    assert distribution.minus(Distribution.of([sign * 3.0])).count == distribution.count - 1
    assert abs(distribution.quantile(0.5)) == pytest.approx(1, rel=0.0055)


def test_counts_shrink_to_bytes_again_where_a_difference_is_small():
    one = Distribution.of([1.0] * 300)
    assert isinstance(Distribution.of([1.0] * 305).minus(one).positive.counts, bytes)
    assert Distribution.of([1.0] * 305).minus(one).positive == Distribution.of([1.0] * 5).positive


def test_a_bucket_that_shrank_counts_as_zero():
    assert Buckets(0, b"\x05\x01").minus(Buckets(0, b"\x07")) == Buckets(1, b"\x01")


# -- the size


def size_of(builder):
    """Give the bytes of everything that a series' distribution is made of."""
    count, total, low, high, zeros, positive, negative, bound_counts = builder._state
    own = [builder, builder._state, count, total, low, high, zeros, bound_counts]
    arrays = [part for array in (positive, negative) for part in (array, array._counts, array._offset)]
    return sum(map(sys.getsizeof, own + arrays))


@pytest.mark.parametrize(("observations", "largest"), [(1000, 1200), (10_000, 1200), (100_000, 2048)])
def test_a_log_normal_series_takes_about_a_kilobyte(observations, largest):
    rng = random.Random(observations)
    builder = DistributionBuilder()
    for _ in range(observations // 250):
        builder.add_all([rng.lognormvariate(-1, 0.5) for _ in range(250)])
    assert builder.freeze().count == observations
    assert size_of(builder) <= largest


def test_a_wandering_value_does_not_take_more_than_its_span():
    builder = DistributionBuilder()
    for value in [1.0, 2.0, 0.5, 4.0, 0.25]:
        builder.add_all([value])
    assert size_of(builder) <= 1000
    merged = functools.reduce(Distribution.merge, (Distribution.of([2.0**power]) for power in range(-30, 31)))
    assert len(merged.positive.counts) == HIGHEST - LOWEST
