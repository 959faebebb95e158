"""How an inference event reads in terms of the OpenTelemetry GenAI conventions: attributes, seconds and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.data.layout import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.events.inference import InferenceCompleted, StreamChunkReceived
    from polymeter.events.usage import Usage

__all__ = [
    "ENDED",
    "FAILED",
    "STREAMING",
    "first_chunk_seconds",
    "gap_seconds",
    "is_embeddings",
    "is_inference",
    "seconds",
    "usage_of",
]


def _response_model(event: InferenceCompleted) -> object:
    return event.response_model or ABSENT


def _server_address(event: InferenceCompleted) -> object:
    return event.server_address or ABSENT


def _error_type(event: InferenceCompleted) -> object:
    """Give the class of the exception. A stream that its caller cancelled or dropped did not end in an error."""
    return event.error_type or "_OTHER" if event.outcome == "error" else ABSENT


STREAMING: Final[Mapping[str, str | Callable[[Any], object]]] = {
    "gen_ai.operation.name": "operation",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "model",
}
"""Attributes that are known while a stream is on its way."""

ENDED: Final[Mapping[str, str | Callable[[Any], object]]] = {
    **STREAMING,
    "gen_ai.response.model": _response_model,
    "server.address": _server_address,
}
"""Attributes of a call that ended."""

FAILED: Final[Mapping[str, str | Callable[[Any], object]]] = {**ENDED, "error.type": _error_type}
"""The same with ``error.type``, of a call that ended in an error."""


def is_embeddings(event: InferenceCompleted) -> bool:
    """Tell whether a call asked for embeddings."""
    return event.operation == "embeddings"


def is_inference(event: InferenceCompleted) -> bool:
    """Tell whether a model was asked for an answer: neither for embeddings nor for an answer of earlier."""
    return event.operation not in {"embeddings", "fetch_response"}


def seconds(event: InferenceCompleted) -> float:
    """Give the duration of a call, retries and their waits included."""
    return event.duration_ms / 1000


def first_chunk_seconds(event: InferenceCompleted) -> float | None:
    """Give the time to the first chunk; only streams have one."""
    if event.time_to_first_chunk_ms is None or not event.streamed:
        return None
    return event.time_to_first_chunk_ms / 1000


def gap_seconds(event: StreamChunkReceived) -> float:
    """Give the time since the chunk before."""
    return event.gap_ms / 1000


def usage_of(event: InferenceCompleted) -> Usage | None:
    """Give the tokens of a call; an answer that is fetched once more was counted before."""
    return None if event.operation == "fetch_response" else event.usage
