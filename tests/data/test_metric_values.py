"""The five kinds as values: what they hold, refuse and say about themselves."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Gauge, Histogram, Kind, Metric, Timer, UpDownCounter
from polymeter.data.sums import Sum
from polymeter.errors import DefinitionError, InvalidMetricError, InvalidTagsError
from tests.strategies import CLASSES, KINDS, NEGATIVE, Colour, Level, points, twins_of

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


# -- what they hold


@each_kind
def test_of_one_value_the_value_is_that_value(kind):
    metric = CLASSES[kind]("wait_ms", 12.3, {"model": "a"})
    assert metric.value == 12.3
    assert (metric.kind, metric.name, metric.tags) == metric.key == (kind, "wait_ms", {"model": "a"})
    assert (metric.start, metric.timestamp, metric.unit.symbol) == (0, 0, "ms")


@each_kind
def test_without_a_value_it_is_zero_or_nothing(kind):
    value = CLASSES[kind]("x").value
    assert value == 0 if kind in {Kind.COUNTER, Kind.UP_DOWN} else math.isnan(value)


def test_a_timer_reads_in_milliseconds_and_seconds_whatever_its_unit():
    timer = Timer("wait_seconds", 0.5).merge(Timer("wait_seconds", 1.5))
    assert (timer.value, timer.mean_ms, timer.duration_ms) == (1000, 1000, 1000)
    assert (timer.mean, timer.duration_seconds) == (1, 1)
    assert (timer.sum, timer.total_ms, timer.min, timer.max_ms, timer.min_ms) == (2, 2000, 0.5, 1500, 500)
    assert timer.quantile(1) == 1.5
    assert timer.quantile_ms(0) == 500
    assert timer.count == 2


def test_a_histogram_reads_in_its_own_unit_and_keeps_base_units():
    size = Histogram("body_kilobytes", 1.5)
    assert (size.value, size.sum, size.mean, size.min, size.max, size.quantile(0.5)) == (1.5,) * 6
    assert size.distribution.sum == 1500


def test_a_distribution_comes_in_base_units():
    assert Timer("wait_ms", Distribution.of([0.25])).value == 250
    assert Histogram("body_kilobytes", Distribution.of([500])).value == 0.5


def test_a_counter_of_integers_is_an_integer():
    assert isinstance(Counter("x", 5).merge(Counter("x", 2)).value, int)
    assert Counter("x", 5).merge(Counter("x", 0.5)).value == 5.5
    assert Counter("x", Sum(5, 0.25)).value == 5.25


# -- what they refuse


@each_kind
@pytest.mark.parametrize("value", ["5", None, True, [1], 1j, ...], ids=repr)
def test_what_is_no_number_is_refused(kind, value):
    with pytest.raises(InvalidMetricError, match=r"metric 'x': .* is not an int or a float"):
        CLASSES[kind]("x", value)


@each_kind
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, 10**400, -(10**5000)], ids=["inf", "-inf", "large", "very large"]
)
def test_what_is_not_finite_is_refused(kind, value):
    with pytest.raises(InvalidMetricError, match=r"metric 'x': .* is not a finite number"):
        CLASSES[kind]("x", value)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {Kind.GAUGE}), ids=str)
def test_nan_is_refused_but_by_a_gauge_where_it_stands_for_no_reading(kind):
    with pytest.raises(InvalidMetricError, match=r"metric 'x': nan is not a finite number"):
        CLASSES[kind]("x", math.nan)
    assert math.isnan(Gauge("x", math.nan).value)


@each_kind
@pytest.mark.parametrize("value", [-1, -0.5, -1e-300])
def test_a_negative_is_refused_by_counters_and_timers_alone(kind, value):
    if kind in NEGATIVE:
        assert CLASSES[kind]("x", value).value == value
        return
    with pytest.raises(InvalidMetricError, match=rf"metric 'x': {value} is negative"):
        CLASSES[kind]("x", value)


def test_a_timer_refuses_a_distribution_with_negative_durations():
    with pytest.raises(InvalidMetricError, match=r"metric 'wait': -1 is negative"):
        Timer("wait", Distribution.of([-1, 5]))


@each_kind
@pytest.mark.parametrize("name", ["", None, 5, b"x"], ids=repr)
def test_a_name_has_to_be_a_text(kind, name):
    with pytest.raises(InvalidMetricError, match=r"metric name .* is not a non-empty str"):
        CLASSES[kind](name, 1)


@each_kind
def test_bad_tags_are_refused(kind):
    with pytest.raises(InvalidTagsError, match="tag 'a' is nan"):
        CLASSES[kind]("x", 1, {"a": math.nan})


def test_a_duration_that_seconds_cannot_hold_is_refused():
    for value in (1e306, 10**306):
        with pytest.raises(InvalidMetricError, match="finite numbers only"):
            Timer("x_hours", value)


def test_a_timer_that_does_not_measure_time_is_refused():
    with pytest.raises(DefinitionError, match="timer 'x' cannot have the unit 'bytes'"):
        Timer("x", 1, unit="bytes")


class Measured(float):
    """What a numeric library derives from float, and writes in its own way."""

    def __repr__(self):
        return "Measured"


@each_kind
@pytest.mark.parametrize("value", [Measured(2.5), Level.HIGH], ids=["float", "int"])
def test_numbers_of_derived_classes_become_plain_ones(kind, value):
    metric = CLASSES[kind]("x", value)
    assert type(metric.value) in {int, float}
    assert metric.value == value
    assert "Measured" not in str(metric)


# -- identity


@each_kind
@given(data=st.data())
def test_equal_metrics_have_equal_hashes(kind, data):
    drawn = data.draw(points(kind))
    one, other = drawn.metric(), drawn.metric()
    assert one == other
    assert hash(one) == hash(other)
    assert one != data.draw(points(kind)).metric().retagged({"other": 1})


@each_kind
def test_kind_name_tags_unit_value_and_times_tell_metrics_apart(kind):
    made = CLASSES[kind]
    metric = made("x", 1, {"a": 1})
    others = [
        made("y", 1, {"a": 1}),
        made("x", 1, {"a": 2}),
        made("x", 2, {"a": 1}),
        made("x", 1, {"a": 1}, start=1),
        made("x", 1, {"a": 1}, timestamp=1),
        made("x", 1, {"a": 1}, unit="s"),
        *(other("x", 1, {"a": 1}) for other in CLASSES.values() if other is not made),
    ]
    assert all(metric != other for other in others)
    assert metric != 1
    assert metric == made("x", 1, {"a": "1"})


@each_kind
def test_retagging_changes_the_tags_alone(kind):
    made = CLASSES[kind]
    metric = made("x_ms", 5, {"a": 1}, start=1, timestamp=2)
    assert metric.retagged({"b": 2}) == made("x_ms", 5, {"b": 2}, start=1, timestamp=2)
    assert metric.retagged(None).tags == {}


# -- immutability


@each_kind
def test_a_metric_cannot_be_changed(kind):
    metric = CLASSES[kind]("x", 1)
    for name in ("name", "tags", "start", "timestamp", "unit", "value", "total", "sequence", "_distribution", "other"):
        with pytest.raises(AttributeError, match=rf"a {type(metric).__name__} is immutable: '{name}' cannot be set"):
            setattr(metric, name, 5)
        with pytest.raises(AttributeError, match=f"'{name}' cannot be deleted"):
            delattr(metric, name)
    assert metric == CLASSES[kind]("x", 1)
    assert not hasattr(metric, "__dict__")


def test_a_distribution_cannot_be_changed():
    distribution = Distribution.of([1, 2])
    with pytest.raises(AttributeError):
        distribution.count = 5
    with pytest.raises(TypeError):
        distribution.positive.counts[0] = 9


@each_kind
@given(data=st.data())
def test_a_metric_can_be_pickled_and_copied(kind, data):
    metric = data.draw(points(kind, bounds=True)).metric()
    for twin in twins_of(metric):
        assert twin == metric
        assert hash(twin) == hash(metric)
        assert twin.merge(metric).key == metric.key
        with pytest.raises(AttributeError, match="immutable"):
            twin.start = 5


# -- what they say


def test_the_text_is_name_tags_and_value():
    assert str(Counter("calls", 5, {"b": True, "a": 'x"'})) == 'calls{a="x\\"",b="true"} 5'
    assert str(Gauge("level", 0.5)) == "level 0.5"
    assert repr(Timer("wait_ms", 12.3)) == "<Timer wait_ms 12.3>"


@pytest.mark.parametrize("metric_class", CLASSES.values(), ids=lambda each: each.__name__)
def test_plain_values_can_be_written_as_json(metric_class):
    metric = metric_class("wait_ms", 5, {"c": Colour.RED, "l": Level.LOW, "n": None, "t": True}, start=1, timestamp=2.5)
    plain = json.loads(json.dumps(metric.to_dict()))
    assert plain["kind"] == metric.kind.value
    assert plain["tags"] == {"c": "red", "l": 1, "n": None, "t": True}
    assert {key: plain[key] for key in ("name", "unit", "value", "start", "timestamp")} == {
        "name": "wait_ms",
        "unit": "ms",
        "value": 5,
        "start": 1,
        "timestamp": 2.5,
    }
    if metric.kind.is_distribution:
        assert {key: plain[key] for key in ("count", "sum", "mean", "min", "max", "p50", "p90", "p99")} == {
            "count": 1,
            **dict.fromkeys(("sum", "mean", "min", "max", "p50", "p90", "p99"), 5),
        }


def test_the_kinds_are_texts_and_two_of_them_hold_distributions():
    assert [str(kind) for kind in KINDS] == ["counter", "gauge", "up_down", "histogram", "timer"]
    assert [kind for kind in KINDS if kind.is_distribution] == ["histogram", "timer"]
    assert all(isinstance(made("x"), Metric) for made in (Counter, UpDownCounter, Gauge, Histogram, Timer))
