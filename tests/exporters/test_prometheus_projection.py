"""The counts of classic buckets are those that the distribution itself gives."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution
from polymeter.exporters.prometheus.projection import Projection
from tests.strategies import in_range, numbers, signed_in_range

bounds = st.one_of(
    st.sets(st.one_of(in_range(), st.sampled_from([0.5, 1.0, 2.0, 4.0]), st.floats(1e-300, 1e300)), max_size=12),
    st.sets(st.one_of(signed_in_range, st.floats(-1e300, 1e300)), max_size=6),
).map(lambda chosen: tuple(sorted(map(float, chosen))))


@given(values=st.lists(st.one_of(in_range(), signed_in_range, numbers), max_size=30), bounds=bounds, own=bounds)
def test_every_bound_counts_as_the_distribution_says(values, bounds, own):
    for distribution in (
        Distribution.of(values),
        Distribution.of(values, bounds=own),
        Distribution.of(values, bounds=bounds),
        Distribution.of(map(abs, values)),
    ):
        counts = Projection(bounds).of(distribution)
        assert counts == distribution.project(bounds)
        assert all(low <= high for low, high in itertools.pairwise([0, *counts, distribution.count]))


@given(values=st.lists(in_range(), min_size=1, max_size=20), more=st.lists(in_range(), max_size=20), bounds=bounds)
def test_differences_are_counted_too(values, more, bounds):
    since = Distribution.of([*values, *more]).minus(Distribution.of(values))
    assert Projection(bounds).of(since) == since.project(bounds)
