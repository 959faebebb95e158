"""Passing on: what holds whether or not anybody listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.contracts.dispatcher.base import Closed, DispatcherTests, Happened, HappenedAgain, Refusable
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Passing"]


class Passing(DispatcherTests):
    """Events go in, and come back."""

    def test_dispatch_gives_the_event_back(self, dispatcher: CanDispatchEvents) -> None:
        """The same object, of whatever class."""
        for event in (Happened(), Refusable(), Closed(), "text", 5, None):
            assert dispatcher.dispatch(event) is event

    def test_an_event_that_nobody_listens_to_is_no_error(self, dispatcher: CanDispatchEvents) -> None:
        """Dispatched by its emitter either."""
        emitter = dispatcher.emitter(Happened)
        emitter(Happened())
        assert not emitter.listening

    def test_an_event_class_has_one_emitter(self, dispatcher: CanDispatchEvents) -> None:
        """The same one each time, from any thread."""
        emitters = together(lambda _: [dispatcher.emitter(Happened), dispatcher.emitter(HappenedAgain)])
        for each in zip(*emitters, strict=True):
            assert len(set(map(id, each))) == 1
