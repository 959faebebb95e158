"""Native histograms: every observation is in the bucket where Prometheus looks for it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution, Histogram, Timer
from polymeter.data.buckets import HIGHEST, LOWEST
from polymeter.exporters.prometheus import PrometheusExporter
from polymeter.exporters.prometheus.native import ZERO_THRESHOLD, native
from tests.exporters.prometheus_messages import PROTOBUF, decode, native_buckets
from tests.exporters.prometheus_reading import body
from tests.strategies import in_range, numbers, signed_in_range


def histogram_of(*metrics):
    exporter = PrometheusExporter(histograms="native")
    exporter.export(metrics)
    [family] = decode(body(exporter, PROTOBUF))
    return family.metric[0].histogram


def buckets_of(values):
    return native_buckets(histogram_of(Histogram("x", Distribution.of(values))))


@given(values=st.lists(signed_in_range, max_size=30))
def test_each_observation_is_inside_its_bucket(values):
    found = buckets_of(values)
    assert sum(found.values()) == len(values)
    for (low, high), count in found.items():
        # A hair's breadth of room: bounds are powers of a root here.
        inside = [value for value in values if low - abs(low) * 1e-12 <= value <= high + abs(high) * 1e-12]
        assert len(inside) >= count
        assert high == -low or (high - low) / max(abs(low), abs(high)) < 0.011


@given(values=st.lists(numbers, max_size=30))
def test_every_observation_is_counted_whatever_it_is(values):
    histogram = histogram_of(Histogram("x", Distribution.of(values)))
    assert sum(native_buckets(histogram).values()) == histogram.sample_count == len(values)


@given(values=st.lists(numbers, min_size=1, max_size=20), more=st.lists(numbers, max_size=20))
def test_no_bucket_ever_falls_while_observations_come(values, more):
    before, after = buckets_of(values), buckets_of([*values, *more])
    assert all(after[bounds] >= count for bounds, count in before.items())


def test_what_is_too_small_for_a_bucket_counts_as_zero():
    values = [0, 1e-300, -1e-300, 2.0**-30, -(2.0**-30), 2.0**-29]
    assert buckets_of(values)[-ZERO_THRESHOLD, ZERO_THRESHOLD] == 5
    assert sum(buckets_of(values).values()) == 6


def test_what_is_too_large_for_a_bucket_counts_just_above_all_others():
    found = buckets_of([2.0**30, 2.0**31, 1e300, -1e300])
    [(low, _)] = [bounds for bounds, count in found.items() if count == 2]
    assert low == pytest.approx(2.0**30)
    [(_, high)] = [bounds for bounds in found if bounds[1] < 0]
    assert high == pytest.approx(-(2.0**30))


def test_one_that_has_observed_nothing_is_native_all_the_same():
    histogram = histogram_of(Timer("idle"))
    # Prometheus takes one without spans and without a threshold for a classic one.
    assert histogram.zero_threshold == ZERO_THRESHOLD > 0
    assert (histogram.schema, histogram.sample_count, native_buckets(histogram)) == (6, 0, {})


def test_empty_buckets_are_written_out_only_where_a_span_would_take_more():
    def distribution(*places):
        return Distribution.of([2.0 ** ((place - 0.5) / 64) for place in places])

    # Prometheus numbers a bucket by its upper end: 1 is that of bucket 0.
    assert native(distribution(0, 1, 2)).positive == ([(0, 3)], [1, 0, 0])
    assert native(distribution(0, 0, 0, 3)).positive == ([(0, 4)], [3, -3, 0, 1])
    assert native(distribution(0, 0, 4)).positive == ([(0, 1), (3, 1)], [2, -1])
    assert native(distribution(-64)).positive == ([(-64, 1)], [1])
    assert native(Distribution.of([-0.999])).negative == ([(0, 1)], [1])


def test_the_edges_are_those_of_the_buckets():
    assert math.exp2((LOWEST + 1) / 64) == ZERO_THRESHOLD
    assert math.exp2(HIGHEST / 64) == 2.0**30


@given(values=st.lists(in_range(), min_size=1, max_size=30), q=st.floats(0, 1))
def test_a_quantile_read_from_the_native_buckets_is_the_one_that_we_give(values, q):
    distribution = Distribution.of(values)
    rank = max(1, math.ceil(round(q * len(values), 9)))
    seen = 0
    for (low, high), count in sorted(buckets_of(values).items()):
        seen += count
        if seen >= rank:
            assert low * (1 - 1e-9) <= distribution.quantile(q) <= high * (1 + 1e-9)
            return
