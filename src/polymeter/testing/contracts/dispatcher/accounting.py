"""Accounting: ``deliveries == handled + failed + quarantined + stopped``, against a truth of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from polymeter.counting import AtomicCount
from polymeter.events.event import Event, StoppableEvent
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, Other, Refusable, Refused
from polymeter.testing.contracts.registry.child import answer_of_a_child
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.listener import ListenerHealth
    from polymeter.testing.clock import ManualClock

__all__ = ["Accounting", "health_by_event"]

_THREADS = 8
_EVENTS = 600
_SECRET = "sk-very-secret"  # noqa: S105 - what must not be found


def health_by_event(dispatcher: CanDispatchEvents) -> dict[str, ListenerHealth]:
    """Give the health of each listener by the name of the class that it listens to."""
    health: Callable[[], list[ListenerHealth]] = getattr(dispatcher, "health")  # noqa: B009 - not of every dispatcher
    return {each.event: each for each in health()}


class _Truth:
    """A listener that keeps its own count of what it did."""

    def __init__(self, fails: Callable[[Any], bool] | None = None, stops: Callable[[Any], bool] | None = None) -> None:
        self._fails, self._stops = fails, stops
        self.returned, self.raised = AtomicCount(), AtomicCount()

    def __call__(self, event: Any) -> None:
        if self._fails is not None and self._fails(event):
            self.raised.add()
            raise ValueError(_SECRET)
        if self._stops is not None and self._stops(event):
            event.stop_propagation()
        self.returned.add()


def _fail(_: object) -> NoReturn:
    raise ValueError(_SECRET)


@only_if(hears_nobody=False, counts_deliveries=True)
class Accounting(DispatcherTests):
    """Of every event that was meant for a listener it is known what became of it."""

    @only_if(isolates=True)
    def test_every_delivery_of_every_listener_is_accounted_for(
        self, dispatcher: CanDispatchEvents, clock: ManualClock
    ) -> None:
        """From eight threads, with listeners that fail now and then, always, and stop events."""
        listeners: dict[type, tuple[_Truth, int]] = {
            object: (_Truth(), 9),
            Event: (_Truth(fails=lambda event: event.number % 7 == 0), 5),
            Happened: (_Truth(fails=lambda _: True), 5),
            StoppableEvent: (_Truth(stops=lambda event: event.number % 3 == 0), 1),
            Refusable: (_Truth(), 0),
            Refused: (_Truth(fails=lambda _: True), 0),
        }
        for event_type, (truth, priority) in listeners.items():
            dispatcher.add_listener(event_type, truth, priority)

        def work(thread: int) -> list[Any]:
            dispatched: list[Any] = []
            for number in range(_EVENTS):
                dispatched.append((Happened, Refused)[number % 2](number=number))
                dispatcher.dispatch(dispatched[-1])
                if thread == 0 and number % 100 == 0:
                    clock.advance(90)
            return dispatched

        dispatched = [event for events in together(work, _THREADS) for event in events]
        health = health_by_event(dispatcher)
        for event_type, (truth, priority) in listeners.items():
            meant = [event for event in dispatched if isinstance(event, event_type)]
            stopped = (
                sum(isinstance(event, Refused) and event.number % 3 == 0 for event in meant) if not priority else 0
            )
            said = health[event_type.__qualname__]
            assert (said.handled, said.failed, said.stopped) == (truth.returned.value, truth.raised.value, stopped)
            assert said.handled + said.failed + said.quarantined + said.stopped == len(meant)
            assert said.quarantined == 0 or self.holds_back
        assert health["object"].quarantined == health["StoppableEvent"].quarantined == 0

    @only_if(isolates=False)
    def test_an_event_that_was_cut_short_counts_where_it_came(self, dispatcher: CanDispatchEvents) -> None:
        """Those after the one that failed were not reached."""
        dispatcher.add_listener(object, lambda _: None, 1)
        dispatcher.add_listener(Happened, _fail)
        dispatcher.add_listener(Event, lambda _: None, -1)
        for event in (Happened(), Other(), Happened()):
            try:
                dispatcher.dispatch(event)
            except ValueError:
                assert isinstance(event, Happened)
        health = health_by_event(dispatcher)
        assert {name: (each.handled, each.failed) for name, each in health.items()} == {
            "object": (3, 0),
            "Happened": (0, 2),
            "Event": (1, 0),
        }

    def test_a_call_that_an_interruption_ended_has_failed(self, dispatcher: CanDispatchEvents) -> None:
        """It did not return."""

        def interrupt(_: Happened) -> NoReturn:
            raise KeyboardInterrupt

        dispatcher.add_listener(Happened, interrupt)
        with pytest.raises(KeyboardInterrupt):
            dispatcher.dispatch(Happened())
        health = health_by_event(dispatcher)["Happened"]
        assert (health.handled, health.failed) == (0, 1)

    def test_events_inside_of_events_count_too(self, dispatcher: CanDispatchEvents) -> None:
        """Each of them once for each listener."""

        def count_down(event: Happened) -> None:
            if event.number:
                dispatcher.emitter(Happened)(Happened(number=event.number - 1))

        dispatcher.add_listener(Happened, count_down)
        dispatcher.add_listener(object, lambda _: None)
        dispatcher.dispatch(Happened(number=20))
        assert [each.handled for each in health_by_event(dispatcher).values()] == [21, 21]

    def test_health_is_of_those_who_listen_now(self, dispatcher: CanDispatchEvents) -> None:
        """One who comes back begins with a clean record."""
        assert health_by_event(dispatcher) == {}
        with dispatcher.add_listener(Happened, lambda _: None):
            dispatcher.dispatch(Happened())
            dispatcher.dispatch(Other())
            assert health_by_event(dispatcher)["Happened"].handled == 1
        assert health_by_event(dispatcher) == {}
        dispatcher.add_listener(Happened, lambda _: None)
        health = health_by_event(dispatcher)["Happened"]
        assert (health.handled, health.failed, health.quarantined, health.stopped) == (0, 0, 0, 0)

    @only_if(isolates=True)
    def test_health_says_who_failed_and_not_what_was_said(self, dispatcher: CanDispatchEvents) -> None:
        """The message of an exception may quote anything."""
        dispatcher.add_listener(Happened, _fail)
        dispatcher.dispatch(Happened())
        health = health_by_event(dispatcher)["Happened"]
        assert _fail.__qualname__ in health.listener
        assert "ValueError" in str(health.last_error)
        assert _SECRET not in repr(health)

    def test_a_forked_child_counts_from_zero(self, dispatcher: CanDispatchEvents) -> None:
        """Both sides count each delivery once together."""
        dispatcher.add_listener(Happened, lambda _: None)
        for _ in range(5):
            dispatcher.dispatch(Happened())

        def child() -> Any:
            before = health_by_event(dispatcher)["Happened"].handled
            dispatcher.dispatch(Happened())
            return [before, health_by_event(dispatcher)["Happened"].handled]

        assert answer_of_a_child(child) == [0, 1]
        assert health_by_event(dispatcher)["Happened"].handled == 5
