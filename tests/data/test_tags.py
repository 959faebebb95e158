"""Tags: an immutable mapping whose identity is its canonical text, in any order."""

from __future__ import annotations

import math
import types
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Tags
from polymeter.errors import InvalidMetricError, InvalidTagsError
from tests.strategies import Colour, Level, any_tags, hostile_text, tag_names, tag_values, twins_of


class Odd(Enum):
    """Enums whose values cannot be tags."""

    PAIR = (1, 2)
    NAN = math.nan


# -- identity


@given(values=any_tags, data=st.data())
def test_equality_and_hash_do_not_depend_on_the_order(values, data):
    shuffled = dict(data.draw(st.permutations(list(values.items()))))
    one, other = Tags(values), Tags(shuffled)
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == str(other)
    assert one == shuffled
    assert shuffled == one


@given(one=any_tags, other=any_tags)
def test_tags_are_equal_exactly_when_their_canonical_texts_are(one, other):
    assert (Tags(one) == Tags(other)) == (Tags(one).canonical == Tags(other).canonical)
    if Tags(one) == Tags(other):
        assert hash(Tags(one)) == hash(Tags(other))


@given(values=any_tags)
def test_the_original_values_come_back(values):
    tags = Tags(values)
    assert tags.to_dict() == values
    assert list(map(type, tags.to_dict().values())) == list(map(type, values.values()))
    assert {key: tags[key] for key in tags} == values
    assert len(tags) == len(values)
    assert all(tags.has(key) and key in tags for key in values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (None, "unknown"),
        (7, "7"),
        (-(10**30), "-1" + "0" * 30),
        (0.1, "0.1"),
        (1.0, "1.0"),
        (1e300, "1e+300"),
        (-0.0, "-0.0"),
        (Colour.RED, "red"),
        (Level.HIGH, "2"),
        ("é", "é"),
        ("\ud800", "?"),
        ("a\udfffb", "a?b"),
    ],
    ids=repr,
)
def test_the_canonical_text_of_each_type(value, text):
    assert Tags({"key": value}).canonical == (("key", text),)


def test_values_of_different_types_are_one_when_their_text_is():
    assert Tags({"n": 1}) == Tags({"n": "1"}) == Tags({"n": Level.LOW})
    assert Tags({"n": True}) == Tags({"n": "true"})
    assert Tags({"n": None}) == Tags({"n": "unknown"})
    assert Tags({"n": 1}) != Tags({"n": 1.0})
    assert Tags({"n": 1}) != Tags({"n": True})


def test_what_is_no_mapping_of_tags_is_not_equal():
    assert Tags({"a": 1}) != [("a", 1)]
    assert Tags({"a": 1}) != {"a": [1]}
    assert Tags({"a": 1}) != {1: "a"}
    assert Tags() == {}


class Text(str):
    """What a library derives from str."""

    __slots__ = ()


class Measured(float):
    """What a numeric library derives from float."""

    def __repr__(self):
        return "Measured"


def test_derived_classes_are_written_like_their_base():
    assert Tags({"a": Text("x"), "b": Measured(0.5)}) == Tags({"a": "x", "b": 0.5})


# -- what is refused


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Odd.NAN], ids=repr)
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(
        InvalidTagsError, match=r"tag 'load' is (nan|inf|-inf): a tag value must be finite, or left out"
    ):
        Tags({"load": value})


@pytest.mark.parametrize("value", [[1], (1,), {"a": 1}, b"x", ..., Decimal(1), 1j, Odd.PAIR], ids=repr)
def test_other_types_are_refused_with_what_would_do(value):
    with pytest.raises(
        InvalidTagsError, match=r"tag 'load' has a value of type \w+: use str, int, float, bool, an enum"
    ):
        Tags({"load": value})


@pytest.mark.parametrize("key", ["", 1, None, b"x", ("a",)], ids=repr)
def test_a_name_has_to_be_a_text(key):
    with pytest.raises(InvalidTagsError, match=r"tag name .* is not a non-empty str"):
        Tags({key: "x"})


@pytest.mark.parametrize("values", ["model", 5, [1, 2], ...], ids=repr)
def test_what_is_no_mapping_is_refused(values):
    for make in (Tags, Tags.of):
        with pytest.raises(InvalidTagsError, match=r"tags .* are not a mapping: use \{name: value\}"):
            make(values)


def test_an_integer_too_long_to_be_written_is_refused():
    with pytest.raises(InvalidTagsError, match=r"tag 'n' is an integer of \d+ bits"):
        Tags({"n": 10**5000})


def test_the_errors_are_errors_of_a_metric_and_of_a_value():
    assert issubclass(InvalidTagsError, InvalidMetricError)
    assert issubclass(InvalidTagsError, ValueError)


# -- making others of them


def test_of_gives_tags_back_as_they_are_and_one_instance_for_none():
    tags = Tags({"a": 1})
    assert Tags.of(tags) is tags
    assert Tags.of(None) is Tags.of({}) is Tags.empty()
    assert Tags.of(types.MappingProxyType({"a": 1})) == tags


@given(values=any_tags, key=tag_names, value=tag_values)
def test_with_sets_one_tag_and_without_takes_it_out(values, key, value):
    tags = Tags(values)
    assert tags.with_(key, value).to_dict() == {**values, key: value}
    assert tags.with_(key, value).without(key).to_dict() == {name: each for name, each in values.items() if name != key}
    assert tags.to_dict() == values


def test_without_ignores_names_that_are_not_there():
    assert Tags({"a": 1, "b": 2}).without("b", "c") == {"a": 1}


@given(one=any_tags, other=any_tags)
def test_of_two_merged_the_other_wins(one, other):
    assert Tags(one).merge(other).to_dict() == {**one, **other}
    assert Tags(one).merge(Tags(other)).to_dict() == {**one, **other}
    assert Tags(one).merge(None) == Tags(one)


@given(one=any_tags, other=any_tags)
def test_what_was_merged_in_is_contained(one, other):
    both = Tags(one).merge(other)
    assert both.contains(other)
    assert both.contains({})
    assert Tags({"a": 1, "b": True}).contains({"b": "true"})
    assert not Tags({"a": 1}).contains({"a": 2})
    assert not Tags({"a": 1}).contains({"b": 1})


def test_a_change_of_what_they_were_made_of_changes_nothing():
    values = {"a": 1}
    tags = Tags(values)
    values["a"] = 2
    tags.to_dict()["a"] = 3
    assert tags == {"a": 1}


def test_they_cannot_be_changed():
    tags = Tags({"a": 1})
    with pytest.raises(TypeError):
        tags["a"] = 2
    with pytest.raises(TypeError):
        del tags["a"]
    with pytest.raises(AttributeError):
        tags.other = 2


@given(values=any_tags)
def test_they_can_be_pickled_and_copied(values):
    tags = Tags(values)
    for twin in twins_of(tags):
        assert twin == tags
        assert twin.to_dict() == values
        assert hash(twin) == hash(tags)


# -- text


def test_the_text_is_sorted_and_quoted():
    assert str(Tags({"b": True, "a": 'x"\\\n'})) == 'a="x\\"\\\\\\n",b="true"'
    assert str(Tags.empty()) == ""
    assert repr(Tags({"a": 1})) == "Tags({'a': 1})"


@given(value=hostile_text)
def test_a_value_never_breaks_the_line(value):
    assert "\n" not in str(Tags({"a": value}))
    str(Tags({"a": value})).encode()
