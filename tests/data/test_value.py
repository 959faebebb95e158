"""Values: equal by their parts, shown by their parts; those that are immutable are never changed."""

from __future__ import annotations

import pytest

from polymeter.data import Distribution, Kind, MetricDefinition
from polymeter.data.bucket_array import Buckets
from polymeter.data.sums import Sum
from polymeter.data.units import Unit
from polymeter.data.value import Immutable
from tests.strategies import twins_of

PAIRS = {
    Sum: (Sum(1, 0.5, 0.25), Sum(1, 0.5)),
    Unit: (Unit("ms", "s", 1, 1000), Unit("ms", "s")),
    Buckets: (Buckets(3, b"\x01\x02"), Buckets(3, b"\x01")),
    MetricDefinition: (MetricDefinition("wait", Kind.TIMER, unit="s"), MetricDefinition("wait", Kind.TIMER)),
    Distribution: (Distribution.of([1, 2]), Distribution.of([1, 3])),
}
"""Of each class two that differ in one part."""

each_class = pytest.mark.parametrize(("value", "other"), PAIRS.values(), ids=[each.__name__ for each in PAIRS])


@each_class
def test_it_equals_one_of_its_class_with_the_same_parts(value, other):
    twin = value.replaced()
    assert twin is not value
    assert value == twin
    assert hash(value) == hash(twin)
    assert value != other
    assert value != tuple(getattr(value, name) for name in value.__match_args__)


IMMUTABLE = [pair for each, pair in PAIRS.items() if issubclass(each, Immutable)]


@pytest.mark.parametrize(("value", "other"), IMMUTABLE, ids=lambda each: type(each).__name__)
def test_one_that_is_immutable_cannot_be_changed(value, other):
    before = repr(value)
    for name in value.__match_args__:
        with pytest.raises(AttributeError, match=rf"a {type(value).__name__} is immutable: '{name}' cannot be set"):
            setattr(value, name, getattr(other, name))
        with pytest.raises(AttributeError, match="cannot be deleted"):
            delattr(value, name)
    with pytest.raises(AttributeError):
        value.something_else = 1
    assert repr(value) == before


@each_class
def test_it_can_be_pickled_and_copied(value, other):
    for twin in twins_of(value):
        assert twin == value
        assert repr(twin) == repr(value)


def test_it_shows_its_parts_in_the_order_in_which_they_are_given():
    assert repr(Sum(1, 0.5)) == "Sum(integers=1, floats=0.5, lost=0.0)"
    assert repr(Unit("s", "s")) == "Unit(symbol='s', base='s', numerator=1, denominator=1)"


def test_a_part_can_be_replaced():
    assert Sum(1, 0.5).replaced(floats=2.5) == Sum(1, 2.5)
    with pytest.raises(TypeError):
        Sum(1).replaced(nothing=2)


def test_values_of_two_classes_are_not_equal_whatever_their_parts():
    class Other(Sum):
        __slots__ = ()

    assert Sum(1) != Other(1)
    assert Other(1) == Other(1)


def test_it_can_be_matched_by_its_parts():
    match Sum(1, 0.5):
        case Sum(integers, floats, lost):
            assert (integers, floats, lost) == (1, 0.5, 0.0)
