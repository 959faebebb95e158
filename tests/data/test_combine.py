"""Combining: one view of what several writers have, by the rule of each definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Combine, Counter, Gauge, Histogram, Kind, MetricDefinition, Snapshot, Timer, combine, fold
from polymeter.registries import AggregatingRegistry
from polymeter.testing.clock import ManualClock
from tests.strategies import CLASSES, FEWER, KINDS, NAME, TAGS, close, magnitude_of, points, same

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
FITTING = [
    (kind, rule) for kind in KINDS for rule in Combine if not kind.is_distribution or rule in {"sum", "per_process"}
]
WRITERS = ["a", "b", "c"]


def defined(kind, rule=None):
    return {NAME: MetricDefinition.of(NAME, kind, combine=rule)}


def parts_of(draw, kind):
    """Give a few points of a few writers."""
    each = st.dictionaries(st.sampled_from(WRITERS), st.lists(points(kind), min_size=1, max_size=3), min_size=1)
    return draw(each)


def reordered(draw, drawn):
    """Give the same metrics of the same writers in another order."""
    return {
        writer: [point.metric() for point in draw(st.permutations(drawn[writer]))]
        for writer in draw(st.permutations(list(drawn)))
    }


@pytest.mark.parametrize(("kind", "rule"), FITTING, ids=lambda part: part.value)
@FEWER
@given(data=st.data())
def test_the_result_does_not_depend_on_any_order(kind, rule, data):
    drawn = parts_of(data.draw, kind)
    one = combine(reordered(data.draw, drawn), defined(kind, rule))
    other = combine(reordered(data.draw, drawn), defined(kind, rule))
    magnitude = magnitude_of(*(point for each in drawn.values() for point in each))
    assert len(one) == len(other)
    for mine, theirs in zip(sorted(one, key=str), sorted(other, key=str), strict=True):
        assert same(mine, theirs, magnitude)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {Kind.GAUGE}), ids=str)
@FEWER
@given(data=st.data())
def test_sums_and_distributions_of_all_writers_are_merged(kind, data):
    drawn = parts_of(data.draw, kind)
    [result] = combine(reordered(data.draw, drawn), {})
    every = [point for each in drawn.values() for point in each]
    [expected] = fold(point.metric() for point in every).values()
    assert same(result, expected, magnitude_of(*every))


@pytest.mark.parametrize(("rule", "pick"), [("max", max), ("min", min)])
@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.GAUGE, Kind.UP_DOWN], ids=str)
@FEWER
@given(data=st.data())
def test_max_and_min_keep_one_writer(kind, rule, pick, data):
    parts = reordered(data.draw, parts_of(data.draw, kind))
    [result] = combine(parts, defined(kind, rule))
    folded = [metric for each in parts.values() for metric in fold(each).values()]
    assert result.value == pick(metric.value for metric in folded)
    assert result in folded


@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.GAUGE, Kind.UP_DOWN], ids=str)
@FEWER
@given(data=st.data())
def test_latest_keeps_the_latest_timestamp_and_of_equals_the_last_writer(kind, data):
    parts = reordered(data.draw, parts_of(data.draw, kind))
    [result] = combine(parts, defined(kind, "latest"))
    folded = {writer: next(iter(fold(each).values())) for writer, each in parts.items()}
    last = max(folded, key=lambda writer: (folded[writer].timestamp, writer))
    assert result == folded[last]


@each_kind
@FEWER
@given(data=st.data())
def test_per_process_keeps_every_writer_apart_under_its_own_tag(kind, data):
    parts = reordered(data.draw, parts_of(data.draw, kind))
    results = combine(parts, defined(kind, "per_process"))
    assert {result.tags["writer"]: result.retagged(TAGS) for result in results} == {
        writer: next(iter(fold(each).values())) for writer, each in parts.items()
    }


@given(values=st.lists(st.one_of(st.integers(-(10**20), 10**20), st.floats(-1e200, 1e200)), min_size=1, max_size=4))
def test_the_sum_of_gauges_is_exact_for_integers_and_compensated_for_floats(values):
    parts = {str(place): [Gauge(NAME, value, start=place, timestamp=10 + place)] for place, value in enumerate(values)}
    [result] = combine(parts, defined("gauge", "sum"))
    assert (result.start, result.timestamp) == (0, 9 + len(values))
    if all(isinstance(value, int) for value in values):
        assert result.value == sum(values)
    else:
        assert close(result.value, math.fsum(values), sum(map(abs, values)))


def test_gauges_are_combined_by_latest_and_everything_else_by_sum_unless_the_definition_says_otherwise():
    parts = {
        "a": [Gauge("level", 1, timestamp=2), Counter("calls", 1)],
        "b": [Gauge("level", 5, timestamp=1), Counter("calls", 2)],
    }
    level, calls = combine(parts, {})
    assert (level.value, calls.value) == (1, 3)
    level, calls = combine(
        parts,
        {
            "level": MetricDefinition.of("level", "gauge", combine="max"),
            "calls": MetricDefinition.of("calls", "counter", combine=Combine.MIN),
        },
    )
    assert (level.value, calls.value) == (5, 1)


def test_a_definition_of_another_kind_says_nothing():
    parts = {"a": [Counter("x", 1)], "b": [Counter("x", 5)]}
    [result] = combine(parts, {"x": MetricDefinition.of("x", "gauge", combine="max")})
    assert result.value == 6


@pytest.mark.parametrize("rule", ["sum", "max", "min", "latest"])
@pytest.mark.parametrize("writer_without", ["a", "z"])
def test_a_gauge_that_was_never_set_hides_none_that_was(rule, writer_without):
    clock = ManualClock()
    set_, unset = AggregatingRegistry(clock=clock), AggregatingRegistry(clock=clock)
    set_.gauge("level", 5)
    clock.advance(10)
    unset.bind("gauge", "level")
    parts = {"m": set_.all(), writer_without: unset.all()}
    [result] = combine(parts, {"level": MetricDefinition.of("level", "gauge", combine=rule)})
    assert result.value == 5


@pytest.mark.parametrize("rule", ["sum", "max", "min", "latest"])
def test_gauges_that_were_all_never_set_stay_so(rule):
    parts = {writer: [Gauge.identity(NAME, TAGS)] for writer in WRITERS}
    [result] = combine(parts, defined("gauge", rule))
    assert math.isnan(result.value)
    assert result.sequence < 0


@each_kind
def test_the_points_of_one_writer_are_folded_first(kind):
    made = CLASSES[kind]
    parts = {"a": [made(NAME, 1), made(NAME, 2)], "b": [made(NAME, 4)]}
    [result] = combine(parts, {})
    expected = {Kind.COUNTER: 7, Kind.UP_DOWN: 7, Kind.GAUGE: 4}
    assert result.count == 3 if kind.is_distribution else result.value == expected[kind]


def test_metrics_come_by_writer_and_then_in_the_order_in_which_they_first_came():
    parts = {"b": [Counter("late", 1), Timer("t", 1)], "a": [Histogram("h", 1), Counter("late", 1)]}
    assert [metric.name for metric in combine(parts, {})] == ["h", "late", "t"]
    assert combine({}, {}) == []
    assert len(Snapshot(combine(parts, {}))) == 3
