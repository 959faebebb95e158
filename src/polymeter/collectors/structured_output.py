"""StructuredOutputMetricsCollector: how often answers fit their schema, after how many tries, and what was wrong."""

from __future__ import annotations

from typing import Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.events.structured_output import StructuredOutputAttemptFailed, StructuredOutputCompleted

__all__ = ["StructuredOutputMetricsCollector"]

_OF: Final = {"model": "model", "schema": "response_model"}


def _is_success(event: StructuredOutputCompleted) -> bool:
    return event.outcome == "ok"


class StructuredOutputMetricsCollector(MetricsCollector):
    """Attempts, validation failures by field and type, tries until success, and outcomes."""

    completed = measure.counter(
        "structured_output.completed",
        on=StructuredOutputCompleted,
        tags={**_OF, "outcome": "outcome"},
        help="Requests for structured output that ended, however they ended.",
    )
    attempts = measure.counter(
        "structured_output.attempts",
        on=StructuredOutputCompleted,
        value="attempts",
        tags=_OF,
        help="Answers that were asked for, those that did not fit included.",
    )
    tries = measure.histogram(
        "structured_output.tries",
        on=StructuredOutputCompleted,
        value="attempts",
        tags=_OF,
        when=_is_success,
        buckets=(1, 2, 3, 4, 5, 10),
        help="Answers that it took until one fitted.",
    )
    validation_failures = measure.counter(
        "structured_output.validation_failures",
        on=StructuredOutputAttemptFailed,
        tags={"schema": "response_model", "field": "field", "error_type": "error_type"},
        help="Things that were wrong with answers, by field and type.",
    )
