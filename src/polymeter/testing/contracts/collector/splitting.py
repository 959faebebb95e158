"""Splitting: a collector remembers nothing between two events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polymeter.data.fold import combine
from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, Wired, figures_of, metrics_of

if TYPE_CHECKING:
    from polymeter.data.definition import MetricDefinition

__all__ = ["Splitting"]


class Splitting(CollectorTests):
    """However a log of events is split, together the parts say the same."""

    @pytest.mark.parametrize("writers", [2, 1000])
    def test_any_split_of_the_events_gives_the_same_totals(
        self, wired: Wired, make_registry: MakeRegistry, writers: int
    ) -> None:
        """Between so many writers: each event in turn to the next one."""
        wired.dispatch(self.make_events())
        events = self.make_events()
        parts = [self.wire(make_registry) for _ in range(min(writers, len(events)))]
        for number, event in enumerate(events):
            parts[number % len(parts)].dispatch([event])
        self._agree(wired, parts)

    def test_any_cut_through_the_events_gives_the_same_totals(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """What came before it is one writer's, what came after it another's."""
        wired.dispatch(self.make_events())
        for cut in range(1, len(self.make_events())):
            before, after = self.wire(make_registry), self.wire(make_registry)
            events = self.make_events()
            before.dispatch(events[:cut])
            after.dispatch(events[cut:])
            self._agree(wired, [before, after])

    def test_any_order_of_the_events_gives_the_same_totals(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """An end may be heard before its start."""
        wired.dispatch(self.make_events())
        backwards = self.wire(make_registry)
        backwards.dispatch(reversed(self.make_events()))
        assert backwards.figures == pytest.approx(wired.figures, rel=1e-9)

    @staticmethod
    def _agree(whole: Wired, parts: list[Wired]) -> None:
        # How writers are combined may be said of a metric; here they are pieces of one, so that only the kind counts.
        definitions: dict[str, MetricDefinition] = {}
        together = combine({str(number): metrics_of(part.registry) for number, part in enumerate(parts)}, definitions)
        assert figures_of(together) == pytest.approx(whole.figures, rel=1e-9)
