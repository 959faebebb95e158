"""Hearing: who gets an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.events.event import Event
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import (
    Closed,
    DispatcherTests,
    Happened,
    HappenedAgain,
    Other,
    Refusable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanDispatchEvents

__all__ = ["Hearing"]


@only_if(hears_nobody=False)
class Hearing(DispatcherTests):
    """A listener gets the events of its class, and of those derived from it."""

    def test_a_listener_hears_its_class_and_what_derives_from_it(self, dispatcher: CanDispatchEvents) -> None:
        """And nothing else."""
        heard: list[Any] = []
        dispatcher.add_listener(Happened, heard.append)
        mine = [Happened(), HappenedAgain()]
        for event in (*mine, Event(), Other(), Refusable(), Closed(), "text"):
            dispatcher.dispatch(event)
        assert [id(event) for event in heard] == [id(event) for event in mine]

    def test_object_hears_everything(self, dispatcher: CanDispatchEvents) -> None:
        """Any class can be an event."""
        heard: list[Any] = []
        dispatcher.add_listener(object, heard.append)
        events = [Happened(), Refusable(), Closed(), "text", 5, None]
        for event in events:
            dispatcher.dispatch(event)
        assert heard == events

    def test_everybody_who_listens_hears_an_event_once(self, dispatcher: CanDispatchEvents) -> None:
        """Also one who listens to two of its classes: once for each."""
        heard: list[Any] = []
        for event_type in (Happened, Event, object, HappenedAgain, Other):
            dispatcher.add_listener(event_type, heard.append)
        event = dispatcher.dispatch(Happened())
        assert heard == [event] * 3

    def test_a_callable_that_was_added_twice_is_called_twice(self, dispatcher: CanDispatchEvents) -> None:
        """Each registration is undone by itself."""
        heard: list[Any] = []
        first = dispatcher.add_listener(Happened, heard.append)
        dispatcher.add_listener(Happened, heard.append)
        dispatcher.dispatch(Happened())
        first.cancel()
        dispatcher.dispatch(Happened())
        assert len(heard) == 3

    def test_what_a_listener_returns_means_nothing(self, dispatcher: CanDispatchEvents) -> None:
        """Neither to the event nor to who comes after it."""
        heard: list[Any] = []

        def returning(result: object) -> Callable[[object], object]:
            def listen(event: object) -> object:
                heard.append(event)
                return result

            return listen

        for result in (False, True, None, "stop", 0):
            dispatcher.add_listener(Happened, returning(result))
        event = Happened()
        assert dispatcher.dispatch(event) is event
        assert heard == [event] * 5

    def test_classes_are_told_apart_however_many_there_are(self, dispatcher: CanDispatchEvents) -> None:
        """Those made on the fly too, and those of the same name."""
        heard: list[Any] = []
        dispatcher.add_listener(Happened, heard.append)
        classes = [type("Made", (Happened if number % 2 else Other,), {}) for number in range(500)]
        for each in classes:
            dispatcher.dispatch(each())
        assert len(heard) == 250
        for each in classes[1::2]:
            dispatcher.add_listener(each, heard.append)
        for each in classes:
            dispatcher.dispatch(each())
        assert len(heard) == 250 + 500
