"""The contract of dispatchers: ours keep it, and so can somebody else's."""

from __future__ import annotations

from polymeter.events import EventDispatcher, NullDispatcher, current
from polymeter.testing.contracts.dispatchers import DispatcherContract
from tests.testing.plain_dispatcher import PlainDispatcher


class TestEventDispatcher(DispatcherContract):
    def make_dispatcher(self, clock):
        return EventDispatcher(clock=clock)


class TestEventDispatcherThatRaises(DispatcherContract):
    isolates = False
    holds_back = False

    def make_dispatcher(self, clock):
        return EventDispatcher(on_error="raise", clock=clock)


class TestWhatIsCurrentWhereNobodyCollects(DispatcherContract):
    hears_nobody = True

    def make_dispatcher(self, clock):
        dispatcher = current()
        assert isinstance(dispatcher, NullDispatcher)
        return dispatcher


class TestPlainDispatcher(DispatcherContract):
    counts_deliveries = False
    holds_back = False

    def make_dispatcher(self, clock):
        return PlainDispatcher()
