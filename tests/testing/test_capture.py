"""capture_events: what was dispatched while a block ran."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from polymeter.errors import NotActiveError
from polymeter.events import Event, EventDispatcher, StoppableEvent, active
from polymeter.testing import capture_events


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    number: int = 0


@dataclass(slots=True, kw_only=True)
class LongTurnFinished(TurnFinished):
    pass


@pytest.fixture
def events():
    return EventDispatcher()


def test_the_events_of_the_block_are_in_the_list_in_order(events):
    """Those before and after it are not; the list can be read afterwards."""
    events.dispatch(TurnFinished(number=0))
    with capture_events(events) as captured:
        events.dispatch(TurnFinished(number=1))
        events.dispatch("any class")
        assert len(captured) == 2
    events.dispatch(TurnFinished(number=3))
    assert captured == [TurnFinished(number=1), "any class"]
    assert events.health() == []


def test_only_some_classes_can_be_asked_for(events):
    """Derived ones are among them."""
    with capture_events(events, TurnFinished, str) as captured:
        for event in (LongTurnFinished(), Event(), "text", 5):
            events.dispatch(event)
    assert captured == [LongTurnFinished(), "text"]


def test_by_default_it_is_the_current_dispatcher(events):
    """Of the moment at which the block begins."""
    with active(events), capture_events() as captured:
        events.dispatch("heard")
    assert captured == ["heard"]


def test_without_a_dispatcher_it_is_an_error():
    """An empty list would look like an answer."""
    with pytest.raises(NotActiveError), capture_events():
        pass


def test_a_block_that_raises_captures_until_then(events):
    """And listens no more."""
    with pytest.raises(ValueError, match="out"), capture_events(events) as captured:
        raise ValueError(events.dispatch("out"))
    assert captured == ["out"]
    assert events.health() == []


def test_an_event_that_was_stopped_on_its_way_was_dispatched_too(events):
    """Whoever stopped it."""
    events.add_listener(StoppableEvent, lambda event: event.stop_propagation(), priority=10)
    with capture_events(events) as captured:
        events.dispatch(StoppableEvent())
    assert len(captured) == 1
