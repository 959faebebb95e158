"""What it costs to be watched: the same work watched by nobody, by us and by a peer, in turns.

What is compared is what the latter two add to the first. A peer of OpenTelemetry records metrics with its SDK and makes
no spans, which would add to it.
"""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.harness import REPEATS, Result
from polymeter import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from polymeter.collectors import MetricsCollector
    from polymeter.contracts import CanEmitEvents

TURNS = 2 * REPEATS


class Nobody:
    """Nobody watches."""

    def watching(self) -> AbstractContextManager[object]:
        """Watch while a block runs."""
        return nullcontext()

    def read(self) -> float:
        """Count what was seen."""
        return 0


class Ours(Nobody):
    """We watch.

    :param counted: the metric that counts what was seen.
    """

    def __init__(self, source: CanEmitEvents, collector: MetricsCollector, counted: str) -> None:
        self.source = source
        self.metrics = Metrics().collect(collector)
        self.counted = counted

    def watching(self) -> AbstractContextManager[object]:
        """Watch while a block runs."""
        return self.source.install(self.metrics.events)

    def read(self) -> float:
        """Count what was seen."""
        return self.metrics.registry.total(self.counted)


class OpenTelemetry(Nobody):
    """OpenTelemetry watches, by an instrumentation of its own.

    :param counted: the histogram that counts what was seen.
    """

    def __init__(self, instrumentor: Any, counted: str) -> None:
        self.instrumentor = instrumentor
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])
        self.counted = counted

    @contextmanager
    def watching(self) -> Iterator[object]:
        """Watch while a block runs."""
        self.instrumentor.instrument(meter_provider=self.provider)
        try:
            yield
        finally:
            self.instrumentor.uninstrument()

    def read(self) -> float:
        """Count what was seen."""
        data: Any = self.reader.get_metrics_data()
        metrics = [
            each for resource in data.resource_metrics for scope in resource.scope_metrics for each in scope.metrics
        ]
        counted = [each for each in metrics if each.name == self.counted]
        return sum(point.count for each in counted for point in each.data.data_points)


def added(
    name: str,
    work: Callable[[], object],
    ours: Nobody,
    theirs: Nobody,
    peer_name: str,
    *,
    per: int,
    seen: int,
    target: float | None = None,
) -> Result:
    """Do ``work`` watched by nobody, by us and by them, in turns; compare what the latter two add.

    :param per: operations in one ``work``, to give what is added to one.
    :param seen: how many of what is counted happen in one ``work``; both have to see them all.
    """
    watchers = {"nobody": Nobody(), "ours": ours, "theirs": theirs}
    times: dict[str, list[float]] = {each: [] for each in watchers}
    gc.collect()
    gc.freeze()  # the libraries are large, and nothing of them becomes garbage
    for turn in range(TURNS + 1):
        for each in list(watchers)[turn % 3 :] + list(watchers)[: turn % 3]:
            watcher = watchers[each]
            with watcher.watching():
                work()  # the interpreter learns anew what it calls whenever a class has changed
                watcher.read()
                gc.collect()
                began = time.process_time()
                work()
                watcher.read()  # the drain and a read belong to the work
                took = time.process_time() - began
            if turn:  # the first one warms up
                times[each].append(took / per)
    gc.unfreeze()
    everything = 2 * (TURNS + 1) * seen
    assert [each.read() for each in watchers.values()] == [0, everything, everything]
    # Turn by turn: what is added is small beside the work, whose own time changes with what else the machine does.
    adds = {
        each: statistics.median(took - plain for took, plain in zip(times[each], times["nobody"], strict=True))
        for each in ("ours", "theirs")
    }
    return Result(name, peer_name, adds["ours"], adds["theirs"], target)
