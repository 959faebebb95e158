"""A declaration that cannot work is an error when the class is made, with a sentence that helps."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

import pytest

from polymeter.collectors import MetricsCollector, measure
from polymeter.errors import DefinitionError
from polymeter.events import Event
from tests.collectors.vocabulary import Bill, TurnFinished, Untyped

if TYPE_CHECKING:
    from somewhere import Unimportable


class OnlyForCheckers(Event):
    """Its annotations cannot be resolved when the program runs."""

    result: Unimportable
    model: str


class Slotted:
    __slots__ = ("model",)


Pair = namedtuple("Pair", ["model", "level"])  # noqa: PYI024 - that kind is meant


def test_an_unknown_field_is_refused_when_the_class_is_made():
    """Long before the first event."""
    with pytest.raises(DefinitionError, match=r"measure.counter\('turns'\): TurnFinished has no field 'modle'"):

        class _Collector(MetricsCollector):
            turns = measure.counter("turns", on=TurnFinished, tags=("modle",))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("modle", r"TurnFinished has no field 'modle' \(TurnFinished has no 'modle'\); did you mean 'model'"),
        ("duration", r"did you mean 'duration_ms'\?"),
        ("bill.token", r"no field 'bill.token' \(Bill has no 'token'\); did you mean 'tokens'\?"),
        ("bill.cost.currancy", r"\(Cost has no 'currancy'\); did you mean 'currency'\?"),
        ("zzz", r"TurnFinished has no 'zzz'\); it has at, bill, duration_ms, level, model, mood, ok, seconds, tag,"),
    ],
)
@pytest.mark.parametrize("place", ["value", "tags", "named tags"])
def test_the_message_names_the_field_and_what_is_near(source, complaint, place):
    """As a value, a tag, or a tag under another name."""
    said = {"value": source} if place == "value" else {"tags": (source,) if place == "tags" else {"tag": source}}
    with pytest.raises(DefinitionError, match=complaint):
        measure.counter("turns", on=TurnFinished, **said)


@pytest.mark.parametrize(
    "source", ["at", "seconds", "bill.doubled", "bill.cost.amount", "tag.whatever", "mood.value", "mood.name"]
)
def test_fields_properties_and_paths_through_optional_are_known(source):
    """Inherited ones too; where a type says nothing, anything goes."""
    assert measure.counter("turns", on=TurnFinished, value=source).value == source


@pytest.mark.parametrize("event_type", [Untyped, type("Empty", (), {}), object])
def test_an_event_class_that_declares_nothing_is_taken_at_its_word(metrics, event_type):
    """Whatever methods it has."""
    metrics.collect(
        type(
            "Collector",
            (MetricsCollector,),
            {"turns": measure.timer("turns", on=event_type, value="duration_ms", tags=("model",))},
        )()
    )
    metrics.events.dispatch(Untyped())
    metrics.events.dispatch(event_type())
    if event_type is Untyped:
        assert metrics.registry.get("turns", {"model": "m"}).count == 2


@pytest.mark.parametrize("event_type", [OnlyForCheckers, Slotted, Pair])
def test_fields_are_known_however_they_are_declared(event_type):
    """By annotations for type checkers only, slots, or a named tuple."""
    measure.counter("turns", on=event_type, tags=("model",))
    with pytest.raises(DefinitionError, match="did you mean 'model'"):
        measure.counter("turns", on=event_type, tags=("modle",))


@pytest.mark.parametrize("source", ["", ".", "model.", "model name", "model()", "1st", "class", "a;b", 5, None, b"x"])
def test_what_is_no_path_is_refused(source):
    """Neither code nor punctuation, nor another type."""
    with pytest.raises(DefinitionError, match="is neither a field path nor a callable"):
        measure.counter("turns", on=Untyped, tags={"tag": source})


def test_a_value_has_to_be_a_path_or_a_callable():
    """A plain number is a natural mistake."""
    with pytest.raises(DefinitionError, match="1 is neither a field path nor a callable"):
        measure.up_down("turns", on=TurnFinished, value=1)


def test_one_tag_needs_its_comma():
    """Else its letters would be the tags."""
    with pytest.raises(DefinitionError, match=r"tags='model' is one str; for one tag write tags=\('model',\)"):
        measure.counter("turns", on=TurnFinished, tags="model")


def test_when_has_to_be_callable():
    """The name of a field is a natural mistake."""
    with pytest.raises(DefinitionError, match="when='ok' is not callable; it takes the event"):
        measure.counter("turns", on=TurnFinished, when="ok")


@pytest.mark.parametrize("on", ["TurnFinished", TurnFinished(), None], ids=repr)
def test_on_has_to_be_a_class(on):
    """An instance or a name is none."""
    with pytest.raises(DefinitionError, match="is not an event class"):
        measure.counter("turns", on=on)


def test_what_the_definition_says_has_to_work():
    """As when it is defined by hand."""
    with pytest.raises(DefinitionError, match="'' is not a non-empty str"):
        measure.counter("", on=TurnFinished)
    with pytest.raises(DefinitionError, match="timer 'wait' cannot have the unit 'bytes'"):
        measure.timer("wait", on=TurnFinished, value="duration_ms", unit="bytes")
    with pytest.raises(DefinitionError, match="not finite and strictly ascending"):
        measure.histogram("size", on=TurnFinished, value="level", buckets=(2, 1))


def test_a_plain_class_is_no_event_field_by_field():
    """The path is checked in the class that the field is declared as."""
    assert measure.counter("turns", on=Bill, value="cost.amount").event_type is Bill
