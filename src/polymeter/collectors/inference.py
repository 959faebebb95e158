"""InferenceMetricsCollector: what LLM calls mean as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.exemplars import ExemplarSource, Origin, origin_of
from polymeter.collectors.measure import Measure, measure
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceCompleted,
    InferenceStarted,
    StreamChunkReceived,
)
from polymeter.events.usage import Usage
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics

__all__ = ["InferenceMetricsCollector"]


def _finish_reason(event: InferenceCompleted) -> str:
    """Give the provider's reason, else the outcome."""
    return event.finish_reason or event.outcome


def _http_status(event: InferenceAttemptFailed) -> int:
    """Give the status; 0 if there was no answer."""
    return event.http_status or 0


_START: Final = ("model", "streamed")
_END: Final[dict[str, str | Callable[[InferenceCompleted], str]]] = {
    "model": "model",
    "streamed": "streamed",
    "success": "is_success",
    "finish_reason": _finish_reason,
}


def _throughput(event: InferenceCompleted) -> float | None:
    """Output tokens per second of the whole call."""
    if event.usage is None or event.duration_ms <= 0:
        return None
    return event.usage.output_tokens / (event.duration_ms / 1000)


def _should_have_usage(event: InferenceCompleted) -> bool:
    """Tell whether tokens were spent that nobody reported: not when the call failed before any answer."""
    return event.usage is None and (event.outcome != "error" or event.time_to_first_chunk_ms is not None)


def _tokens(part: str) -> Measure:
    def token_class(_: InferenceCompleted) -> str:
        return part

    def tokens(event: InferenceCompleted) -> int | None:
        # A class that the call did not use makes no series.
        return getattr(event.usage, part) or None if isinstance(event.usage, Usage) else None

    return measure.counter(
        "inference.usage.tokens",
        on=InferenceCompleted,
        value=tokens,
        tags={"model": "model", "token_class": token_class},
        unit="tokens",
        help="Tokens by class; the classes do not overlap.",
    )


class _Gaps(MetricsCollector):
    """What is only recorded if it is asked for: every chunk of every stream."""

    gap = measure.timer(
        "inference.chunk_gap_ms",
        on=StreamChunkReceived,
        value="gap_ms",
        tags=("model",),
        help="Time from one chunk of a stream to the next.",
    )


class InferenceMetricsCollector(MetricsCollector):
    """Calls, attempts, tokens, durations and first chunks of LLM inference.

    Every metric is read from one event: nothing is remembered between a start and its end.
    """

    _origin: Origin | None = None
    _per_chunk = False

    def __init__(self, *, exemplars: ExemplarSource | None = None, per_chunk: bool = False) -> None:
        """Make one.

        :param per_chunk: record each gap between two chunks of a stream (``inference.chunk_gap_ms``), beside the mean
            of each call. It makes and passes on an event for every chunk: some microseconds each.
        :param exemplars: where the exemplars of ``inference.duration_ms`` and ``inference.completed`` come from, as in
            :data:`~polymeter.collectors.measure.measure`: ``trace_ids``, ``"execution_id"``, a callable that takes the
            event and gives labels or ``None``. Default: there are none.
        :raises DefinitionError: for a field that :class:`~polymeter.events.inference.InferenceCompleted` does not have.
        """
        self._origin = origin_of(exemplars, InferenceCompleted, type(self).__name__)
        self._per_chunk = per_chunk

    def register(self, events: CanDispatchEvents, registry: CanStoreMetrics) -> Subscription:
        """Begin to record into ``registry`` what is heard from ``events``.

        :raises DefinitionConflictError: if ``registry`` knows one of the names as something else.
        :raises DefinitionError: if this collector is registered already.
        """
        registered = super().register(events, registry)
        if not self._per_chunk:
            return registered
        try:
            return Subscription.of_all([registered, _Gaps().register(events, registry)])
        except BaseException:
            registered.cancel()
            raise

    def _origin_of(self, measure: Measure) -> Origin | None:
        has_exemplars = measure.definition.name in {"inference.duration_ms", "inference.completed"}
        return measure.exemplar or (self._origin if has_exemplars else None)

    started = measure.counter("inference.started", on=InferenceStarted, tags=_START, help="Calls that began.")
    active_up = measure.up_down(
        "inference.active", on=InferenceStarted, value=lambda _: 1, tags=_START, help="Calls in flight."
    )
    active_down = measure.up_down(
        "inference.active", on=InferenceCompleted, value=lambda _: -1, tags=_START, help="Calls in flight."
    )
    completed = measure.counter(
        "inference.completed", on=InferenceCompleted, tags=_END, help="Calls that ended, however they ended."
    )
    duration = measure.timer(
        "inference.duration_ms",
        on=InferenceCompleted,
        value="duration_ms",
        tags=_END,
        help="Time from the start of a call to its end, retries and their waits included.",
    )
    first_chunk = measure.timer(
        "inference.ttfc_ms",
        on=InferenceCompleted,
        value="time_to_first_chunk_ms",
        tags=_END,
        help="Time from the start of a streamed call to its first chunk.",
    )
    first_content = measure.timer(
        "inference.ttft_ms",
        on=InferenceCompleted,
        value="time_to_first_content_ms",
        tags=_END,
        help="Time from the start of a streamed call to its first chunk with content: time to first token.",
    )
    mean_chunk_gap = measure.timer(
        "inference.mean_chunk_gap_ms",
        on=InferenceCompleted,
        value="mean_chunk_gap_ms",
        tags=_END,
        help="Mean time from one chunk to the next, of a streamed call.",
    )
    decode_rate = measure.histogram(
        "inference.decode.tokens_per_sec",
        on=InferenceCompleted,
        value="decode_tokens_per_second",
        tags=_END,
        unit="tokens/s",
        help="Answer tokens per second from the first chunk of a streamed call to its end.",
    )
    input_tokens = measure.histogram(
        "inference.tokens.input",
        on=InferenceCompleted,
        value="usage.input_tokens",
        tags=_END,
        unit="tokens",
        help="Prompt tokens of a call, cached ones included.",
    )
    output_tokens = measure.histogram(
        "inference.tokens.output",
        on=InferenceCompleted,
        value="usage.output_tokens",
        tags=_END,
        unit="tokens",
        help="Answer tokens of a call, reasoning included.",
    )
    total_tokens = measure.histogram(
        "inference.tokens.total",
        on=InferenceCompleted,
        value="usage.total_tokens",
        tags=_END,
        unit="tokens",
        help="All tokens of a call.",
    )
    last_throughput = measure.gauge(
        "inference.throughput.tokens_per_sec",
        on=InferenceCompleted,
        value=_throughput,
        tags=_END,
        unit="tokens/s",
        help="Answer tokens per second of the last call.",
    )
    throughput = measure.histogram(
        "inference.throughput",
        on=InferenceCompleted,
        value=_throughput,
        tags=_END,
        help="Answer tokens per second of a call.",
    )
    tokens_input = _tokens("input")
    tokens_cache_read = _tokens("cache_read")
    tokens_cache_write = _tokens("cache_write")
    tokens_output = _tokens("output")
    tokens_reasoning = _tokens("reasoning")
    usage_missing = measure.counter(
        "inference.usage.missing",
        on=InferenceCompleted,
        tags=_START,
        when=_should_have_usage,
        help="Answered calls whose provider did not report usage.",
    )
    attempts = measure.counter(
        "inference.attempts", on=InferenceAttemptStarted, tags=_START, help="Requests that were sent."
    )
    attempts_failed = measure.counter(
        "inference.attempts.failed",
        on=InferenceAttemptFailed,
        tags={
            "error_type": "error_type",
            "http_status": _http_status,
            "will_retry": "will_retry",
        },
        help="Requests that failed, whether or not the call succeeded later.",
    )
