"""Registering: a collector begins to listen, and stops."""

from __future__ import annotations

import pytest

from polymeter.contracts import CanCollectMetrics
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError, PolymeterError
from polymeter.events.dispatcher import EventDispatcher
from polymeter.subscription import Subscription
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, Wired, health_of, metrics_of

__all__ = ["Registering"]


class Registering(CollectorTests):
    """What ``register`` begins, its subscription ends."""

    def test_it_is_a_collector(self, wired: Wired) -> None:
        """And registering it gives a subscription."""
        assert isinstance(wired.collector, CanCollectMetrics)
        assert isinstance(wired.subscription, Subscription)
        assert wired.subscription.active

    def test_it_listens_to_the_events_that_it_understands(self, wired: Wired) -> None:
        """To each class that ``make_events`` gives; registering alone records nothing."""
        events = self.make_events()
        assert events, "make_events() has to give at least one event"
        for event in events:
            assert wired.is_heard(event), f"nobody listens to {event!r}"
        assert health_of(wired.registry).records == 0

    def test_once_cancelled_it_records_nothing_more(self, wired: Wired) -> None:
        """What it recorded stays; cancelling twice is harmless."""
        wired.dispatch(self.make_events())
        before, records = wired.figures, health_of(wired.registry).records
        wired.subscription.cancel()
        wired.subscription.cancel()
        for event in self.make_events():
            assert not wired.is_heard(event)
            wired.events.dispatch(event)
        assert wired.figures == before
        assert health_of(wired.registry).records == records > 0
        assert wired.events.health() == []

    def test_once_cancelled_it_can_be_registered_again(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """Elsewhere, and it records there then."""
        wired.subscription.cancel()
        events, registry = EventDispatcher(on_error="raise"), make_registry(ManualClock())
        wired.collector.register(events, registry)
        for event in self.make_events():
            events.dispatch(event)
            wired.events.dispatch(event)
        assert metrics_of(registry) != []
        assert health_of(wired.registry).records == 0

    @only_if(registers_once=True)
    def test_it_is_registered_once(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """A second time is an error, here and elsewhere, and changes nothing."""
        elsewhere = EventDispatcher(on_error="raise")
        for events, registry in ((wired.events, wired.registry), (elsewhere, make_registry(ManualClock()))):
            with pytest.raises(DefinitionError):
                wired.collector.register(events, registry)
            assert events.health() == [] or events is wired.events
        wired.dispatch(self.make_events())
        alone = self.wire(make_registry)
        alone.dispatch(self.make_events())
        assert wired.figures == alone.figures

    @only_if(registers_once=False)
    def test_each_registration_records_by_itself(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """And is undone by itself."""
        events, registry = EventDispatcher(on_error="raise"), make_registry(ManualClock())
        second = wired.collector.register(events, registry)
        for event in self.make_events():
            events.dispatch(event)
        assert metrics_of(registry) != []
        assert health_of(wired.registry).records == 0
        second.cancel()
        wired.dispatch(self.make_events())
        assert health_of(wired.registry).records == health_of(registry).records > 0

    def test_a_name_that_means_something_else_already_does_no_harm(
        self, wired: Wired, make_registry: MakeRegistry
    ) -> None:
        """Either the collector refuses to be registered, and nothing listens, or those records are counted aside."""
        wired.dispatch(self.make_events())
        for name, kind in {metric.name: metric.kind for metric in metrics_of(wired.registry)}.items():
            events, registry = EventDispatcher(on_error="raise"), make_registry(ManualClock())
            registry.define(name, Kind.COUNTER if kind is Kind.GAUGE else Kind.GAUGE)
            collector = self.make_collector()
            try:
                collector.register(events, registry)
            except PolymeterError:
                assert events.health() == []
                collector.register(events, make_registry(ManualClock())).cancel()  # it is free to go elsewhere
            else:
                for event in self.make_events():
                    events.dispatch(event)
                assert sum(count for (of, _), count in health_of(registry).invalid_by.items() if of == name) > 0
            assert [metric for metric in metrics_of(registry) if metric.name == name and metric.kind is kind] == []
