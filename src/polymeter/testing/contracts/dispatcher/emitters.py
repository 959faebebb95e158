"""Emitters: the cheap guard of a hot path is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.events.event import Event
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, HappenedAgain, Other
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Emitters"]


@only_if(hears_nobody=False)
class Emitters(DispatcherTests):
    """``listening`` says whether anybody would hear an event of exactly that class."""

    def test_calling_an_emitter_dispatches(self, dispatcher: CanDispatchEvents) -> None:
        """To everybody who listens, whenever it was made."""
        heard: list[Any] = []
        emitter = dispatcher.emitter(Happened)
        dispatcher.add_listener(object, heard.append)
        dispatcher.add_listener(Happened, heard.append)
        event = Happened()
        emitter(event)
        assert heard == [event, event]

    def test_listening_follows_the_listeners(self, dispatcher: CanDispatchEvents) -> None:
        """Of the class and its bases; those of derived and other classes do not matter."""
        emitter = dispatcher.emitter(HappenedAgain)
        for event_type, expected in (
            (HappenedAgain, True),
            (Happened, True),
            (Event, True),
            (object, True),
            (Other, False),
        ):
            assert not emitter.listening
            subscription = dispatcher.add_listener(event_type, lambda _: None)
            assert bool(emitter.listening) is expected
            assert bool(dispatcher.emitter(Happened).listening) is (expected and event_type is not HappenedAgain)
            subscription.cancel()
        assert not emitter.listening

    def test_listening_lasts_until_the_last_listener_is_gone(self, dispatcher: CanDispatchEvents) -> None:
        """Of several."""
        emitter = dispatcher.emitter(Happened)
        first, second = (dispatcher.add_listener(each, lambda _: None) for each in (Event, object))
        first.cancel()
        assert emitter.listening
        second.cancel()
        assert not emitter.listening

    def test_an_emitter_that_is_made_later_knows_who_listens(self, dispatcher: CanDispatchEvents) -> None:
        """From the start."""
        dispatcher.add_listener(Event, lambda _: None)
        assert dispatcher.emitter(Happened).listening

    def test_listening_is_right_within_a_listener_that_adds_and_removes(self, dispatcher: CanDispatchEvents) -> None:
        """At once, not after the event that is on its way."""
        seen: list[bool] = []
        emitter = dispatcher.emitter(Other)

        def listen(_: Happened) -> None:
            with dispatcher.add_listener(Other, lambda _: None):
                seen.append(bool(emitter.listening))
            seen.append(bool(emitter.listening))

        dispatcher.add_listener(Happened, listen)
        dispatcher.dispatch(Happened())
        assert seen == [True, False]

    def test_listening_is_right_after_threads_have_added_and_removed(self, dispatcher: CanDispatchEvents) -> None:
        """And for each of them while it listens itself."""
        emitter = dispatcher.emitter(Happened)

        def work(_: int) -> bool:
            right = True
            for _ in range(100):
                with dispatcher.add_listener(Event, lambda _: None):
                    right = right and bool(emitter.listening)
            return right

        assert all(together(work))
        assert not emitter.listening
