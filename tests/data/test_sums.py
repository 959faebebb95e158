"""Sum: integers exactly, floats with compensation."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data.sums import ZERO, Sum
from tests.strategies import numbers, whole_numbers

finite = st.lists(numbers, max_size=12)


class Measured(float):
    """What a numeric library derives from float."""


class Flagged(int):
    """What a library derives from int."""


@given(values=st.lists(whole_numbers))
def test_integers_add_up_exactly_and_stay_integers(values):
    total = Sum.of_all(values)
    assert total.value == sum(values)
    assert isinstance(total.value, int)


@given(values=finite)
def test_all_at_once_and_one_by_one_agree_within_the_promise(values):
    one_by_one = ZERO
    for value in values:
        one_by_one = one_by_one.plus(Sum.of(value))
    exact = sum(map(Fraction, values))
    magnitude = sum(abs(Fraction(value)) for value in values)
    for total in (one_by_one, Sum.of_all(values)):
        assert abs(Fraction(total.value) - exact) <= Fraction(1, 10**12) * magnitude
        assert total.integers == sum(value for value in values if isinstance(value, int))


@given(first=finite, second=finite)
def test_what_was_added_since_is_the_difference(first, second):
    before = Sum.of_all(first)
    added = before.plus(Sum.of_all(second)).minus(before)
    magnitude = sum(abs(value) for value in first + second if isinstance(value, float))
    assert added.integers == sum(value for value in second if isinstance(value, int))
    assert abs(added.floats + added.lost - Sum.of_all(second).floats) <= 1e-12 * magnitude


@given(values=st.lists(st.floats(0, 1e300)), more=st.lists(st.floats(0, 1e300)))
def test_what_was_added_to_a_sum_that_never_falls_is_never_negative(values, more):
    before = ZERO
    for value in values:
        before = before.plus(Sum.of(value))
    after = before
    for value in more:
        after = after.plus(Sum.of(value))
    assert after.minus(before).value >= 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e16, 1.0, -1e16], 1.0),
        ([0.1] * 10, 1.0),
        ([10**30, 0.5, -(10**30)], 0.5),
        ([True, 2, 0.25], 3.25),
        ([Measured(1.5), Measured(2)], 3.5),
        ([Measured(1.5), 2, 0.25, Flagged(3)], 6.75),
        ([Flagged(3), Flagged(4)], 7),
        ([], 0),
        ([-0.0], 0),
    ],
    ids=str,
)
def test_known_sums(values, expected):
    one_by_one = ZERO
    for value in values:
        one_by_one = one_by_one.plus(Sum.of(value))
    assert Sum.of_all(values).value == one_by_one.value == expected


def test_beyond_every_float_a_sum_is_infinite_and_never_an_error():
    assert Sum.of_all([1e308, 1e308]).value == math.inf
    assert Sum.of(1e308).plus(Sum.of(1e308)).value == math.inf
    assert Sum.of(-1e308).plus(Sum.of(-1e308)).plus(Sum.of(1.0)).value == -math.inf
    assert Sum.of(10**400).plus(Sum.of(0.5)).value == math.inf
    assert Sum.of(-(10**400)).plus(Sum.of(0.5)).value == -math.inf
    assert Sum.of(10**400).value == 10**400
