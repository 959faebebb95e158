"""Streams chunk by chunk, with the numbers that anybody can work out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from polymeter.collectors import InferenceMetricsCollector
from polymeter.events.inference import (
    StreamChunkReceived,
    StreamFirstChunkReceived,
    StreamFirstContentReceived,
    Usage,
)
from polymeter.registries import AggregatingRegistry
from polymeter.sources import start_inference

NOTHING, CONTENT = False, True


@dataclass
class Trace:
    """What comes when, in seconds since the call; then the numbers that have to come of it, in ms."""

    chunks: list[tuple[float, bool]]
    end: float
    usage: Usage | None
    first: float | None
    content: float | None
    gap: float | None
    rate: float | None


TRACES = {
    "the role first, then two pieces and the end": Trace(
        [(0.5, NOTHING), (0.75, CONTENT), (1.0, CONTENT), (1.25, NOTHING)],
        end=1.5,
        usage=Usage(input=10, output=20),
        first=500.0,
        content=750.0,
        gap=250.0,  # three gaps of 250
        rate=20.0,  # 20 tokens in 1.5 - 0.5 s
    ),
    "reasoning only: that is content, too": Trace(
        [(1.0, CONTENT), (2.0, CONTENT)],
        end=3.0,
        usage=Usage(input=10, reasoning=30),
        first=1000.0,
        content=1000.0,
        gap=1000.0,
        rate=15.0,  # 30 tokens in 3 - 1 s
    ),
    "a tool call: the role, its arguments, the end": Trace(
        [(0.25, NOTHING), (0.5, CONTENT), (1.75, CONTENT), (2.0, NOTHING)],
        end=2.25,
        usage=Usage(input=5, output=8),
        first=250.0,
        content=500.0,
        gap=1750.0 / 3,  # 250, 1250 and 250
        rate=4.0,
    ),
    "an empty chunk: a first chunk, and never any content": Trace(
        [(0.5, NOTHING)], end=1.0, usage=None, first=500.0, content=None, gap=None, rate=None
    ),
    "one chunk: no gap, and no time in which it was written": Trace(
        [(2.0, CONTENT)], end=2.5, usage=Usage(input=1, output=100), first=2000.0, content=2000.0, gap=None, rate=None
    ),
    "usage in a chunk of its own, last": Trace(
        [(1.0, CONTENT), (1.5, CONTENT), (3.0, NOTHING)],
        end=3.0,
        usage=Usage(input=7, cache_read=3, output=6, reasoning=4),
        first=1000.0,
        content=1000.0,
        gap=1000.0,  # 500 and 1500
        rate=5.0,  # 10 tokens in 3 - 1 s
    ),
    "no usage: gaps, and no rate": Trace(
        [(1.0, CONTENT), (1.5, CONTENT)], end=2.0, usage=None, first=1000.0, content=1000.0, gap=500.0, rate=None
    ),
    "no chunk at all": Trace(
        [], end=4.0, usage=Usage(input=3, output=0), first=None, content=None, gap=None, rate=None
    ),
    "pings for a while before the first word": Trace(
        [(10.0, NOTHING), (20.0, NOTHING), (61.0, CONTENT), (62.0, CONTENT)],
        end=62.0,
        usage=Usage(input=1, output=26),
        first=10_000.0,
        content=61_000.0,
        gap=52_000.0 / 3,
        rate=0.5,
    ),
}

pytestmark = pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)


@pytest.fixture
def played(ear, clock):
    """Give a function that plays a trace."""

    def play(trace):
        start = clock.monotonic()
        run = start_inference(ear.dispatcher, model="m", streamed=True)
        run.attempt_started()
        run.attempt_succeeded(200)
        for at, has_content in trace.chunks:
            clock.advance(start + at - clock.monotonic())
            run.chunk(has_content)
        if trace.usage is not None:
            run.usage(trace.usage)
        run.finish_reason = "stop"
        clock.advance(start + trace.end - clock.monotonic())
        run.end("ok")

    return play


def test_its_completion_has_its_numbers(ear, played, trace):
    played(trace)
    end = ear.end
    assert end.duration_ms == trace.end * 1000
    assert end.chunk_count == len(trace.chunks)
    assert end.time_to_first_chunk_ms == trace.first
    assert end.time_to_first_content_ms == trace.content
    assert end.mean_chunk_gap_ms == (None if trace.gap is None else pytest.approx(trace.gap))
    assert end.decode_tokens_per_second == trace.rate


def test_its_chunks_are_told_as_they_come(ear, played, trace):
    played(trace)
    assert [e.time_to_first_chunk_ms for e in ear.all(StreamFirstChunkReceived)] == [trace.first][: len(trace.chunks)]
    told = [event.time_to_first_content_ms for event in ear.all(StreamFirstContentReceived)]
    assert told == ([] if trace.content is None else [trace.content])
    later = ear.all(StreamChunkReceived)
    assert [event.index for event in later] == list(range(1, len(trace.chunks)))
    assert [event.has_content for event in later] == [has_content for _, has_content in trace.chunks[1:]]
    times = [at for at, _ in trace.chunks]
    gaps = [(after - before) * 1000 for before, after in pairwise(times)]
    assert [event.gap_ms for event in later] == gaps


@pytest.mark.parametrize("per_chunk", [False, True], ids=["means", "each gap"])
def test_its_metrics_have_its_numbers(ear, played, trace, per_chunk):
    registry = AggregatingRegistry()
    with InferenceMetricsCollector(per_chunk=per_chunk).register(ear.dispatcher, registry):
        played(trace)

    def one(name):
        metrics = registry.find(name)
        return metrics[0].distribution.sum if metrics else None

    def ms(name):
        metrics = registry.find(name)
        return metrics[0].mean_ms if metrics else None

    assert ms("inference.duration_ms") == trace.end * 1000
    assert ms("inference.ttfc_ms") == trace.first
    assert ms("inference.ttft_ms") == trace.content
    assert ms("inference.mean_chunk_gap_ms") == (None if trace.gap is None else pytest.approx(trace.gap))
    assert one("inference.decode.tokens_per_sec") == trace.rate
    counts = [metric.count for metric in registry.find("inference.chunk_gap_ms")]
    gaps = max(0, len(trace.chunks) - 1)
    assert counts == ([gaps] if per_chunk and gaps else [])
    assert ms("inference.chunk_gap_ms") == (pytest.approx(trace.gap) if counts else None)
