"""Distributions as few values: the count exact, each value and their sum within 1 %."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Distribution, Histogram, Timer
from polymeter.data.units import NO_UNIT
from polymeter.exporters.statsd.numbers import rate_text
from polymeter.exporters.statsd.weights import counted, evenly_weighted, weighted
from tests.exporters.statsd_fixtures import Pair
from tests.exporters.statsd_reading import counts, lines_of, observed
from tests.strategies import in_range, signed_in_range

DIALECTS = ["datadog", "etsy", "influx", "signalfx"]


def lognormal(count, seed=0):
    chance = random.Random(seed)
    return [chance.lognormvariate(-2, 1.5) for _ in range(count)]


@given(st.lists(in_range(2.0**-19, 2.0**30), min_size=1, max_size=60), st.sampled_from([0, 1, 5, 64, 1000]))
def test_the_count_is_exact_and_the_values_and_their_sum_are_within_one_percent(values, most):
    """Whatever was observed, and however many values may be written out."""
    distribution = Distribution.of(values)
    sent = sorted(
        (float(text), 1 << exponent)
        for exponent, texts in weighted(counted(distribution, NO_UNIT), most).items()
        for text in texts
    )
    expanded = [value for value, weight in sent for _ in range(weight)]
    assert len(expanded) == len(values)
    for value, original in zip(expanded, sorted(values), strict=True):
        assert value == pytest.approx(original, rel=0.01)
    assert math.fsum(expanded) == pytest.approx(math.fsum(values), rel=0.01)


@given(st.lists(signed_in_range, min_size=1, max_size=60))
def test_values_below_zero_are_as_near(values):
    """Rank by rank."""
    distribution = Distribution.of(values)
    expanded = sorted(
        float(text)
        for exponent, texts in weighted(counted(distribution, NO_UNIT), 0).items()
        for text in texts
        for _ in range(1 << exponent)
    )
    assert len(expanded) == len(values)
    for value, original in zip(expanded, sorted(values), strict=True):
        assert value == pytest.approx(original, rel=0.01, abs=2.0**-29)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("count", [1, 63, 900, 50_000])
def test_a_server_that_goes_by_the_rate_has_count_and_sum(dialect, count):
    values = lognormal(count)
    with Pair(dialect=dialect) as pair:
        lines = pair.read([Timer("t_ms", Distribution.of(values))])
    assert counts(lines) == {("t_ms", ()): count}
    sent = observed(lines, "t_ms")
    assert math.fsum(value * weight for value, weight in sent) == pytest.approx(1000 * math.fsum(values), rel=0.01)


@pytest.mark.parametrize("dialect", ["etsy", "graphite", "signalfx"])
def test_a_server_that_does_not_is_given_the_same_value_again_up_to_a_thousand_times(dialect):
    """So that its sum, mean and percentiles are right as well."""
    with Pair(dialect=dialect) as pair:
        sent = observed(pair.read([Timer("t_ms", Distribution.of(lognormal(1000)))]), "t_ms")
        assert [weight for _, weight in sent] == [1] * 1000
        many = observed(pair.read([Timer("t_ms", Distribution.of(lognormal(30_000)))]), "t_ms")
    assert 500 <= len(many) <= 1000
    assert sum(weight for _, weight in many) == 30_000


def test_more_have_nearly_all_the_same_weight_so_that_the_mean_and_the_median_are_right_without_weights():
    values = lognormal(30_000)
    with Pair(dialect="etsy") as pair:
        sent = [value / 1000 for value, _ in observed(pair.read([Timer("t_ms", Distribution.of(values))]), "t_ms")]
    assert statistics.mean(sent) == pytest.approx(statistics.mean(values), rel=0.02)
    assert statistics.median(sent) == pytest.approx(statistics.median(values), rel=0.02)


@given(st.lists(in_range(2.0**-19, 2.0**30), min_size=1, max_size=60), st.sampled_from([0, 1, 5, 64, 1000]))
def test_values_of_one_weight_have_the_count_exactly_and_the_sum_within_one_percent(values, most):
    sent = evenly_weighted(counted(Distribution.of(values), NO_UNIT), most)
    assert sum(len(texts) << exponent for exponent, texts in sent.items()) == len(values)
    total = math.fsum(float(text) * (1 << exponent) for exponent, texts in sent.items() for text in texts)
    assert total == pytest.approx(math.fsum(values), rel=0.01)
    if most >= 5:
        assert sum(map(len, sent.values())) <= most


def test_how_many_are_repeated_is_a_choice():
    with Pair(repeats=3) as pair:
        assert pair.lines([Histogram("a", Distribution.of([7.0] * 3))]) == ["a:7:7:7|h"]
        assert pair.lines([Histogram("a", Distribution.of([7.0] * 5))]) == ["a:7|h", "a:7:7|h|@0.5"]


def test_a_million_observations_are_a_handful_of_lines():
    """As many as there are powers of two, and what does not fit into one."""
    distribution = Distribution.of(lognormal(1000))
    million = Histogram("a", distribution)
    for _ in range(10):
        million = million.merge(million)
    with Pair() as pair:
        packets = pair.sent([million])
    assert million.count == 1_024_000
    assert len(packets) <= 5


@pytest.mark.parametrize("value", [12.3, 0.1, 1e9, 123_456_789_012, 0, 1 / 3])
def test_one_observation_alone_is_as_it_was_made(value):
    with Pair() as pair:
        assert observed(pair.read([Histogram("a", value)]), "a") == [(value, 1)]


def test_what_no_bucket_measures_leaves_with_its_mean():
    """More than 2**30, as sizes in bytes can be."""
    with Pair() as pair:
        assert observed(pair.read([Histogram("b", Distribution.of([5e9, 7e9]))]), "b") == [(6e9, 1), (6e9, 1)]
        mixed = observed(pair.read([Histogram("b", Distribution.of([10.0, 5e9, 7e9]))]), "b")
        assert [value for value, _ in mixed] == pytest.approx([10, 6e9, 6e9], rel=0.01)


@pytest.mark.parametrize("exponent", range(41))
def test_a_rate_says_exactly_how_many(exponent):
    """To those who divide in floats and cut off, too."""
    text = rate_text(exponent)
    assert 1 / float(text) == 1 << exponent
    assert int(1 / float(text)) == 1 << exponent
    assert set(text) <= set("0123456789.")


@given(st.lists(in_range(), min_size=1, max_size=40), st.integers(64, 200))
def test_no_line_is_longer_than_a_packet_and_no_observation_is_lost_by_it(values, limit):
    for dialect in DIALECTS:
        with Pair(dialect=dialect, packet_size=limit) as pair:
            packets = pair.sent([Histogram("a.b", Distribution.of(values), {"k": "v"})])
            assert all(len(packet) <= limit for packet in packets)
            assert sum(counts(lines_of(packets, dialect)).values()) == len(values)
