"""Threads: exact at the end, and never at odds with itself on the way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, record, record_on
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics
    from polymeter.data.distribution import Distribution

__all__ = ["Threads"]

_THREADS = 8
_RECORDS = 10_000
_CONSTANT = 3


class Threads(RegistryTests):
    """Eight threads on one registry."""

    def test_threads_that_record_by_verbs_lose_nothing(self, registry: CanStoreMetrics) -> None:
        """On one series that all share and one of each thread's own."""

        def work(thread: int) -> None:
            own = {"thread": str(thread)}
            for _ in range(_RECORDS // 2):
                registry.counter("shared")
                registry.counter("own", own, 2)

        together(work, _THREADS)
        assert registry.total("shared") == _THREADS * _RECORDS // 2
        for thread in range(_THREADS):
            assert registry.total("own", {"thread": str(thread)}) == _RECORDS
        assert health_of(registry).records == _THREADS * _RECORDS

    def test_threads_that_record_on_bound_series_lose_nothing(self, registry: CanStoreMetrics) -> None:
        """Bound once for all, or by each thread by itself."""
        shared = registry.bind("counter", "shared")

        def work(thread: int) -> None:
            del thread
            own = registry.bind("up_down", "mine", {"a": "b"})
            for _ in range(_RECORDS // 4):
                shared.add()
                own.add(-1)

        together(work, _THREADS)
        assert registry.total("shared") == _THREADS * _RECORDS // 4
        assert registry.total("mine") == -_THREADS * _RECORDS // 4
        assert health_of(registry).applied == _THREADS * _RECORDS // 2

    @EACH_KIND
    def test_a_series_is_made_once(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """However many threads record on it first."""

        def work(thread: int) -> None:
            for number in range(50):
                record(registry, kind, "metric", 1, {"n": number, "half": thread % 2})

        together(work, _THREADS)
        assert len(registry.snapshot().by_name("metric")) == 100
        assert health_of(registry).applied == _THREADS * 50

    def test_each_thread_reads_what_it_wrote(self, registry: CanStoreMetrics) -> None:
        """While all the others write and read."""

        def work(thread: int) -> bool:
            own = {"thread": thread}
            series = registry.bind("histogram", "size", own)
            right = True
            for count in range(1, 21):
                registry.counter("calls", own)
                series.record(count)
                right = right and registry.total("calls", own) == count == registry.get("size", own).count
            return right

        assert all(together(work, _THREADS))

    def test_reads_agree_with_themselves(self, registry: CanStoreMetrics) -> None:
        """Of observations that are all the same, the sum is the count times that one, at every moment."""
        writing = threading.Event()
        writing.set()
        left = [None] * (_THREADS - 2)

        def write() -> int:
            series = registry.bind("histogram", "size")
            for _ in range(_RECORDS // 20):
                record_on(series, Kind.HISTOGRAM, _CONSTANT)
                registry.timer("wait", _CONSTANT)
            left.pop()
            if not left:
                writing.clear()
            return 0

        def read() -> int:
            odd = 0
            last = 0
            while writing.is_set():
                for metric in registry.snapshot().by_name("size"):
                    distribution: Distribution = getattr(metric, "distribution")  # noqa: B009 - a histogram has one
                    counted = distribution.positive.total
                    odd += not distribution.sum == _CONSTANT * distribution.count == _CONSTANT * counted
                    odd += distribution.count < last
                    last = distribution.count
            return odd

        assert together(lambda number: read() if number < 2 else write(), _THREADS) == [0] * _THREADS
        assert registry.get("size").count == registry.get("wait").count == (_THREADS - 2) * _RECORDS // 20

    def test_clearing_while_others_record_raises_nothing(self, registry: CanStoreMetrics) -> None:
        """Afterwards everything is exact again, on the series of before too."""
        shared = registry.bind("counter", "calls")

        def work(thread: int) -> None:
            for number in range(500):
                if thread:
                    shared.add()
                    registry.counter("calls")
                    registry.histogram("size", 1, {"thread": thread})
                elif number % 25 == 0:
                    registry.clear()

        together(work, _THREADS)
        assert registry.total("calls") <= (_THREADS - 1) * 1000
        registry.clear()
        shared.add()
        registry.counter("calls")
        assert registry.total("calls") == 2
        assert health_of(registry).records == 2
