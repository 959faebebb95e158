"""One snapshot with a metric of every kind, style and oddity: what the golden files show."""

from __future__ import annotations

import math

from polymeter.data import (
    Counter,
    Distribution,
    Exemplar,
    Gauge,
    Histogram,
    MetricDefinition,
    Snapshot,
    Tags,
    Timer,
    UpDownCounter,
)
from polymeter.exporters.prometheus import PrometheusExporter, Quantiles

START = 1_700_000_000.25
SEEN = START + 10

SNAPSHOT = Snapshot(
    [
        Counter("chat.turns", 3, {"ok": True, "model": "gpt"}, exemplars=[Exemplar({"trace_id": "t1"}, 1, SEEN)]),
        Counter("chat.turns", 1.5, {"ok": False, "model": 'a "b" \\ c\nd'}),
        Counter("cpu_ms", 1500, start=START),
        UpDownCounter("chat.active", -1),
        Gauge("room.temperature", 20.5, {"room": "Küche", "floor.no": None, "empty": ""}),
        Gauge("weird", math.nan, {"sign": "none"}),
        Gauge("weird", -0.0, {"sign": "-"}),
        Gauge("never.set", sequence=-1),
        Timer(
            "chat.wait_ms",
            Distribution.of([0.004, 0.005, 0.006, 0.25, 30.0], bounds=(0.005, 1.0)),
            start=START,
            exemplars=[
                Exemplar({"trace_id": "slow", "span.id": "s"}, 30.0, SEEN),
                Exemplar({"trace_id": "quick"}, 0.004, SEEN + 1),
            ],
        ),
        Histogram("chat.tokens", Distribution.of([1, 16, 17, 10**6]), {"le": "x"}, unit="tokens"),
        Histogram("drift", Distribution.of([-7.5, 0.0, 2.5], bounds=(-5.0, 0.0, 1e6))),
        Timer("idle"),
        Timer("turn.length", Distribution.of([1.0, 1.0, 2.0]), {"model": "gpt"}, start=START),
        Histogram("turn.words", Distribution.of([3, 4, 900]), {"model": "gpt"}, start=START),
    ],
    definitions={
        "chat.turns": MetricDefinition.of("chat.turns", "counter", help='Turns "so far".\nAll of them: \\.'),
        "chat.wait_ms": MetricDefinition.of("chat.wait_ms", "timer", help="Waiting.", buckets=[5, 1000]),
        "drift": MetricDefinition.of("drift", "histogram", buckets=[-5, 0, 1e6]),
        "idle": MetricDefinition.of("idle", "timer", unit="s", buckets=[1]),
        "turn.length": MetricDefinition.of("turn.length", "timer", buckets=[1000, 1500]),
    },
    resource=Tags({"service.name": "shop", "host": "h1"}),
)


def exporter(**options) -> PrometheusExporter:
    """Give an exporter of the snapshot, with a native histogram and a summary."""
    made = PrometheusExporter(styles={"turn.length": "native", "turn.words": Quantiles(0.5, 0.99)}, **options)
    made.export(SNAPSHOT)
    return made
