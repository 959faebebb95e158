"""Merging is one algebra for all five kinds: associative, commutative, with an identity."""

from __future__ import annotations

import functools
import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Gauge, Histogram, Kind, Metric, Timer, UpDownCounter, fold
from polymeter.data.sums import Sum
from polymeter.errors import InvalidMetricError
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.testing.clock import ManualClock
from tests.strategies import (
    CLASSES,
    FEWER,
    KINDS,
    NAME,
    NEGATIVE,
    TAGS,
    close,
    magnitude_of,
    points,
    same,
    same_content,
    values_of,
)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def merged(metrics):
    return functools.reduce(Metric.merge, metrics)


def record(registry, kind, value):
    if kind is Kind.COUNTER:
        registry.counter(NAME, None, value)
    else:
        getattr(registry, kind.value)(NAME, value)


@each_kind
@given(data=st.data())
def test_merging_is_associative(kind, data):
    parts = [data.draw(points(kind)) for _ in range(3)]
    a, b, c = (part.metric() for part in parts)
    assert same(a.merge(b).merge(c), a.merge(b.merge(c)), magnitude_of(*parts))


@each_kind
@given(data=st.data())
def test_merging_is_commutative(kind, data):
    parts = [data.draw(points(kind)) for _ in range(2)]
    a, b = (part.metric() for part in parts)
    assert same(a.merge(b), b.merge(a), magnitude_of(*parts))


@each_kind
@given(data=st.data())
def test_merging_with_the_identity_changes_nothing(kind, data):
    metric = data.draw(points(kind)).metric()
    identity = CLASSES[kind].identity(NAME, TAGS)
    assert metric.merge(identity) == metric
    assert identity.merge(metric) == metric
    assert hash(identity.merge(metric)) == hash(metric)
    assert identity.merge(identity) == identity


@each_kind
@given(data=st.data())
def test_the_earlier_start_and_the_later_timestamp_stay(kind, data):
    a, b = (data.draw(points(kind)).metric() for _ in range(2))
    both = a.merge(b)
    assert both.start == min(a.start, b.start)
    assert both.timestamp == max(a.timestamp, b.timestamp)


@each_kind
@FEWER
@given(data=st.data())
def test_every_partition_in_every_order_merges_to_the_same(kind, data):
    parts = data.draw(st.lists(points(kind), min_size=1, max_size=8))
    whole = merged(part.metric() for part in parts)
    shuffled = data.draw(st.permutations(parts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(parts)), max_size=3)) | {0, len(parts)})
    groups = [shuffled[start:end] for start, end in itertools.pairwise(cuts) if start < end]
    assert same(merged(merged(part.metric() for part in group) for group in groups), whole, magnitude_of(*parts))


@pytest.mark.parametrize("kind", [Kind.HISTOGRAM, Kind.TIMER], ids=str)
@given(data=st.data())
def test_merged_distributions_are_the_distribution_of_all_values(kind, data):
    parts = data.draw(st.lists(points(kind), min_size=1, max_size=8))
    at_once = Distribution.of([value for part in parts for value in part.values])
    assert same_content(merged(part.metric() for part in parts).distribution, at_once, magnitude_of(*parts))


@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.UP_DOWN], ids=str)
@given(data=st.data())
def test_sums_are_exact_for_integers_and_compensated_for_floats(kind, data):
    parts = data.draw(st.lists(points(kind), min_size=1, max_size=8))
    values = [part.values[0] for part in parts]
    total = merged(part.metric() for part in parts).total
    assert total.integers == sum(value for value in values if isinstance(value, int))
    floats = [value for value in values if isinstance(value, float)]
    assert close(total.floats + total.lost, math.fsum(floats), magnitude_of(*parts))


@each_kind
@FEWER
@given(data=st.data())
def test_a_registry_a_fold_of_points_and_a_merge_agree(kind, data):
    values = data.draw(st.lists(values_of(kind), min_size=1, max_size=20))
    made = CLASSES[kind]
    clock = ManualClock()
    now = clock.wall()
    by_hand = merged(
        made(NAME, value, start=now, timestamp=now, **({"sequence": place} if kind is Kind.GAUGE else {}))
        for place, value in enumerate(values)
    )
    scale = 1e-3 if kind is Kind.TIMER else 1.0
    magnitude = sum(abs(value) * scale for value in values)
    for registry in (AggregatingRegistry(clock=clock), InMemoryRegistry(max_points=3, clock=clock)):
        for value in values:
            record(registry, kind, value)
        [recorded] = registry.snapshot().by_name(NAME)
        if kind is Kind.GAUGE:  # which numbers the sequence has is up to the registry
            assert (recorded.value, recorded.start, recorded.timestamp) == (by_hand.value, now, now)
        else:
            assert same(recorded, by_hand, magnitude)


@each_kind
@FEWER
@given(data=st.data())
def test_folding_in_any_order_gives_one_metric_per_identity(kind, data):
    parts = data.draw(st.lists(points(kind), min_size=1, max_size=6))
    metrics = [part.metric() for part in parts]
    other = [metric.retagged({"model": "b"}) for metric in metrics]
    folded = fold(data.draw(st.permutations([*metrics, *other])))
    assert set(folded) == {metrics[0].key, other[0].key}
    assert same(folded[metrics[0].key], merged(metrics), magnitude_of(*parts))
    assert same(folded[other[0].key], merged(other), magnitude_of(*parts))


def test_folding_keeps_the_order_in_which_each_first_came():
    a, b = Counter("a", 1), Counter("b", 1)
    assert [metric.name for metric in fold([b, a, b, a]).values()] == ["b", "a"]
    assert fold([]) == {}


@given(data=st.data())
def test_of_gauges_the_latest_stays_and_of_equally_late_ones_the_last_in_sequence(data):
    readings = data.draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(-5, 5)),
            min_size=1,
            max_size=8,
            unique_by=lambda reading: reading[:2],
        )
    )
    gauges = [Gauge(NAME, value, timestamp=at, sequence=place) for at, place, value in readings]
    last = merged(data.draw(st.permutations(gauges)))
    assert (last.timestamp, last.sequence, last.value) == max(readings)


def test_of_gauges_with_one_place_the_larger_stays_whichever_comes_first():
    a, b, none = Gauge(NAME, 1), Gauge(NAME, 2), Gauge(NAME)
    assert a.merge(b).value == b.merge(a).value == 2
    assert none.merge(a) == a.merge(none) == a


HUGE = 100_000


def huge(seed, signs):
    rng = random.Random(seed)
    return [rng.choice(signs) * rng.lognormvariate(0, 3) for _ in range(HUGE)]


def in_groups(values, pieces):
    rng = random.Random(pieces)
    groups = [[] for _ in range(pieces)]
    for value in values:
        groups[rng.randrange(pieces)].append(value)
    return groups


@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.UP_DOWN], ids=str)
def test_a_hundred_thousand_floats_however_split_add_up_within_the_promise(kind):
    values = huge(1, (-1, 1) if kind in NEGATIVE else (1,))
    made = CLASSES[kind]
    series = AggregatingRegistry().bind(kind, "x")
    for value in values:
        series.add(value)
    results = [series.freeze(), made("x", functools.reduce(Sum.plus, map(Sum.of, values)))]
    results += [merged(made("x", Sum.of_all(group)) for group in in_groups(values, pieces)) for pieces in (3, 1000)]
    for result in results:
        assert close(result.value, math.fsum(values), math.fsum(map(abs, values)))


@pytest.mark.parametrize("kind", [Kind.HISTOGRAM, Kind.TIMER], ids=str)
def test_a_hundred_thousand_observations_however_split_are_one_distribution(kind):
    values = huge(2, (-1, 1) if kind in NEGATIVE else (1,))
    series = AggregatingRegistry().bind(kind, "x_seconds")
    for value in values:
        series.record(value)
    at_once = Distribution.of(values)
    results = [series.distribution]
    results += [functools.reduce(Distribution.merge, map(Distribution.of, in_groups(values, n))) for n in (3, 300)]
    for result in results:
        assert same_content(result, at_once, math.fsum(map(abs, values)))
    assert (at_once.count, at_once.min, at_once.max) == (HUGE, min(values), max(values))


def test_a_hundred_thousand_integers_add_up_exactly_however_large():
    values = [10**18 + number for number in range(HUGE)]
    registry = AggregatingRegistry()
    for value in values:
        registry.counter("bytes", None, value)
        registry.histogram("sizes", value)
    assert registry.get("bytes").value == registry.get("sizes").sum == sum(values)


@pytest.mark.parametrize(
    "other",
    [
        Counter("other", 1, {"a": 1}),
        Counter("n", 1, {"a": 2}),
        Counter("n", 1, {"a": 1}, unit="bytes"),
        UpDownCounter("n", 1, {"a": 1}),
    ],
    ids=["name", "tags", "unit", "kind"],
)
def test_what_is_not_the_same_series_cannot_be_merged(other):
    metric = Counter("n", 1, {"a": 1})
    with pytest.raises(InvalidMetricError, match=r'cannot merge .*n\{a="1"\} 1 .*with'):
        metric.merge(other)
    with pytest.raises(InvalidMetricError):
        fold([metric, Counter("n", 1, {"a": 1}, unit="bytes")])


def test_a_merge_leaves_both_sides_as_they_were():
    a, b = Timer("t", 5), Timer("t", 7)
    assert a.merge(b).count == 2
    assert (a, b) == (Timer("t", 5), Timer("t", 7))
    assert Histogram("h", 5) != Timer("h", 5)
