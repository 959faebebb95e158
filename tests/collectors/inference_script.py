"""A script of LLM calls as a source tells them: the events that the tests of more than one collector read."""

from __future__ import annotations

from polymeter.events.inference import InferenceCompleted, StreamChunkReceived, Usage

__all__ = ["CALLS", "calls", "ended", "written"]


def ended(**said):
    """Give the end of a call, of which the test says what matters."""
    return InferenceCompleted(
        **{
            "execution_id": "1",
            "model": "gpt-demo",
            "provider": "openai",
            "outcome": "ok",
            "duration_ms": 1000,
            **said,
        }
    )


def calls():
    """Give one call of each sort: whole, streamed, without usage, failed, cancelled, and for embeddings."""
    stream = {"execution_id": "2", "model": "claude-demo", "provider": "anthropic", "streamed": True}
    return [
        ended(
            duration_ms=500,
            usage=Usage(input=10, cache_read=5, output=16, reasoning=4),
            response_model="gpt-demo-2026-01-01",
            server_address="api.openai.com",
        ),
        StreamChunkReceived(**stream, index=1, gap_ms=10, has_content=True),
        StreamChunkReceived(**stream, index=2, gap_ms=30, has_content=False),
        ended(
            **stream,
            duration_ms=2000,
            time_to_first_chunk_ms=640,
            usage=Usage(input=3, cache_write=1, output=64),
            response_model="claude-demo",
        ),
        ended(**stream, duration_ms=90, time_to_first_chunk_ms=15),  # nobody asked for its usage
        ended(duration_ms=20, outcome="error", error_type="RateLimitError"),
        ended(duration_ms=30, outcome="error"),
        ended(
            **stream, duration_ms=100, outcome="cancelled", time_to_first_chunk_ms=20, usage=Usage(input=3, output=2)
        ),
        ended(
            model="embed-demo",
            operation="embeddings",
            duration_ms=80,
            usage=Usage(input=256),
            input_count=2,
            dimensions=1536,
        ),
        ended(
            model="embed-demo", operation="embeddings", duration_ms=40, outcome="error", error_type="APITimeoutError"
        ),
    ]


CALLS = len([event for event in calls() if isinstance(event, InferenceCompleted)])


def written(metrics, name):
    """Give the tags of each series of a name as a dict in text, with its value; of a distribution count and sum."""
    return [
        (dict(metric.tags.canonical), (metric.count, metric.sum) if metric.kind.is_distribution else metric.value)
        for metric in metrics.registry.find(name)
    ]
