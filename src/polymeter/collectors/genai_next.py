"""The OpenTelemetry GenAI metrics under the names that are split by operation.

Beside the histograms of what one call used there are counters of what all of them used. A call without usage counts as
0 in both, as the conventions have it, so that it is seen: also a call that failed before it was answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.collectors.genai_names import DURATION_BOUNDS, NEXT, TOKEN_BOUNDS
from polymeter.collectors.genai_part import GenAIPart
from polymeter.collectors.genai_readings import (
    ENDED,
    FAILED,
    STREAMING,
    first_chunk_seconds,
    gap_seconds,
    is_embeddings,
    is_inference,
    seconds,
)
from polymeter.collectors.measure import Measure, measure
from polymeter.events.inference import InferenceCompleted, StreamChunkReceived

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NextGenAI", "NextGenAIChunks"]


def _modality(_: Any) -> str:
    """Say that nobody tells texts from images and sound: events carry no such breakdown."""
    return "unknown"


_USED = {**ENDED, "gen_ai.token.modality": _modality}


def _tokens(part: str) -> Callable[[InferenceCompleted], int]:
    def tokens(event: InferenceCompleted) -> int:
        return 0 if event.usage is None else getattr(event.usage, part)

    return tokens


def _used(measurement: str, part: str, help: str) -> Measure:
    return measure.counter(
        NEXT[measurement],
        on=InferenceCompleted,
        value=_tokens(part),
        tags=_USED,
        when=is_inference,
        unit="{token}",
        help=help,
    )


def _of_a_call(measurement: str, part: str, help: str) -> Measure:
    return measure.histogram(
        NEXT[measurement],
        on=InferenceCompleted,
        value=_tokens(part),
        tags=FAILED,
        when=is_inference,
        unit="{token}",
        buckets=TOKEN_BOUNDS,
        help=help,
    )


class NextGenAI(GenAIPart):
    """What a call means when it ends."""

    duration = measure.timer(
        NEXT["duration"],
        on=InferenceCompleted,
        value=seconds,
        tags=FAILED,
        when=is_inference,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from the start of a call to its end, retries and their waits included.",
    )
    first_chunk = measure.timer(
        NEXT["time to first chunk"],
        on=InferenceCompleted,
        value=first_chunk_seconds,
        tags=ENDED,
        when=is_inference,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from the start of a streamed call to its first chunk.",
    )
    input_tokens = _of_a_call("input tokens of a call", "input_tokens", "Prompt tokens of a call; 0 if nobody said.")
    output_tokens = _of_a_call("output tokens of a call", "output_tokens", "Answer tokens of a call; 0 if nobody said.")
    input_used = _used("input tokens", "input_tokens", "Prompt tokens, cached ones included.")
    output_used = _used("output tokens", "output_tokens", "Answer tokens, reasoning included.")
    cache_read_used = _used("tokens read from a cache", "cache_read", "Prompt tokens that came from a cache.")
    cache_write_used = _used("tokens written to a cache", "cache_write", "Prompt tokens that were written to a cache.")
    reasoning_used = _used("reasoning tokens", "reasoning", "Answer tokens that are reasoning.")
    embeddings_duration = measure.timer(
        NEXT["embeddings duration"],
        on=InferenceCompleted,
        value=seconds,
        tags=FAILED,
        when=is_embeddings,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from the start of an embeddings call to its end, retries and their waits included.",
    )
    embeddings_tokens = measure.histogram(
        NEXT["embeddings input tokens of a call"],
        on=InferenceCompleted,
        value="usage.input_tokens",
        tags=ENDED,
        when=is_embeddings,
        unit="{token}",
        buckets=TOKEN_BOUNDS,
        help="Tokens of an embeddings call, of calls whose provider reported any.",
    )


class NextGenAIChunks(GenAIPart):
    """What a chunk means on its way."""

    is_of_chunks = True

    output_chunk = measure.timer(
        NEXT["time per output chunk"],
        on=StreamChunkReceived,
        value=gap_seconds,
        tags=STREAMING,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from one chunk of a stream to the next.",
    )
