"""Threads: exact totals, however many threads dispatch."""

from __future__ import annotations

import pytest

from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, Wired, adds_up, health_of
from polymeter.testing.contracts.registry.together import together

__all__ = ["Threads"]

_THREADS = 8
_TIMES = 10


class Threads(CollectorTests):
    """Eight threads on one collector."""

    def test_threads_that_dispatch_lose_nothing(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """Together they record what one of them records so many times."""
        once = self.wire(make_registry)
        once.dispatch(self.make_events())

        def work(_: int) -> None:
            for _ in range(_TIMES):
                wired.dispatch(self.make_events())

        together(work, _THREADS)
        times = _THREADS * _TIMES
        expected = {name: figure * (times if adds_up(name) else 1) for name, figure in once.figures.items()}
        assert wired.figures == pytest.approx(expected, rel=1e-9)
        assert health_of(wired.registry).records == times * health_of(once.registry).records
        assert sum(each.failed for each in wired.events.health()) == 0
