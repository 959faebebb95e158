"""clear(): a new epoch."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from polymeter.data.kind import Kind
from polymeter.errors import DefinitionConflictError
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, record, record_on

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics
    from polymeter.testing.clock import ManualClock

__all__ = ["Clearing"]


class Clearing(RegistryTests):
    """Values go, definitions and bound series stay."""

    @EACH_KIND
    def test_clear_forgets_all_values(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """And the counts of what became of the records."""
        record(registry, kind, "metric", 1)
        registry.counter("", None)
        registry.clear()
        assert (len(registry), registry.all(), registry.find("metric"), registry.total("metric")) == (0, [], [], 0)
        assert registry.snapshot().by_name("metric") == []
        assert health_of(registry).records == 0

    def test_clear_keeps_the_definitions(self, registry: CanStoreMetrics) -> None:
        """The declared ones, and the kind of every name that was recorded."""
        registry.define("wait", "timer", "s")
        registry.counter("calls")
        registry.clear()
        assert registry.snapshot().definitions["wait"].unit == "s"
        with pytest.raises(DefinitionConflictError):
            registry.define("calls", "gauge")

    def test_clear_starts_a_new_epoch(self, registry: CanStoreMetrics, clock: ManualClock) -> None:
        """Of the same writer; a series that comes again starts again."""
        registry.counter("calls")
        before = registry.snapshot()
        clock.advance(10)
        registry.clear()
        registry.counter("calls")
        after = registry.snapshot()
        assert (after.writer, after.epoch) == (before.writer, before.epoch + 1)
        [calls] = after.by_name("calls")
        assert clock.wall() <= calls.start < clock.wall() + 0.001  # a little later than all before it

    @EACH_KIND
    def test_a_bound_series_goes_on(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """From nothing, together with the verb."""
        series = registry.bind(kind, "metric")
        record_on(series, kind, 100)
        registry.clear()
        record_on(series, kind, 3)
        record(registry, kind, "metric", 3)
        record_on(series, kind, 3)
        metric = registry.get("metric")
        assert metric.value == (9 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 3)
        assert series.value == metric.value
        assert health_of(registry).applied == 3

    def test_what_was_recorded_on_a_bound_series_outlives_it(self, registry: CanStoreMetrics) -> None:
        """Dropping the series does not drop its records, before or after a clear."""
        registry.bind("counter", "before").add()
        series = registry.bind("counter", "after")
        registry.clear()
        series.add(5)
        del series
        gc.collect()
        assert registry.total("before") == 0
        assert registry.total("after") == 5
        assert health_of(registry).applied == 1

    def test_program_order_holds_across_a_clear(self, registry: CanStoreMetrics) -> None:
        """For a gauge that was bound before and one that was made after it."""
        series = registry.bind("gauge", "level")
        series.set(0)
        registry.clear()
        series.set(1)
        registry.gauge("level", 2)
        assert registry.get("level").value == 2
        registry.gauge("level", 3)
        series.set(4)
        assert registry.get("level").value == 4

    def test_a_definition_made_after_a_clear_holds_for_series_bound_before(self, registry: CanStoreMetrics) -> None:
        """Nothing is kept under its name then, so its unit may still be said."""
        series = registry.bind("histogram", "size")
        registry.clear()
        registry.define("size", "histogram", "kB", buckets=(1, 2))
        series.record(1.5)
        metric = registry.get("size")
        assert (metric.mean, metric.distribution.sum) == (1.5, 1500)

    def test_clear_can_be_repeated(self, registry: CanStoreMetrics) -> None:
        """A bound series survives any number of them."""
        series = registry.bind("counter", "calls")
        for _ in range(5):
            series.add()
            assert registry.total("calls") == 1
            registry.clear()
            assert registry.total("calls") == 0
