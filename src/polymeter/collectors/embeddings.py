"""EmbeddingsMetricsCollector: what embeddings calls mean as metrics."""

from __future__ import annotations

from typing import Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.events.inference import InferenceCompleted

__all__ = ["EmbeddingsMetricsCollector"]

_OF: Final = ("model", "outcome")
_INPUTS: Final = tuple(2.0**power for power in range(13))  # OpenAI takes 2048 of them in one call


def _is_embeddings(event: InferenceCompleted) -> bool:
    return event.operation == "embeddings"


class EmbeddingsMetricsCollector(MetricsCollector):
    """Calls, durations, tokens, inputs and dimensions of embeddings, by model and outcome.

    Other calls are not looked at. (:class:`~polymeter.collectors.inference.InferenceMetricsCollector` counts embeddings
    among all calls.)
    """

    calls = measure.counter(
        "embeddings.calls", on=InferenceCompleted, tags=_OF, when=_is_embeddings, help="Embeddings calls that ended."
    )
    duration = measure.timer(
        "embeddings.duration_ms",
        on=InferenceCompleted,
        value="duration_ms",
        tags=_OF,
        when=_is_embeddings,
        help="Time from the start of an embeddings call to its end, retries and their waits included.",
    )
    tokens = measure.histogram(
        "embeddings.tokens",
        on=InferenceCompleted,
        value="usage.input_tokens",
        tags=_OF,
        when=_is_embeddings,
        unit="tokens",
        help="Tokens of an embeddings call, of calls whose provider reported any.",
    )
    inputs = measure.histogram(
        "embeddings.inputs",
        on=InferenceCompleted,
        value="input_count",
        tags=_OF,
        when=_is_embeddings,
        buckets=_INPUTS,
        help="Texts that were embedded by one call.",
    )
    dimensions = measure.gauge(
        "embeddings.dimensions",
        on=InferenceCompleted,
        value="dimensions",
        tags=_OF,
        when=_is_embeddings,
        help="Numbers that a text became in the last call.",
    )
