"""Forks: the child is a writer of its own, and the parent does not notice.

Where processes share a registry, this is about the part of each.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, own_of, record, record_on
from polymeter.testing.contracts.registry.child import answer_of_a_child

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics

__all__ = ["Forks"]


class Forks(RegistryTests):
    """What happens in a forked child stays there."""

    @EACH_KIND
    def test_a_child_starts_from_zero(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """With the same definitions, and with the series that the parent had bound."""
        registry.define("metric", kind, help="Something.")
        series = registry.bind(kind, "metric")
        record_on(series, kind, 100)
        record(registry, kind, "metric", 100)

        def child() -> Any:
            own = own_of(registry)
            before = [own.total("metric"), health_of(registry).records, len(own)]
            record_on(series, kind, 3)
            record(registry, kind, "metric", 3)
            metric = own.get("metric")
            return [*before, metric.value, health_of(registry).applied, registry.snapshot().definitions["metric"].help]

        value = 6 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 3
        assert answer_of_a_child(child) == [0, 0, 0, value, 2, "Something."]
        assert own_of(registry).get("metric").value == (200 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 100)
        assert health_of(registry).applied == 2

    def test_a_child_is_a_new_writer(self, registry: CanStoreMetrics) -> None:
        """And each child another one."""

        def writer() -> Any:
            return own_of(registry).snapshot().writer

        mine = own_of(registry).snapshot().writer
        assert len({mine, answer_of_a_child(writer), answer_of_a_child(writer)}) == 3
        assert own_of(registry).snapshot().writer == mine

    def test_records_that_were_pending_are_the_parents(self, registry: CanStoreMetrics) -> None:
        """Both sides count them once together."""
        series = registry.bind("counter", "calls")
        for _ in range(10):
            series.add()
        assert answer_of_a_child(lambda: own_of(registry).total("calls")) == 0
        assert registry.total("calls") == 10

    def test_a_child_is_well_however_busy_its_parent_was(self, registry: CanStoreMetrics) -> None:
        """Forked while other threads record and read, it neither hangs nor finds what was theirs."""
        busy = threading.Event()
        busy.set()
        recorded: list[int] = []

        def work() -> None:
            series = registry.bind("timer", "wait")
            made = 0
            while busy.is_set():
                series.record(1)
                registry.timer("wait", 1)
                made += 2
                if made % 100 == 0:
                    registry.snapshot()
            recorded.append(made)

        def child() -> Any:
            registry.timer("wait", 5)
            registry.counter("new")
            own = own_of(registry)
            return [own.get("wait").count, own.total("new"), len(own.snapshot().by_name("wait"))]

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            answers = [answer_of_a_child(child) for _ in range(10)]
        finally:
            busy.clear()
            for thread in threads:
                thread.join()
        assert answers == [[1, 1, 1]] * 10
        assert own_of(registry).get("wait").count == sum(recorded)
