"""Which events share a series: those whose tags have the same text."""

from __future__ import annotations

import enum

import pytest

from polymeter.collectors import MetricsCollector, measure
from tests.collectors.vocabulary import Mood, TurnFinished


class ByTag(MetricsCollector):
    any = measure.counter("any", on=TurnFinished, tags=("tag",))
    flag = measure.counter("flag", on=TurnFinished, tags=("ok",))
    mood = measure.counter("mood", on=TurnFinished, tags=("mood",))


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


def counts(metrics, name, tag):
    return {each.tags.to_dict()[tag]: each.value for each in metrics.registry.find(name)}


def texts(metrics, name):
    return {str(each.tags): each.value for each in metrics.registry.find(name)}


@pytest.fixture
def dispatch(metrics):
    metrics.collect(ByTag())

    def dispatch(**fields):
        metrics.events.dispatch(TurnFinished(**fields))

    return dispatch


@pytest.mark.parametrize("order", [1, -1])
def test_values_that_are_equal_in_python_are_kept_apart_by_their_text(metrics, dispatch, order):
    """``True``, ``1`` and ``1.0`` are three series; ``1`` and ``"1"`` are one. In whatever order they come."""
    for value in (True, 1, "1", 1.0, Number.ONE, "true", False, 0, 0.0, None, "unknown", Text("1"))[::order] * 2:
        dispatch(tag=value)
    assert texts(metrics, "any") == {
        'tag="true"': 4,
        'tag="1"': 8,
        'tag="1.0"': 2,
        'tag="false"': 2,
        'tag="0"': 2,
        'tag="0.0"': 2,
        'tag="unknown"': 4,
    }


def test_a_flag_reads_true_or_false(metrics, dispatch):
    """Where the field is declared as one, 0 and 1 are meant as such."""
    for value in (True, False, 1, 0, True):
        dispatch(ok=value)
    assert texts(metrics, "flag") == {'ok="true"': 3, 'ok="false"': 2}


def test_a_tag_of_none_reads_unknown(metrics, dispatch):
    """So that it can be asked for."""
    dispatch(tag=None)
    assert metrics.registry.total("any", {"tag": "unknown"}) == 1
    assert metrics.registry.total("any", {"tag": None}) == 1


def test_an_enum_reads_as_its_value(metrics, dispatch):
    """Its name is the program's own affair."""
    dispatch(mood=Mood.GOOD)
    assert texts(metrics, "mood") == {'mood="good"': 1}


def test_a_value_that_cannot_be_a_tag_is_counted(metrics, dispatch):
    """Under the metric, and nowhere else."""
    for value in (float("nan"), float("inf"), object(), ("a", "tuple")):
        dispatch(tag=value)
    assert metrics.registry.find("any") == []
    assert metrics.registry.total("flag") == 4
    assert dict(metrics.registry.health().invalid_by) == {("any", "tags"): 4}


def test_zero_is_zero_whatever_its_sign(metrics, dispatch):
    """By the verb and by a declaration alike."""
    for value in (0.0, -0.0):
        dispatch(tag=value)
        metrics.registry.counter("by verb", {"tag": value})
    assert len(metrics.registry.find("any")) == len(metrics.registry.find("by verb"))
