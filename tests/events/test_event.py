"""The base of all events."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass

import pytest

from polymeter.events import Event, StoppableEvent
from polymeter.events.event import _unit_of_work, current_unit_of_work
from polymeter.events.inference import InferenceCompleted


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str


def test_an_event_belongs_to_the_unit_of_work_of_its_context():
    """If there is one, and nothing else is said."""

    def inside():
        _unit_of_work.set("request-7")
        return current_unit_of_work(), TurnFinished(model="m"), TurnFinished(model="m", unit_of_work="job-1")

    unit, by_default, given = contextvars.copy_context().run(inside)
    assert (unit, by_default.unit_of_work, given.unit_of_work) == ("request-7", "request-7", "job-1")
    assert TurnFinished(model="m").unit_of_work is None


def test_an_event_has_no_time_unless_it_is_given_one():
    """Then it happened when it is recorded."""
    assert TurnFinished(model="m").at is None
    assert TurnFinished(model="m", at=5.5).at == 5.5


def test_fields_are_given_by_name():
    """So that a new one breaks nobody."""
    with pytest.raises(TypeError):
        TurnFinished("m")


def test_events_with_the_same_content_are_equal():
    """They are values."""
    assert TurnFinished(model="m", at=1.0) == TurnFinished(model="m", at=1.0)
    assert TurnFinished(model="m") != TurnFinished(model="n")


def test_an_event_has_no_room_for_what_was_not_declared():
    """A misspelt field is an error."""
    with pytest.raises(AttributeError):
        TurnFinished(model="m").modell = "x"


def test_a_stoppable_event_goes_on_until_it_is_stopped():
    """For good."""
    event = StoppableEvent()
    assert not event.is_propagation_stopped
    event.stop_propagation()
    assert event.is_propagation_stopped


@pytest.mark.parametrize(
    ("outcome", "is_success"), [("ok", True), ("error", False), ("cancelled", False), ("abandoned", False)]
)
def test_a_call_succeeded_if_its_answer_came_whole(outcome, is_success):
    """Whatever it had used by then."""
    event = InferenceCompleted(execution_id="1", model="m", outcome=outcome, duration_ms=1.0)
    assert event.is_success is is_success
