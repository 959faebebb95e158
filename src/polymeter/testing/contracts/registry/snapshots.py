"""Snapshots: everything of one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.contracts.registry.base import RegistryTests

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics
    from polymeter.testing.clock import ManualClock

__all__ = ["Snapshots"]


class Snapshots(RegistryTests):
    """One metric per series, with what is known about it."""

    def test_a_snapshot_has_one_metric_per_series(self, registry: CanStoreMetrics) -> None:
        """However many records it was made of."""
        for ok in (True, False, True):
            registry.counter("calls", {"ok": ok})
        snapshot = registry.snapshot()
        assert {str(metric) for metric in snapshot.by_name("calls")} == {
            """calls{ok="true"} 2""",
            """calls{ok="false"} 1""",
        }

    def test_a_snapshot_does_not_change(self, registry: CanStoreMetrics) -> None:
        """What is recorded later is in the next one."""
        registry.counter("calls")
        before = registry.snapshot()
        registry.counter("calls")
        assert [metric.value for metric in before.by_name("calls")] == [1]
        assert [metric.value for metric in registry.snapshot().by_name("calls")] == [2]

    def test_a_snapshot_says_when_it_was_taken_and_since_when_it_counts(
        self, registry: CanStoreMetrics, clock: ManualClock
    ) -> None:
        """A metric starts with its first record, and is gathered up to the snapshot or the last record."""
        began = clock.wall()
        registry.counter("calls")
        clock.advance(10)
        registry.counter("calls")
        clock.advance(5)
        snapshot = registry.snapshot()
        (metric,) = snapshot.by_name("calls")
        assert snapshot.taken_at == began + 15
        assert metric.start == began
        assert began + 10 <= metric.timestamp <= began + 15

    def test_a_snapshot_says_who_recorded(self, registry: CanStoreMetrics) -> None:
        """The same writer each time."""
        assert registry.snapshot().writer
        assert registry.snapshot().writer == registry.snapshot().writer

    def test_self_metrics_are_in_snapshots_only(self, registry: CanStoreMetrics) -> None:
        """They count what was recorded, and are not counted themselves."""
        registry.counter("calls", increment=3)
        registry.counter("calls", increment=-3)
        (applied,) = registry.snapshot().by_name("polymeter.records.applied")
        (invalid,) = registry.snapshot().by_name("polymeter.records.invalid")
        assert applied.value == 1
        assert invalid.value == 1
        assert invalid.tags == {"metric": "calls", "reason": "negative"}
        assert registry.find("polymeter.records.applied") == []
        assert [metric.name for metric in registry.all()] == ["calls"]
        assert len(registry) == 1

    def test_self_metrics_are_defined(self, registry: CanStoreMetrics) -> None:
        """With a sentence for humans."""
        snapshot = registry.snapshot()
        own = [name for name in snapshot.names() if name.startswith("polymeter.")]
        assert own
        assert all(snapshot.definitions[name].help for name in own)

    def test_a_metric_of_yours_under_the_name_of_a_self_metric_breaks_no_snapshot(
        self, registry: CanStoreMetrics
    ) -> None:
        """Whatever becomes of it."""
        registry.define("mine", "counter")
        registry.bind("counter", "polymeter.records.applied").add()
        registry.counter("mine")
        assert [metric.value for metric in registry.snapshot().by_name("mine")] == [1]
