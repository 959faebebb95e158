"""An application with a metric of every kind, and beside it, in plain Python, what it recorded."""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from polymeter.registries import AggregatingRegistry
    from tests.servers.prometheus import Labels

Tags: TypeAlias = "dict[str, str | int | float | bool]"

ODD_TAGS: tuple[Tags, ...] = (
    {"room": "day"},
    {"room": 'the "blue" room', "path": "C:\\new\\n"},
    {"room": "first line\nsecond line"},
    {"room": "Größe ☕ 部屋 😀", "tag with spaces": "{a=b,c}"},
    {"room": " # {} 1", "streamed": True, "status": 429, "share": 0.25},
)
"""Tags whose texts mean something in the formats, or are not ASCII."""

WAIT_BOUNDS = (0.01, 0.1, 1.0, 10.0)
"""Seconds; counted exactly."""
WAIT_HELP = 'Waiting:\n"how long" \\ in the queue.'


@dataclass
class Ledger:
    """What was recorded, by the name of the metric and its labels.

    :ivar sums: counters, up-down counters, and last values of gauges.
    :ivar observations: of histograms and timers, in base units.
    :ivar exemplars: ``trace_id`` -> the value that it came with, in base units.
    """

    sums: dict[str, dict[Labels, float]] = field(default_factory=dict)
    observations: dict[str, dict[Labels, list[float]]] = field(default_factory=dict)
    exemplars: dict[str, float] = field(default_factory=dict)


def labels_of(tags: Tags) -> Labels:
    """Give the tags as labels: values are texts."""
    return frozenset(
        (name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in tags.items()
    )


def record_everything(registry: AggregatingRegistry, *, seed: int = 0) -> Ledger:
    """Record with every kind of metric, whole and fractional numbers, large and small, and odd tags."""
    chance = random.Random(seed)
    ledger = Ledger()
    registry.define("queue.wait_ms", "timer", help=WAIT_HELP, buckets=[bound * 1000 for bound in WAIT_BOUNDS])
    registry.define("jobs.done", "counter", help="Jobs that ended.")
    for number, tags in enumerate(ODD_TAGS):
        part = chance.uniform(0.001, 1e6)
        sums = {"jobs.done": 2**40 * number + 3, "energy": part + part + part, "temperature": -1e12 * number - 0.1}
        registry.counter("jobs.done", tags, sums["jobs.done"])
        for _ in range(3):
            registry.counter("energy", tags, part)
        registry.gauge("temperature", 20.5, tags)
        registry.gauge("temperature", sums["temperature"], tags)
        registry.up_down("open", 5, tags)
        registry.up_down("open", -7 - number, tags)
        sums["open"] = -2 - number
        waits = [chance.lognormvariate(-2, 2) for _ in range(200)] + list(WAIT_BOUNDS)
        for seconds in waits:
            registry.timer("queue.wait_ms", seconds * 1000, tags)
        sizes = [float(chance.randrange(1, 10**6)) for _ in range(100)]
        for size in sizes:
            registry.histogram("answer.size_bytes", size, tags)
        for name, value in sums.items():
            ledger.sums.setdefault(name, {})[labels_of(tags)] = float(value)
        for name, values in {"queue.wait_ms": waits, "answer.size_bytes": sizes}.items():
            ledger.observations.setdefault(name, {})[labels_of(tags)] = values
    registry.exemplar("counter", "jobs.done", 3, {"trace_id": "c0ffee"}, ODD_TAGS[0])
    registry.exemplar("timer", "queue.wait_ms", 50, {"trace_id": "t50", "span_id": "é"}, ODD_TAGS[0])
    registry.exemplar("timer", "queue.wait_ms", 5000, {"trace_id": "t5000"}, ODD_TAGS[0])
    ledger.exemplars = {"c0ffee": 3, "t50": 0.05, "t5000": 5}
    return ledger


def at_or_below(bound: float, values: list[float]) -> int:
    """Give how many ``values`` do not exceed ``bound``."""
    return bisect_right(sorted(values), bound)


def quantile(share: float, values: list[float]) -> float:
    """Give the smallest of ``values`` that at least ``share`` of them do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
