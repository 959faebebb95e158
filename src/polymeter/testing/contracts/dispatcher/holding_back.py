"""Holding back: a listener that fails again and again is left alone for a time, and tried again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents
    from polymeter.testing.clock import ManualClock

__all__ = ["HoldingBack"]

_MANY = 100
_LONG = 3600.0


class _Listener:
    """Fails as long as it is told to."""

    def __init__(self) -> None:
        self.works = False
        self.calls = 0

    def __call__(self, _: Happened) -> None:
        self.calls += 1
        if not self.works:
            raise ValueError


@only_if(hears_nobody=False, isolates=True, holds_back=True)
class HoldingBack(DispatcherTests):
    """How many failures it takes, and how long it lasts, is up to the dispatcher: an hour is always enough."""

    @pytest.fixture
    def listener(self, dispatcher: CanDispatchEvents) -> _Listener:
        """Give a listener that has failed until it was held back."""
        return self._held_back(dispatcher)

    def _held_back(self, dispatcher: CanDispatchEvents) -> _Listener:
        listener = _Listener()
        dispatcher.add_listener(Happened, listener)
        self._dispatch(dispatcher, _MANY)
        return listener

    @staticmethod
    def _dispatch(dispatcher: CanDispatchEvents, times: int) -> None:
        for _ in range(times):
            dispatcher.dispatch(Happened())

    def test_one_that_always_fails_is_held_back(self, dispatcher: CanDispatchEvents, listener: _Listener) -> None:
        """As long as no time passes it is not called again."""
        before = listener.calls
        assert 1 < before < _MANY
        self._dispatch(dispatcher, _MANY)
        assert listener.calls == before

    def test_one_that_fails_now_and_then_is_not(self, dispatcher: CanDispatchEvents) -> None:
        """However often that is."""
        listener = _Listener()
        dispatcher.add_listener(Happened, listener)
        for number in range(_MANY):
            listener.works = bool(number % 2)
            dispatcher.dispatch(Happened())
        assert listener.calls == _MANY

    def test_others_are_not_held_back(self, dispatcher: CanDispatchEvents, listener: _Listener) -> None:
        """It is a matter of one registration."""
        heard: list[Any] = []
        dispatcher.add_listener(Happened, heard.append)
        before = listener.calls
        other = dispatcher.add_listener(Happened, listener)
        self._dispatch(dispatcher, 1)
        assert (len(heard), listener.calls) == (1, before + 1)
        other.cancel()

    def test_after_a_time_one_event_is_tried(
        self, dispatcher: CanDispatchEvents, listener: _Listener, clock: ManualClock
    ) -> None:
        """If that fails it is held back again."""
        for _ in range(3):
            before = listener.calls
            clock.advance(_LONG)
            self._dispatch(dispatcher, _MANY)
            assert listener.calls == before + 1

    def test_a_success_releases_it(
        self, dispatcher: CanDispatchEvents, listener: _Listener, clock: ManualClock
    ) -> None:
        """From then on it hears everything again, also what it fails on once in a while."""
        clock.advance(_LONG)
        listener.works = True
        before = listener.calls
        self._dispatch(dispatcher, _MANY)
        assert listener.calls == before + _MANY
        listener.works = False
        self._dispatch(dispatcher, 1)
        listener.works = True
        self._dispatch(dispatcher, _MANY)
        assert listener.calls == before + 2 * _MANY + 1

    def test_while_one_try_is_on_its_way_the_others_wait(
        self, dispatcher: CanDispatchEvents, clock: ManualClock
    ) -> None:
        """For its result, on whatever thread."""
        tried, go_on = threading.Event(), threading.Event()
        calls: list[str] = []

        def listen(_: Happened) -> None:
            calls.append(threading.current_thread().name)
            if threading.current_thread().name == "trying":
                tried.set()
                go_on.wait(60)
            else:
                raise ValueError

        dispatcher.add_listener(Happened, listen)
        self._dispatch(dispatcher, _MANY)
        clock.advance(_LONG)
        calls.clear()
        trying = threading.Thread(target=self._dispatch, args=(dispatcher, 1), name="trying")
        trying.start()
        try:
            assert tried.wait(60)
            self._dispatch(dispatcher, _MANY)
            assert calls == ["trying"]
        finally:
            go_on.set()
            trying.join()
