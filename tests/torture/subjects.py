"""What is tortured: the ways to record with Polymeter, all with the same four methods.

``record()`` makes one record on each of three metrics, ``read()`` gives them back, ``fresh(n)`` counts one on a series
that nobody may have made yet, ``total_of_fresh(n)`` reads it. Other libraries join by having the same methods.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.errors import MetricNotFoundError
from polymeter.exporters import NullExporter
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.registries.windowed import WindowedRegistry
from tests.torture.reading import LEVEL, VALUE_MS, Reading

TURNS, LATENCY, OPEN, FRESH = "torture.turns", "torture.latency_ms", "torture.open", "torture.fresh"
BUCKETS_MS = (50, 125, 200)
TAGS = ({"model": "a", "ok": True}, {"ok": True, "model": "a"})


def reading_of(counter, timer, gauge):
    """Give a reading of three frozen metrics."""
    held = timer.distribution
    in_buckets = (held.zeros + held.positive.total + held.negative.total,)
    if held.bound_counts:
        in_buckets += (sum(held.bound_counts),)
    level = None if math.isnan(gauge.value) else gauge.value
    return Reading(counter.value, held.count, held.sum, in_buckets, level)


class Named:
    """By name, with the tags in either order."""

    def __init__(self):
        self.registry = self._made()
        self.kept = []  # series that were bound on the way
        self.registry.define(LATENCY, "timer", buckets=BUCKETS_MS)
        self._order = itertools.cycle(TAGS).__next__

    def _made(self):
        return AggregatingRegistry()

    def record(self):
        tags = self._order()
        self.registry.counter(TURNS, tags)
        self.registry.timer(LATENCY, VALUE_MS, tags)
        self.registry.gauge(OPEN, LEVEL, tags)

    def read(self):
        try:
            return reading_of(*(self.registry.get(name, TAGS[0]) for name in (TURNS, LATENCY, OPEN)))
        except MetricNotFoundError:  # before the first record
            return Reading()

    def fresh(self, n):
        self.registry.counter(FRESH, {"n": n})

    def total_of_fresh(self, n):
        return self.registry.total(FRESH, {"n": n})

    def clear(self):
        self.registry.clear()

    def health(self):
        return self.registry.health()

    def have_something_to_leave(self):
        """Make self-metrics that a forked child must not take over."""
        self.registry.counter(FRESH, {"n": "poison"}, -1)

    def left_by_parent(self):
        """Give the self-metrics that are not zero."""
        return [
            str(metric) for metric in self.registry.snapshot() if metric.name.startswith("polymeter.") and metric.value
        ]


class Points(Named):
    """By name, in a registry that keeps points and has to fold them all the time."""

    def _made(self):
        return InMemoryRegistry(max_points=32)


class Windowed(Named):
    """By name, in a registry whose windows come and go."""

    def _made(self):
        return WindowedRegistry(seconds=0.05, keep=4)


class Bound(Named):
    """On bound series."""

    def __init__(self):
        super().__init__()
        self.turns = self.registry.bind("counter", TURNS, TAGS[0])
        self.latency = self.registry.bind("timer", LATENCY, TAGS[0])
        self.open = self.registry.bind("gauge", OPEN, TAGS[0])

    def record(self):
        self.turns.add()
        self.latency.record(VALUE_MS)
        self.open.set(LEVEL)

    def read(self):
        return reading_of(self.turns.freeze(), self.latency.freeze(), self.open.freeze())

    def fresh(self, n):
        series = self.registry.bind("counter", FRESH, {"n": n})
        series.add()
        self.kept.append(series)


@dataclass(slots=True)
class Turn:
    model: str
    ok: bool
    latency_ms: float
    open: float


@dataclass(slots=True)
class Fresh:
    n: int


class TurnMetrics(MetricsCollector):
    turns = measure.counter(TURNS, on=Turn, tags=("model", "ok"))
    latency = measure.timer(LATENCY, on=Turn, value="latency_ms", tags=("model", "ok"), buckets=BUCKETS_MS)
    open = measure.gauge(OPEN, on=Turn, value="open", tags=("model", "ok"))
    fresh = measure.counter(FRESH, on=Fresh, tags=("n",))


class Dispatched:
    """By dispatching events that a declared collector listens to; read through the facade."""

    def __init__(self, **parts):
        self.metrics = Metrics(**parts).collect(TurnMetrics())
        self.registry = self.metrics.registry
        self.kept = []
        self._dispatch = self.metrics.events.dispatch

    def record(self):
        self._dispatch(Turn("a", True, VALUE_MS, LEVEL))

    def read(self):
        found = {metric.name: metric for metric in self.metrics.snapshot() if metric.name in {TURNS, LATENCY, OPEN}}
        return (
            reading_of(*(found[name] for name in (TURNS, LATENCY, OPEN))) if len(found) == len(TAGS) + 1 else Reading()
        )

    def fresh(self, n):
        self._dispatch(Fresh(n))

    def total_of_fresh(self, n):
        return self.registry.total(FRESH, {"n": n})

    def clear(self):
        self.metrics.clear()

    def health(self):
        return self.metrics.health().registry

    def have_something_to_leave(self):
        def fail(event):
            raise ValueError

        self.metrics.events.add_listener(str, fail)
        self.metrics.events.dispatch("fails")
        self.metrics.export_to(NullExporter()).export()

    def left_by_parent(self):
        snapshot = self.metrics.snapshot()
        return [str(metric) for metric in snapshot if metric.name.startswith("polymeter.") and metric.value]


OURS = {each.__name__.lower(): each for each in (Bound, Named, Dispatched, Points, Windowed)}
