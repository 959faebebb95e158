"""Meaning: what becomes of events that a collector understands."""

from __future__ import annotations

import pytest

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, Wired, health_of, metrics_of

__all__ = ["Meaning"]


class Meaning(CollectorTests):
    """They become metrics, in any registry."""

    def test_its_events_become_metrics(self, wired: Wired) -> None:
        """With the totals that are expected; no listener fails, and no record is refused."""
        wired.dispatch(self.make_events())
        assert metrics_of(wired.registry) != []
        expected = dict(self.expected_totals())
        assert {name: wired.registry.total(name) for name in expected} == pytest.approx(expected, rel=1e-9)
        assert dict(health_of(wired.registry).invalid_by) == {}
        assert sum(each.failed for each in wired.events.health()) == 0

    def test_two_of_them_do_not_know_of_each_other(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """On dispatchers and registries of their own."""
        other = self.wire(make_registry)
        wired.dispatch(self.make_events())
        assert health_of(other.registry).records == 0
        once = wired.figures
        other.dispatch(self.make_events())
        assert wired.figures == once == other.figures != {}

    def test_two_on_one_dispatcher_record_each_for_itself(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """Whichever of them goes first."""
        other = self.wire(make_registry, wired.events)
        wired.dispatch(self.make_events())
        assert wired.figures == other.figures
        wired.subscription.cancel()
        other.dispatch(self.make_events())
        assert health_of(other.registry).records == 2 * health_of(wired.registry).records > 0

    def test_two_in_one_registry_add_up(self, wired: Wired) -> None:
        """The same definitions twice are fine."""
        self.make_collector().register(wired.events, wired.registry)
        wired.dispatch(self.make_events())
        twice = health_of(wired.registry).records
        wired.subscription.cancel()
        wired.dispatch(self.make_events())
        once = health_of(wired.registry).records - twice
        assert twice == 2 * once > 0
        assert dict(health_of(wired.registry).invalid_by) == {}

    def test_every_metric_is_defined(self, wired: Wired) -> None:
        """As what it is, and in the unit in which it reads."""
        wired.dispatch(self.make_events())
        definitions = wired.registry.snapshot().definitions
        for metric in metrics_of(wired.registry):
            definition = definitions[metric.name]
            assert (definition.kind, definition.resolved_unit) == (metric.kind, metric.unit)

    @only_if(explains_metrics=True)
    def test_every_metric_is_explained(self, wired: Wired) -> None:
        """By a sentence for humans."""
        wired.dispatch(self.make_events())
        definitions = wired.registry.snapshot().definitions
        names = dict.fromkeys(metric.name for metric in metrics_of(wired.registry))
        assert [name for name in names if not (definitions[name].help or "").strip()] == []
