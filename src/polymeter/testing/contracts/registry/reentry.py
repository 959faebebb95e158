"""Re-entry: signal handlers, finalisers and conversions may use the registry that is just at work."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any

import pytest

from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, record, record_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanStoreMetrics

__all__ = ["Reentry"]


class _Number:
    """Does something when it is converted: what a registry may do in the middle of its work."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __float__(self) -> float:
        self._act()
        return 1.0


class Reentry(RegistryTests):
    """Nothing waits for itself, and nothing is lost."""

    @EACH_KIND
    def test_a_value_may_read_the_registry_while_it_is_converted(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """It sees a state that was, and everybody goes on."""
        seen: list[Any] = []

        def look() -> None:
            seen.append((registry.total("metric"), len(registry), registry.snapshot().taken_at))

        series = registry.bind(kind, "metric")
        record_on(series, kind, 1)
        record_on(series, kind, _Number(look))
        record(registry, kind, "metric", _Number(look))
        assert registry.get("metric").value in {1, 3}
        assert seen
        assert health_of(registry).applied == 3

    @EACH_KIND
    def test_a_value_may_record_while_it_is_converted(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """On the same series, another one, and one that is new."""
        series = registry.bind(kind, "metric")
        more: list[None] = []

        def act() -> None:
            more.append(None)
            record_on(series, kind, 1)
            record(registry, kind, "metric", 1)
            registry.counter(f"new.{len(more)}")

        for _ in range(10):
            record_on(series, kind, _Number(act))
        registry.all()
        assert registry.total("new.1") == 1
        assert health_of(registry).applied == 10 + 3 * len(more)

    def test_a_finaliser_may_record(self, registry: CanStoreMetrics) -> None:
        """Wherever the garbage collector happens to run."""
        ended: list[None] = []

        class Counted:
            def __init__(self) -> None:
                self.myself = self  # a circle, so that only the collector ends it

            def __del__(self) -> None:
                ended.append(None)
                registry.counter("ended", {"n": len(ended) % 7})

        thresholds = gc.get_threshold()
        gc.set_threshold(10)
        try:
            for _ in range(2000):
                Counted()
                registry.histogram("made", 1)
        finally:
            gc.set_threshold(*thresholds)
        gc.collect()
        assert registry.total("made") == 2000
        assert registry.total("ended") == len(ended)
        assert len(ended) >= 2000

    @pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no such signal here")
    def test_a_signal_handler_may_record_and_read(self, registry: CanStoreMetrics) -> None:
        """In the middle of a record or a read of the thread that it interrupts."""
        handled: list[None] = []
        series = registry.bind("counter", "both")

        def handle(*_: object) -> None:
            series.add()
            registry.counter("both")
            handled.append(None)
            registry.total("both")
            # One at a time: on a slow machine a handler may take longer than the pause between two signals.
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)

        before = signal.signal(signal.SIGVTALRM, handle)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)
        try:
            made = 0
            while len(handled) < 50:
                made += 2
                series.add()
                registry.counter("both")
                registry.total("both")
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        assert registry.total("both") == made + 2 * len(handled)

    def test_what_interrupts_a_read_loses_no_record(self, registry: CanStoreMetrics) -> None:
        """A handler that raises (Ctrl-C, a timeout) in the middle of it: the next read has everything."""
        raised: list[None] = []

        def interrupt() -> None:
            if not raised:
                raised.append(None)
                raise KeyboardInterrupt

        series = registry.bind("counter", "calls")
        try:
            for _ in range(10):
                series.add()
            record_on(series, Kind.COUNTER, _Number(interrupt))
            registry.total("calls")
        except KeyboardInterrupt:
            pass
        assert registry.total("calls") >= 10
