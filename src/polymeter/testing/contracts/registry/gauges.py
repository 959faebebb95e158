"""Gauges: which reading is the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.contracts.registry.base import RegistryTests

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics
    from polymeter.testing.clock import ManualClock

__all__ = ["Gauges"]


class Gauges(RegistryTests):
    """Program order, unless a record says its own time."""

    def test_the_last_one_recorded_wins_over_a_clock_that_is_stepped_back(
        self, registry: CanStoreMetrics, clock: ManualClock
    ) -> None:
        """Whether or not somebody reads in between."""
        series = registry.bind("gauge", "bound")
        for value in range(1, 4):
            clock.set_wall(clock.wall() - 3600)
            registry.gauge("read", value)
            registry.gauge("unread", value)
            series.set(value)
            assert registry.get("read").value == value
        assert registry.get("unread").value == 3
        assert registry.get("bound").value == 3

    def test_of_two_readings_of_one_moment_the_later_record_wins(self, registry: CanStoreMetrics) -> None:
        """By the verb and on a bound series in turns."""
        series = registry.bind("gauge", "level")
        for value in range(10):
            series.set(value)
            registry.gauge("level", value + 0.5)
        assert registry.get("level").value == 9.5
        series.set(1)
        assert registry.get("level").value == 1

    def test_a_reading_that_says_its_time_is_placed_by_it(self, registry: CanStoreMetrics, clock: ManualClock) -> None:
        """One that came late does not take the place of a newer one."""
        now = clock.wall()
        registry.gauge("level", 1, at=now - 60)
        registry.gauge("level", 2, at=now - 30)
        registry.gauge("level", 3, at=now - 45)
        assert registry.get("level").value == 2
        assert registry.get("level").timestamp == now - 30
        registry.gauge("level", 4)
        assert registry.get("level").value == 4
        registry.gauge("level", 5, at=now - 1)
        assert registry.get("level").value == 4

    def test_of_two_readings_that_say_the_same_time_the_later_record_wins(
        self, registry: CanStoreMetrics, clock: ManualClock
    ) -> None:
        """The larger value has nothing to do with it."""
        registry.gauge("level", 9, at=clock.wall())
        registry.gauge("level", 3, at=clock.wall())
        assert registry.get("level").value == 3

    def test_a_bound_gauge_takes_a_time_too(self, registry: CanStoreMetrics, clock: ManualClock) -> None:
        """As the verb does."""
        series = registry.bind("gauge", "level")
        series.set(1, at=clock.wall() - 10)
        series.set(2, at=clock.wall() - 20)
        assert registry.get("level").value == 1

    def test_a_gauge_says_when_its_reading_was_taken(self, registry: CanStoreMetrics, clock: ManualClock) -> None:
        """Not when it was asked."""
        registry.gauge("level", 1)
        registry.bind("gauge", "bound").set(1)
        recorded = clock.wall()
        clock.advance(100)
        assert registry.get("level").timestamp == recorded
        assert registry.get("bound").timestamp == recorded
