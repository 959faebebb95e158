"""Wherever a signal handler raises inside of a drain, every record counts once."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries import AggregatingRegistry, InMemoryRegistry, WindowedRegistry

RECORDS = 20

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Interrupted(BaseException):
    """Like ``KeyboardInterrupt``, no error."""


class RaisingAt:
    """Raises where Python calls signal handlers, the ``n``-th time: when a function begins or a call into C ends."""

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, argument):
        if event in {"call", "c_return"} and argument is not sys.setprofile:
            self.left -= 1
            if self.left == 0:
                sys.setprofile(None)
                raise Interrupted

    def __enter__(self):
        sys.setprofile(self)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)


@dataclass(slots=True)
class Turn:
    model: str
    duration_ms: float
    level: float


class TurnMetrics(MetricsCollector):
    turns = measure.counter("turns", on=Turn, tags=("model",))
    latency = measure.timer("latency_ms", on=Turn, value="duration_ms", tags=("model",))
    level = measure.gauge("level", on=Turn, value="level", tags=("model",))


class Dispatched:
    def __init__(self):
        self.metrics = Metrics().collect(TurnMetrics())
        self.registry = self.metrics.registry

    def record(self):
        self.metrics.events.dispatch(Turn("a", 125.0, 7.0))


class Named:
    make = AggregatingRegistry

    def __init__(self):
        self.registry = self.make()

    def record(self):
        tags = {"model": "a"}
        self.registry.counter("turns", tags)
        self.registry.timer("latency_ms", 125.0, tags)
        self.registry.gauge("level", 7.0, tags)


class Bound(Named):
    def __init__(self):
        super().__init__()
        kinds = (("counter", "turns"), ("timer", "latency_ms"), ("gauge", "level"))
        self.turns, self.latency, self.level = (self.registry.bind(*each, {"model": "a"}) for each in kinds)

    def record(self):
        self.turns.add()
        self.latency.record(125.0)
        self.level.set(7.0)


class Points(Named):
    def make(self):
        return InMemoryRegistry(max_points=8)


class Windowed(Named):
    make = WindowedRegistry


def whole(registry):
    """Give what all metrics say, and what became of all records."""
    return (
        registry.total("turns"),
        registry.total("latency_ms"),
        registry.get("latency_ms", {"model": "a"}).count,
        registry.get("level", {"model": "a"}).value,
        registry.health().applied,
        registry.health().invalid,
    )


@pytest.mark.parametrize("way", [Bound, Named, Dispatched, Points, Windowed])
@pytest.mark.parametrize("read", ["snapshot", "total"])
def test_a_read_that_is_interrupted_anywhere_loses_and_doubles_nothing(way, read):
    """The next one finishes what it has begun."""
    reached = interrupted = 0
    while True:
        subject = way()
        for _ in range(RECORDS):
            subject.record()
        reached += 1
        try:
            with RaisingAt(reached) as raising:
                subject.registry.snapshot() if read == "snapshot" else subject.registry.total("turns")
        except Interrupted:
            interrupted += 1
        else:
            if raising.left > 0:
                break  # else it was raised where Python passes over it: in a finaliser
        assert whole(subject.registry) == (RECORDS, RECORDS * 125, RECORDS, 7, 3 * RECORDS, 0), reached
        subject.record()
        assert subject.registry.total("turns") == RECORDS + 1, reached
    assert interrupted > 50


@pytest.mark.parametrize("way", [Bound, Named, Dispatched, Points])
def test_a_clear_that_is_interrupted_anywhere_can_be_done_again(way):
    """And what is recorded after it counts from nothing."""
    reached = 0
    while True:
        subject = way()
        for _ in range(RECORDS):
            subject.record()
        reached += 1
        try:
            with RaisingAt(reached) as raising:
                subject.registry.clear()
        except Interrupted:
            subject.registry.clear()
        else:
            if raising.left > 0:
                break
        subject.record()
        assert whole(subject.registry) == (1, 125, 1, 7, 3, 0), reached
    assert reached > 10
