"""Order: who hears an event first."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from polymeter.events.event import Event
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, HappenedAgain, Other, saying

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["Order"]


@only_if(hears_nobody=False)
class Order(DispatcherTests):
    """The highest priority first, then the order of adding."""

    def test_priority_first_then_order_of_adding(self, dispatcher: CanDispatchEvents) -> None:
        """Whatever class is listened to; 0 if nothing is said."""
        heard: list[str] = []
        for name, event_type, priority in (
            ("a", Happened, 0),
            ("b", object, 5),
            ("c", HappenedAgain, 0),
            ("d", Event, -1),
            ("e", Happened, 5),
            ("f", object, 0),
        ):
            dispatcher.add_listener(event_type, saying(name, heard), priority)
        dispatcher.add_listener(HappenedAgain, saying("g", heard))
        dispatcher.dispatch(HappenedAgain())
        assert "".join(heard) == "beacfgd"

    def test_one_who_comes_back_is_the_last_of_its_equals(self, dispatcher: CanDispatchEvents) -> None:
        """The place of one who goes is nobody's."""
        heard: list[str] = []
        first = dispatcher.add_listener(Happened, saying("first", heard))
        dispatcher.add_listener(Happened, saying("second", heard))
        first.cancel()
        dispatcher.add_listener(Happened, saying("first", heard))
        dispatcher.dispatch(Happened())
        assert heard == ["second", "first"]

    @pytest.mark.parametrize("seed", range(5))
    def test_listeners_that_come_and_go_are_called_in_order(self, dispatcher: CanDispatchEvents, seed: int) -> None:
        """By chance, compared with a list that is sorted each time."""
        chance = random.Random(seed)  # noqa: S311 - the same one in every run
        classes = (object, Event, Happened, HappenedAgain, Other)
        listening: list[tuple[int, int, type, Subscription]] = []
        heard: list[int] = []
        for step in range(300):
            if listening and chance.random() < 0.3:
                listening.pop(chance.randrange(len(listening)))[-1].cancel()
            elif chance.random() < 0.6:
                event_type, priority = chance.choice(classes), chance.randint(-2, 2)
                added = dispatcher.add_listener(event_type, saying(step, heard), priority)
                listening.append((-priority, step, event_type, added))
            event: Any = chance.choice((Event, Happened, HappenedAgain, Other))()
            dispatcher.dispatch(event)
            expected = [each[1] for each in sorted(listening, key=lambda each: each[:2]) if isinstance(event, each[2])]
            assert heard == expected
            heard.clear()
