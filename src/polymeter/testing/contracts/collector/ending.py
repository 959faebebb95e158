"""Ending: a collector lives as long as it is registered, and no longer."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from polymeter.events.dispatcher import EventDispatcher
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, health_of

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics

__all__ = ["Ending"]


class Ending(CollectorTests):
    """Neither the caller nor anybody else has to keep it."""

    def test_it_goes_on_though_nobody_else_keeps_it(self, make_registry: MakeRegistry) -> None:
        """Nor its subscription."""
        events, registry = EventDispatcher(on_error="raise"), make_registry(ManualClock())
        self.make_collector().register(events, registry)
        gc.collect()
        for event in self.make_events():
            events.dispatch(event)
        assert health_of(registry).records > 0

    def test_once_cancelled_nothing_keeps_it(self, make_registry: MakeRegistry) -> None:
        """Neither the dispatcher nor the registry, which both go on."""
        events, registry = EventDispatcher(on_error="raise"), make_registry(ManualClock())
        collector = self._used(events, registry)
        gc.collect()
        assert collector() is None
        assert health_of(registry).records > 0

    def _used(self, events: EventDispatcher, registry: CanStoreMetrics) -> weakref.ref[object]:
        """Give a reference to a collector that has recorded and is registered no more."""
        collector = self.make_collector()
        try:
            reference: weakref.ref[object] = weakref.ref(collector)
        except TypeError:
            pytest.skip(f"{type(collector).__name__} cannot be referred to weakly")
        with collector.register(events, registry):
            for event in self.make_events():
                events.dispatch(event)
        return reference
