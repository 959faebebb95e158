"""Changing: listeners come and go at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, HappenedAgain

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["Changing"]


@only_if(hears_nobody=False)
class Changing(DispatcherTests):
    """Each registration can be undone, also while events are on their way."""

    def test_one_whose_subscription_is_cancelled_hears_nothing_more(self, dispatcher: CanDispatchEvents) -> None:
        """The others do."""
        heard: list[str] = []
        subscription = dispatcher.add_listener(Happened, lambda _: heard.append("gone"))
        dispatcher.add_listener(Happened, lambda _: heard.append("there"))
        assert subscription.active
        subscription.cancel()
        assert not subscription.active
        dispatcher.dispatch(Happened())
        dispatcher.dispatch(HappenedAgain())
        assert heard == ["there", "there"]

    def test_cancelling_twice_is_harmless(self, dispatcher: CanDispatchEvents) -> None:
        """An equal listener that was added meanwhile stays."""
        heard: list[Any] = []
        subscription = dispatcher.add_listener(Happened, heard.append)
        subscription.cancel()
        dispatcher.add_listener(Happened, heard.append)
        subscription.cancel()
        dispatcher.dispatch(Happened())
        assert len(heard) == 1

    def test_a_subscription_can_be_a_block(self, dispatcher: CanDispatchEvents) -> None:
        """Its end cancels."""
        heard: list[Any] = []
        with dispatcher.add_listener(Happened, heard.append):
            dispatcher.dispatch(Happened())
        dispatcher.dispatch(Happened())
        assert len(heard) == 1

    def test_a_listener_added_on_the_way_hears_the_next_event(self, dispatcher: CanDispatchEvents) -> None:
        """Once each."""
        heard: list[Any] = []
        added: list[Subscription] = []

        def add(_: Happened) -> None:
            if not added:
                added.append(dispatcher.add_listener(Happened, heard.append, -1))

        dispatcher.add_listener(Happened, add)
        dispatcher.dispatch(Happened(number=1))
        heard.clear()  # that it heard the event that was on its way is neither promised nor ruled out
        events = [dispatcher.dispatch(Happened(number=number)) for number in (2, 3)]
        assert heard == events

    def test_a_listener_removed_on_the_way_hears_no_later_event(self, dispatcher: CanDispatchEvents) -> None:
        """And those after it miss none: the way does not lose its place."""
        heard: list[str] = []
        subscriptions: dict[str, Subscription] = {}

        def listener(name: str, leaver: str | None = None) -> None:
            def listen(_: Happened) -> None:
                heard.append(name)
                if leaver:
                    subscriptions[leaver].cancel()

            subscriptions[name] = dispatcher.add_listener(Happened, listen)

        for name, leaver in (("a", None), ("b", "b"), ("c", "a"), ("d", "e"), ("e", None), ("f", None)):
            listener(name, leaver)
        dispatcher.dispatch(Happened())
        assert [name for name in heard if name != "e"] == ["a", "b", "c", "d", "f"]
        heard.clear()
        dispatcher.dispatch(Happened())
        assert heard == ["c", "d", "f"]

    def test_a_listener_may_replace_itself(self, dispatcher: CanDispatchEvents) -> None:
        """On each event again."""
        heard: list[int] = []
        current: list[Subscription] = []

        def listen(event: Happened) -> None:
            if event.number not in heard:
                heard.append(event.number)
                current.pop().cancel()
                current.append(dispatcher.add_listener(Happened, listen))

        current.append(dispatcher.add_listener(Happened, listen))
        for number in range(5):
            dispatcher.dispatch(Happened(number=number))
        current.pop().cancel()
        dispatcher.dispatch(Happened(number=5))
        assert heard == [0, 1, 2, 3, 4]
