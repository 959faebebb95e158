"""Hearing nobody: a dispatcher that takes events and forgets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polymeter.errors import NotActiveError
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import Closed, DispatcherTests, Happened

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Nobody"]


@only_if(hears_nobody=True)
class Nobody(DispatcherTests):
    """Nobody is told that he would hear something."""

    def test_a_listener_is_refused(self, dispatcher: CanDispatchEvents) -> None:
        """It would wait for ever. The message names what it wanted to hear."""
        for event_type in (Happened, Closed, object):
            with pytest.raises(NotActiveError, match=event_type.__name__):
                dispatcher.add_listener(event_type, lambda _: None)

    def test_nobody_ever_listens(self, dispatcher: CanDispatchEvents) -> None:
        """Before and after somebody tried."""
        emitter = dispatcher.emitter(Happened)
        with pytest.raises(NotActiveError):
            dispatcher.add_listener(Happened, lambda _: None)
        dispatcher.dispatch(Happened())
        assert not emitter.listening
        assert not dispatcher.emitter(Happened).listening
