"""Exemplars: a few measurements that say where they came from, however many there were."""

from __future__ import annotations

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Exemplar, Gauge, Histogram, Kind, Metric, Snapshot, Timer, UpDownCounter, combine
from polymeter.data.buckets import PER_DOUBLING, bucket_of
from polymeter.data.exemplar import WITH_EXEMPLARS, chosen, place_of, rank_of
from polymeter.errors import InvalidMetricError, InvalidTagsError
from tests.strategies import CLASSES, KINDS, exemplars, in_range, points, twins_of

MOST = 125
"""So many exemplars a distribution can have, as its documents say."""

each_kind_with = pytest.mark.parametrize("kind", sorted(WITH_EXEMPLARS), ids=str)
any_magnitude = st.one_of(in_range(), st.floats(5e-324, 1e308))


def made(value=1.0, at=0.0, **labels):
    return Exemplar(labels or {"trace_id": "a"}, value, at)


# -- one of them


def test_an_exemplar_holds_labels_value_and_time():
    exemplar = Exemplar({"trace_id": "4bf9", "shard": 3}, 0.25, 1_700_000_000.5)
    assert exemplar.labels == {"trace_id": "4bf9", "shard": 3}
    assert (exemplar.value, exemplar.at) == (0.25, 1_700_000_000.5)
    with pytest.raises(AttributeError, match="immutable"):
        exemplar.value = 5


@given(exemplar=exemplars)
def test_an_exemplar_is_equal_to_its_twins(exemplar):
    for twin in [*twins_of(exemplar), exemplar.replaced()]:
        assert (twin, hash(twin)) == (exemplar, hash(exemplar))
    assert exemplar.replaced(at=exemplar.at + 1) != exemplar


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, "1", None, True, 10**400], ids=repr)
def test_what_is_no_finite_number_cannot_be_its_value_or_time(number):
    with pytest.raises(InvalidMetricError, match=r"value is .*not a finite number"):
        Exemplar({}, number, 0)
    with pytest.raises(InvalidMetricError, match=r"at is .*not a finite number"):
        Exemplar({}, 0, number)


def test_labels_that_are_no_tags_are_refused():
    with pytest.raises(InvalidTagsError):
        Exemplar({"trace_id": object()}, 1, 0)


def test_labels_may_take_128_characters_together():
    assert Exemplar({"trace_id": "é" * 60, "span_id": "x" * 53}, 1, 0).labels.has("span_id")
    with pytest.raises(InvalidMetricError, match=r"\['span_id', 'trace_id'\] take 129 characters.*keep an id"):
        Exemplar({"trace_id": "é" * 60, "span_id": "x" * 54}, 1, 0)


# -- which are kept


@given(magnitude=any_magnitude)
def test_a_place_holds_whole_buckets_of_a_distribution(magnitude):
    """One octave each; those outside of the buckets' range stand with the outermost."""
    octave = min(max(bucket_of(magnitude) // PER_DOUBLING, -31), 30)
    assert place_of(Kind.TIMER, magnitude) == octave + 32
    assert place_of(Kind.HISTOGRAM, -magnitude) == -(octave + 32)
    assert place_of(Kind.COUNTER, magnitude) == 0


@given(values=st.lists(st.one_of(any_magnitude, any_magnitude.map(lambda value: -value), st.just(0.0)), min_size=2))
def test_places_ascend_with_the_values(values):
    places = [place_of(Kind.HISTOGRAM, value) for value in sorted(values)]
    assert places == sorted(places)


def test_however_many_are_given_a_distribution_keeps_125_and_a_counter_one():
    many = [made(sign * 2.0**power, at) for at, power in enumerate(range(-1000, 1000)) for sign in (1, -1)]
    many.append(made(0.0))
    assert len(Histogram("h", exemplars=many).exemplars) == MOST
    assert Counter("c", exemplars=many).exemplars == (made(2.0**999, 1999),)


@each_kind_with
@given(given=st.lists(exemplars, max_size=12))
def test_of_each_place_the_latest_is_kept_in_ascending_order(kind, given):
    kept = CLASSES[kind]("x", exemplars=given).exemplars
    places = [place_of(kind, each.value) for each in kept]
    assert places == sorted({place_of(kind, each.value) for each in given})
    for place, each in zip(places, kept, strict=True):
        rivals = [rival for rival in given if place_of(kind, rival.value) == place]
        assert rank_of(each) == max(map(rank_of, rivals))
        assert each in rivals


@each_kind_with
@given(parts=st.lists(st.lists(exemplars, max_size=4), min_size=1, max_size=5), data=st.data())
def test_any_split_in_any_order_keeps_the_same(kind, parts, data):
    at_once = chosen(kind, [each for part in parts for each in part])
    metrics = [CLASSES[kind]("x", exemplars=part) for part in data.draw(st.permutations(parts))]
    assert functools.reduce(Metric.merge, metrics).exemplars == at_once
    assert functools.reduce(Metric.merge, [*metrics, *metrics]).exemplars == at_once


# -- in metrics


def test_without_any_a_metric_has_none():
    for kind in KINDS:
        assert CLASSES[kind]("x", 1).exemplars == ()
        assert "exemplars" not in CLASSES[kind]("x", 1).to_dict()


@pytest.mark.parametrize("level", [Gauge("g", 1), UpDownCounter("u", 1)], ids=str)
def test_a_level_has_none(level):
    with pytest.raises(InvalidMetricError, match=f"{level.kind} has no exemplars"):
        level.with_exemplars([made()])


def test_an_up_down_counter_cannot_be_made_with_one():
    with pytest.raises(InvalidMetricError, match="up_down has no exemplars"):
        UpDownCounter("u", 1, exemplars=[made()])


def test_what_is_no_exemplar_is_refused():
    with pytest.raises(InvalidMetricError, match=r"use Exemplar\(labels, value, at\)"):
        Counter("c", 1, exemplars=[{"trace_id": "a"}])


def test_they_may_come_from_any_iterable():
    assert Counter("c", 1, exemplars=(made(at=at) for at in (1, 3, 2))).exemplars == (made(at=3),)


def test_more_can_be_added_to_a_value_that_stays_as_it_was():
    timer = Timer("t", 5, exemplars=[made(0.005)])
    assert timer.with_exemplars([made(0.1)]).exemplars == (made(0.005), made(0.1))
    assert timer.exemplars == (made(0.005),)


@each_kind_with
@given(data=st.data())
def test_they_are_a_part_of_the_value(kind, data):
    point = data.draw(points(kind))
    metric = point.metric()
    for twin in twins_of(metric):
        assert twin == metric
        assert twin.exemplars == metric.exemplars
    other = metric.with_exemplars([made(at=3e9)])
    assert other != metric
    assert other.key == metric.key


@each_kind_with
@given(data=st.data())
def test_they_stay_under_other_tags(kind, data):
    metric = data.draw(points(kind)).metric()
    assert metric.retagged({"other": 1}).exemplars == metric.exemplars


@each_kind_with
@given(data=st.data())
def test_what_came_since_has_those_that_were_not_there_before(kind, data):
    before = data.draw(points(kind)).metric()
    after = before.merge(data.draw(points(kind)).metric())
    since = after.since(before)
    assert set(since.exemplars) == set(after.exemplars) - set(before.exemplars)
    assert before.merge(since).exemplars == after.exemplars


def test_a_difference_of_snapshots_gives_each_once():
    first = Counter("c", 1, timestamp=1, exemplars=[made(at=1)])
    second = Counter("c", 2, timestamp=2, exemplars=[made(at=2)])
    assert [each.exemplars for each in Snapshot([second]).since(Snapshot([first]))] == [(made(at=2),)]
    assert [each.exemplars for each in Snapshot([second]).since(Snapshot([second]))] == [()]


def test_those_of_several_writers_are_chosen_from_together():
    mine, theirs = Timer("t", 5, exemplars=[made(0.005, 1)]), Timer("t", 5, exemplars=[made(0.005, 2), made(1.0)])
    [timer] = combine({"a": [mine], "b": [theirs]}, {})
    assert timer.exemplars == (made(0.005, 2), made(1.0))


def test_as_plain_values_they_are_in_the_unit_of_the_metric():
    assert Timer("wait_ms", 250, exemplars=[made(0.25, 5, trace_id="a", ok=True)]).to_dict()["exemplars"] == [
        {"labels": {"trace_id": "a", "ok": True}, "value": 250, "at": 5}
    ]
