"""The OpenTelemetry GenAI metrics under the names that today's instrumentations emit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.collectors.genai_names import CURRENT, DURATION_BOUNDS, TOKEN_BOUNDS
from polymeter.collectors.genai_part import GenAIPart
from polymeter.collectors.genai_readings import (
    ENDED,
    FAILED,
    STREAMING,
    first_chunk_seconds,
    gap_seconds,
    is_embeddings,
    seconds,
    usage_of,
)
from polymeter.collectors.measure import Measure, measure
from polymeter.events.inference import InferenceCompleted, StreamChunkReceived

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CurrentGenAI", "CurrentGenAIChunks"]


def _input_tokens(event: InferenceCompleted) -> int | None:
    usage = usage_of(event)
    return None if usage is None else usage.input_tokens


def _output_tokens(event: InferenceCompleted) -> int | None:
    usage = usage_of(event)
    return None if usage is None or is_embeddings(event) else usage.output_tokens


def _input(_: Any) -> str:
    return "input"


def _output(_: Any) -> str:
    return "output"


_TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - the name of an attribute


def _tokens(name: str, value: Callable[[InferenceCompleted], int | None], token_type: Callable[[Any], str]) -> Measure:
    return measure.histogram(
        name,
        on=InferenceCompleted,
        value=value,
        tags={**ENDED, _TOKEN_TYPE: token_type},
        unit="{token}",
        buckets=TOKEN_BOUNDS,
        help="Tokens of a call by type, for calls whose provider reported any.",
    )


class CurrentGenAI(GenAIPart):
    """What a call means when it ends."""

    duration = measure.timer(
        CURRENT["duration"],
        on=InferenceCompleted,
        value=seconds,
        tags=FAILED,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from the start of a call to its end, retries and their waits included.",
    )
    first_chunk = measure.timer(
        CURRENT["time to first chunk"],
        on=InferenceCompleted,
        value=first_chunk_seconds,
        tags=ENDED,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from the start of a streamed call to its first chunk.",
    )
    input_tokens = _tokens(CURRENT["input tokens of a call"], _input_tokens, _input)
    output_tokens = _tokens(CURRENT["output tokens of a call"], _output_tokens, _output)


class CurrentGenAIChunks(GenAIPart):
    """What a chunk means on its way."""

    is_of_chunks = True

    output_chunk = measure.timer(
        CURRENT["time per output chunk"],
        on=StreamChunkReceived,
        value=gap_seconds,
        tags=STREAMING,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Time from one chunk of a stream to the next.",
    )
