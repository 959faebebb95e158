"""Whole requests, in view: the files in ``golden``, which ``python -m tests.exporters.test_otlp_golden`` renews."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from polymeter.data import Counter, Exemplar, Gauge, Histogram, MetricDefinition, Snapshot, Tags, Timer, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.exporters.otlp.attributes import typed
from polymeter.exporters.otlp.json_text import JsonText
from polymeter.exporters.otlp.protobuf import Protobuf
from polymeter.exporters.otlp.rendering import Renderer
from polymeter.exporters.otlp.streams import Shape
from polymeter.exporters.otlp.style import Style
from tests.exporters.otlp_reading import request_of

GOLDEN = Path(__file__).with_name("golden")
AT = {"start": 1_700_000_000.0, "timestamp": 1_700_000_060.0}
TRACE = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "user": "u-1"}
METRICS = [
    Counter("jobs.done", 3, {"queue": "night", "ok": True}, **AT, exemplars=[Exemplar(TRACE, 1, 1_700_000_030.5)]),
    Counter("energy", 2.5, **AT),
    UpDownCounter("jobs.active", -2, {"shard": 7}, **AT),
    Gauge("queue.length", 7.5, {"share": 0.25}, timestamp=1_700_000_050.0),
    Timer("jobs.duration_ms", Distribution.of([0.005, 0.25, 0.25, 4.0], bounds=[0.1, 1.0]), **AT),
    Histogram("change", Distribution.of([-3, 0, 5]), {"text": 'a "b"\n\\ \u00e9'}, **AT),
]
DEFINITIONS = {
    "jobs.done": MetricDefinition.of("jobs.done", "counter", help='Jobs that "ended".'),
    "jobs.duration_ms": MetricDefinition.of("jobs.duration_ms", "timer", buckets=[100, 1000]),
}
SNAPSHOT = Snapshot(METRICS, definitions=DEFINITIONS, taken_at=1_700_000_060.0)
RESOURCE = typed(Tags.of({"service.name": "shop", "process.pid": 42}))


def body(encoding, shape, temporality):
    renderer = Renderer(encoding, Style(temporality, shape, 160, "always_on"), print)
    return renderer.render(SNAPSHOT, 1_700_000_070.0, RESOURCE, "1.5").body


def texts():
    """Give every golden text by its file."""
    return {
        "otlp_exponential.txtpb": text_format.MessageToString(
            request_of(body(Protobuf(), Shape.EXPONENTIAL, "cumulative"))
        ),
        "otlp_explicit.txtpb": text_format.MessageToString(request_of(body(Protobuf(), Shape.EXPLICIT, "cumulative"))),
        "otlp_delta.json": json.dumps(json.loads(body(JsonText(), Shape.EXPLICIT, "delta")), indent=1) + "\n",
        "otlp_exponential.json": json.dumps(json.loads(body(JsonText(), Shape.EXPONENTIAL, "cumulative")), indent=1)
        + "\n",
    }


@pytest.mark.parametrize("file", texts())
def test_the_request_is_the_golden_one(file):
    assert texts()[file] == (GOLDEN / file).read_text("utf-8")


if __name__ == "__main__":
    for name, text in texts().items():
        (GOLDEN / name).write_text(text, "utf-8")
