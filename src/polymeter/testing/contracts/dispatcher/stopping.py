"""Stopping: an event that can be kept from those who have not heard it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.events.event import StoppableEvent
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Refusable, Refused

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Stopping"]


@only_if(hears_nobody=False)
class Stopping(DispatcherTests):
    """A :class:`~polymeter.events.StoppableEvent` that was stopped goes no further."""

    def test_a_stopped_event_goes_no_further(self, dispatcher: CanDispatchEvents) -> None:
        """Whatever class the others listen to; it is given back as always."""
        heard: list[str] = []
        dispatcher.add_listener(object, lambda _: heard.append("first"), 2)
        dispatcher.add_listener(StoppableEvent, lambda event: event.stop_propagation(), 1)
        dispatcher.add_listener(Refused, lambda _: heard.append("late"))
        dispatcher.add_listener(object, lambda _: heard.append("later"), -1)
        event = Refused()
        assert dispatcher.dispatch(event) is event
        assert event.is_propagation_stopped
        assert heard == ["first"]

    def test_an_event_that_nobody_stops_goes_to_all(self, dispatcher: CanDispatchEvents) -> None:
        """Being stoppable is not being stopped; and the one before it was another one."""
        heard: list[int] = []

        def stop_some(event: Refusable) -> None:
            if not event.number:
                event.stop_propagation()

        dispatcher.add_listener(Refusable, stop_some, 1)
        dispatcher.add_listener(Refusable, lambda event: heard.append(event.number))
        for number in (0, 1, 0, 2):
            dispatcher.dispatch(Refused(number=number))
        assert heard == [1, 2]

    def test_an_event_that_was_stopped_before_goes_to_nobody(self, dispatcher: CanDispatchEvents) -> None:
        """Dispatching it is no error."""
        heard: list[Any] = []
        dispatcher.add_listener(object, heard.append)
        dispatcher.dispatch(Refusable(is_propagation_stopped=True))
        dispatcher.emitter(Refusable)(Refusable(is_propagation_stopped=True))
        assert heard == []

    def test_an_event_stopped_inside_of_another_stops_that_one_alone(self, dispatcher: CanDispatchEvents) -> None:
        """The outer one goes on."""
        heard: list[int] = []

        def listen(event: Refusable) -> None:
            if event.number == 1:
                dispatcher.dispatch(Refusable(number=2))
            else:
                event.stop_propagation()

        dispatcher.add_listener(Refusable, listen)
        dispatcher.add_listener(Refusable, lambda event: heard.append(event.number))
        dispatcher.dispatch(Refusable(number=1))
        assert heard == [1]

    @only_if(isolates=True)
    def test_a_listener_that_fails_stops_nothing(self, dispatcher: CanDispatchEvents) -> None:
        """The next one hears it."""
        heard: list[Any] = []
        dispatcher.add_listener(Refusable, lambda _: 1 / 0)
        dispatcher.add_listener(Refusable, heard.append)
        dispatcher.dispatch(Refusable())
        assert len(heard) == 1

    def test_an_event_that_only_looks_stoppable_is_not_stopped(self, dispatcher: CanDispatchEvents) -> None:
        """The class decides."""

        class Lookalike:
            is_propagation_stopped = True

        heard: list[Any] = []
        dispatcher.add_listener(Lookalike, heard.append)
        dispatcher.dispatch(Lookalike())
        assert len(heard) == 1
