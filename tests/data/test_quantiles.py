"""Quantiles are within 0.55 % of the observation of the nearest rank, also after merging."""

from __future__ import annotations

import functools
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution, Histogram, Timer
from polymeter.errors import InvalidMetricError
from tests.strategies import signed_in_range

PROMISED = 0.0055
TOP = 2.0**30

SHAPES = {
    "log-normal": lambda rng: rng.lognormvariate(0, 1.5),
    "bimodal": lambda rng: rng.gauss(*rng.choice([(0.02, 0.002), (5, 0.5)])),
    "Pareto": lambda rng: min(rng.paretovariate(0.7), TOP),
    "exponential": lambda rng: rng.expovariate(0.01),
    "constant": lambda _: 0.3,
    "tiny": lambda rng: rng.uniform(2.0**-30, 2.0**-26),
    "large": lambda rng: rng.uniform(2.0**28, TOP),
    "negative": lambda rng: -rng.lognormvariate(3, 2),
    "mixed": lambda rng: rng.gauss(0, 100),
    "with zeros": lambda rng: rng.choice([0, 0, 1, -1]) * rng.lognormvariate(0, 3),
    "integers": lambda rng: rng.randrange(-50, 50),
}
QUANTILES = [Fraction(text) for text in ("0", "0.001", "0.01", "0.07", "0.25", "0.5", "0.9", "0.99", "0.999", "1")]


def nearest_rank(values, q):
    """Give the value that a share ``q`` (exact) of the sorted ``values`` do not exceed."""
    return values[max(1, math.ceil(q * len(values))) - 1]


def assert_close(estimate, truth):
    assert abs(estimate - truth) <= PROMISED * abs(truth), (estimate, truth)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000, 20_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_of_every_shape_and_size_are_within_the_promise(shape, size):
    rng = random.Random(f"{shape} {size}")
    values = [SHAPES[shape](rng) for _ in range(size)]
    in_parts = functools.reduce(Distribution.merge, (Distribution.of(values[start::7]) for start in range(7)))
    values.sort()
    for distribution in (Distribution.of(values), in_parts):
        for q in QUANTILES:
            assert_close(distribution.quantile(float(q)), nearest_rank(values, q))


@given(values=st.lists(signed_in_range, min_size=1), per_mille=st.integers(0, 1000), cut=st.integers(0))
def test_any_quantile_of_any_values_is_within_the_promise(values, per_mille, cut):
    cut %= len(values) + 1
    merged = Distribution.of(values[:cut]).merge(Distribution.of(values[cut:]))
    truth = nearest_rank(sorted(values), Fraction(per_mille, 1000))
    assert_close(Distribution.of(values).quantile(per_mille / 1000), truth)
    assert_close(merged.quantile(per_mille / 1000), truth)


@given(values=st.lists(signed_in_range, min_size=1), q=st.floats(0, 1), larger=st.floats(0, 1))
def test_quantiles_never_fall_and_never_leave_the_extremes(values, q, larger):
    distribution = Distribution.of(values)
    q, larger = sorted((q, larger))
    assert min(values) <= distribution.quantile(q) <= distribution.quantile(larger) <= max(values)


@given(values=st.lists(st.one_of(st.floats(-1e300, 1e300), st.integers()), min_size=1))
def test_the_first_and_the_last_are_exact_however_large_or_small(values):
    distribution = Distribution.of(values)
    assert distribution.quantile(0) == distribution.min == min(values)
    assert distribution.quantile(1) == distribution.max == max(values)


@given(first=st.lists(signed_in_range), added=st.lists(signed_in_range, min_size=1), per_mille=st.integers(0, 1000))
def test_quantiles_of_a_difference_are_within_the_promise_without_extremes(first, added, per_mille):
    difference = Distribution.of(first + added).minus(Distribution.of(first))
    assert_close(difference.quantile(per_mille / 1000), nearest_rank(sorted(added), Fraction(per_mille, 1000)))


def test_ranks_are_those_of_the_fraction_that_was_meant():
    values = [float(number) for number in range(1, 101)]
    distribution = Distribution.of(values)
    for percent in range(101):
        assert_close(distribution.quantile(percent / 100), nearest_rank(values, Fraction(percent, 100)))


def test_nothing_has_no_quantile_no_mean_and_no_extreme():
    nothing = Distribution()
    assert all(math.isnan(value) for value in (nothing.quantile(0.5), nothing.mean, nothing.min, nothing.max))
    assert nothing.sum == 0
    empty = Timer("t", nothing)
    assert all(math.isnan(value) for value in (empty.value, empty.quantile_ms(0), empty.mean, empty.min_ms))
    assert (empty.count, empty.total_ms) == (0, 0)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan, math.inf])
def test_a_quantile_outside_0_to_1_is_refused(q):
    with pytest.raises(InvalidMetricError, match=r"quantile .* is not between 0 and 1"):
        Distribution.of([1]).quantile(q)
    with pytest.raises(InvalidMetricError):
        Histogram("h", 1).quantile(q)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("others", [[], [1.0], [1, 2], [math.inf], [-math.inf], [1e308, 1e308]], ids=str)
def test_what_is_not_finite_is_refused_in_whatever_company(others, bad):
    with pytest.raises(InvalidMetricError, match="finite numbers only"):
        Distribution.of([*others, bad])


def test_values_whose_sum_no_float_holds_still_have_counts_and_quantiles():
    distribution = Distribution.of([1e308, 1.5e308, 1.6e308])
    assert (distribution.count, distribution.sum) == (3, math.inf)
    assert distribution.quantile(0) == 1e308
    assert distribution.quantile(1) == 1.6e308


class Measured(float):
    """What a numeric library derives from float."""


def test_numbers_of_derived_classes_count_for_what_they_are():
    distribution = Distribution.of([Measured(1.5), Measured(2.25)])
    assert (distribution.sum, distribution.count, distribution.max) == (3.75, 2, 2.25)
    assert Distribution.of([Measured(1.5), 2]).sum == 3.5
