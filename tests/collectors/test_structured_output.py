"""StructuredOutputMetricsCollector: attempts, what was wrong with them, and how many it took."""

from __future__ import annotations

import pytest

from polymeter import Kind
from polymeter.collectors import StructuredOutputMetricsCollector
from polymeter.events.structured_output import StructuredOutputAttemptFailed, StructuredOutputCompleted
from tests.collectors.inference_script import written

PERSON = {"model": "gpt-demo", "provider": "openai", "response_model": "Person"}


def failed(attempt, field, error_type, *, will_retry=True):
    return StructuredOutputAttemptFailed(
        **PERSON, attempt=attempt, field=field, error_type=error_type, will_retry=will_retry
    )


def script():
    return [
        StructuredOutputCompleted(**PERSON, outcome="ok", attempts=1),
        failed(1, "age", "int_parsing"),
        failed(1, "tags.*", "string_type"),
        failed(2, "age", "int_parsing"),
        StructuredOutputCompleted(**PERSON, outcome="ok", attempts=3),
        failed(1, "age", "missing"),
        failed(2, "age", "missing", will_retry=False),
        StructuredOutputCompleted(**PERSON, outcome="error", attempts=2),
    ]


OF = {"model": "gpt-demo", "schema": "Person"}


@pytest.fixture
def measured(metrics):
    metrics.collect(StructuredOutputMetricsCollector())
    for event in script():
        metrics.events.dispatch(event)
    assert metrics.health().is_well
    return metrics


def test_outcomes(measured):
    found = written(measured, "structured_output.completed")
    assert found == [({**OF, "outcome": "ok"}, 2), ({**OF, "outcome": "error"}, 1)]


def test_every_attempt_is_counted_once_however_much_was_wrong_with_it(measured):
    assert written(measured, "structured_output.attempts") == [(OF, 6)]


def test_tries_until_success(measured):
    """Of those that succeeded: one took one, one three."""
    assert written(measured, "structured_output.tries") == [(OF, (2, 4))]
    (tries,) = measured.registry.find("structured_output.tries")
    assert (tries.kind, tries.distribution.bounds) == (Kind.HISTOGRAM, (1, 2, 3, 4, 5, 10))
    assert tries.distribution.bound_counts == (1, 0, 1, 0, 0, 0, 0)


def test_what_was_wrong(measured):
    """By schema, field and type."""

    def wrong(field, error_type):
        return {"schema": "Person", "field": field, "error_type": error_type}

    assert written(measured, "structured_output.validation_failures") == [
        (wrong("age", "int_parsing"), 2),
        (wrong("tags.*", "string_type"), 1),
        (wrong("age", "missing"), 2),
    ]
