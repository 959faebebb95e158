"""InferenceMetricsCollector: the names and tags of the design, from scripted events, against a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.collectors import InferenceMetricsCollector
from polymeter.data import Kind
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamFirstChunkReceived,
    Usage,
)
from polymeter.metrics import Metrics
from polymeter.testing import ManualClock


@dataclass(kw_only=True)
class Call:
    """One call as it went; its events follow from it."""

    model: str = "gpt"
    streamed: bool = False
    failed_attempts: list = field(default_factory=list)
    """(error_type, http_status, will_retry) of each."""
    outcome: str = "ok"
    finish_reason: str | None = "stop"
    duration_ms: float = 1000
    ttfc_ms: float | None = None
    usage: Usage | None = None

    def common(self, number):
        return {"execution_id": str(number), "model": self.model, "streamed": self.streamed}

    def beginning(self, number):
        common = self.common(number)
        yield InferenceStarted(**common)
        attempt = 0
        for attempt, (error_type, http_status, will_retry) in enumerate(self.failed_attempts, 1):
            yield InferenceAttemptStarted(**common, attempt=attempt)
            yield InferenceAttemptFailed(
                **common,
                attempt=attempt,
                duration_ms=5,
                error_type=error_type,
                http_status=http_status,
                will_retry=will_retry,
            )
        if self.outcome != "error":
            yield InferenceAttemptStarted(**common, attempt=attempt + 1)
            yield InferenceAttemptSucceeded(**common, attempt=attempt + 1, duration_ms=5, http_status=200)
        if self.ttfc_ms is not None:
            yield StreamFirstChunkReceived(**common, time_to_first_chunk_ms=self.ttfc_ms)

    def end(self, number):
        common = self.common(number)
        if self.usage is not None:
            yield InferenceUsageReported(**common, usage=self.usage)
        yield InferenceCompleted(
            **common,
            outcome=self.outcome,
            duration_ms=self.duration_ms,
            finish_reason=self.finish_reason,
            time_to_first_chunk_ms=self.ttfc_ms,
            usage=self.usage,
            error_type="SomeError" if self.outcome == "error" else None,
            response_model=f"{self.model}-2026-01-01",
        )


SCRIPT = [
    Call(usage=Usage(input=10, cache_read=5, output=16, reasoning=4), duration_ms=2000),
    Call(streamed=True, ttfc_ms=150, duration_ms=500),
    Call(
        failed_attempts=[("RateLimitError", 429, True), ("APIConnectionError", None, True)],
        usage=Usage(input=1, output=2),
        duration_ms=4000,
        finish_reason="length",
    ),
    Call(outcome="error", finish_reason=None, failed_attempts=[(None, 500, False)], duration_ms=40),
    Call(streamed=True, outcome="cancelled", finish_reason=None, ttfc_ms=20, duration_ms=30),
    Call(streamed=True, outcome="abandoned", finish_reason=None, duration_ms=30),
    Call(streamed=True, outcome="error", finish_reason=None, ttfc_ms=25, duration_ms=35, model="other"),
    Call(usage=Usage(input=3), duration_ms=250, model="other"),
    Call(usage=Usage(input=3, output=1), duration_ms=0, model="other"),
]


def run(metrics, calls):
    """Begin all, then end all: every one of them is in flight at the same time."""
    for number, call in enumerate(calls):
        for event in call.beginning(number):
            metrics.events.dispatch(event)
    yield
    for number, call in enumerate(calls):
        for event in call.end(number):
            metrics.events.dispatch(event)
    yield


def read(metrics, name):
    """Give the tags of each series of a name, as text, with its value; of a distribution count and sum."""
    return {
        str(metric.tags): (metric.count, metric.sum) if metric.kind.is_distribution else metric.value
        for metric in metrics.registry.find(name)
    }


@pytest.fixture
def metrics():
    return Metrics(clock=ManualClock()).collect(InferenceMetricsCollector())


@pytest.fixture
def measured(metrics):
    for _ in run(metrics, SCRIPT):
        pass
    return metrics


def tags(model="gpt", *, streamed=False, success=True, finish_reason="stop"):
    flags = {"streamed": str(streamed).lower(), "success": str(success).lower()}
    return ",".join(
        f'{name}="{value}"' for name, value in sorted({"model": model, "finish_reason": finish_reason, **flags}.items())
    )


CANCELLED = tags(streamed=True, success=False, finish_reason="cancelled")
ABANDONED = tags(streamed=True, success=False, finish_reason="abandoned")
ERROR = tags(success=False, finish_reason="error")
BROKEN = tags("other", streamed=True, success=False, finish_reason="error")
OTHER = tags("other")
LONG = tags(finish_reason="length")


def test_calls_that_began(measured):
    """By model and whether they were streamed."""
    assert read(measured, "inference.started") == {
        'model="gpt",streamed="false"': 3,
        'model="gpt",streamed="true"': 3,
        'model="other",streamed="true"': 1,
        'model="other",streamed="false"': 2,
    }


def test_calls_that_ended(measured):
    """By how: the provider's reason, else the outcome."""
    assert read(measured, "inference.completed") == {
        tags(): 1,
        tags(streamed=True): 1,
        LONG: 1,
        ERROR: 1,
        CANCELLED: 1,
        ABANDONED: 1,
        BROKEN: 1,
        OTHER: 2,
    }


def test_durations(measured):
    """In milliseconds, under the tags of the end."""
    assert read(measured, "inference.duration_ms") == {
        tags(): (1, 2000),
        tags(streamed=True): (1, 500),
        LONG: (1, 4000),
        ERROR: (1, 40),
        CANCELLED: (1, 30),
        ABANDONED: (1, 30),
        BROKEN: (1, 35),
        OTHER: (2, 250),
    }
    assert {metric.kind for metric in measured.registry.find("inference.duration_ms")} == {Kind.TIMER}


def test_first_chunks_once_per_stream(measured):
    """At its end, for those that had one; the mark on the way is not counted again."""
    assert read(measured, "inference.ttfc_ms") == {
        tags(streamed=True): (1, 150),
        CANCELLED: (1, 20),
        BROKEN: (1, 25),
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inference.tokens.input", {tags(): (1, 15), LONG: (1, 1), OTHER: (2, 6)}),
        ("inference.tokens.output", {tags(): (1, 20), LONG: (1, 2), OTHER: (2, 1)}),
        ("inference.tokens.total", {tags(): (1, 35), LONG: (1, 3), OTHER: (2, 7)}),
    ],
)
def test_tokens_of_a_call(measured, name, expected):
    """Of the calls whose provider reported any; cached and reasoning ones are included."""
    assert read(measured, name) == expected


def test_tokens_by_class(measured):
    """Disjoint; a class that was never used makes no series."""
    assert read(measured, "inference.usage.tokens") == {
        'model="gpt",token_class="input"': 11,
        'model="gpt",token_class="cache_read"': 5,
        'model="gpt",token_class="output"': 18,
        'model="gpt",token_class="reasoning"': 4,
        'model="other",token_class="input"': 6,
        'model="other",token_class="output"': 1,
    }
    of_calls = measured.registry.total("inference.tokens.total")
    assert measured.registry.total("inference.usage.tokens") == of_calls == 45


def test_usage_that_is_missing(measured):
    """Of calls that were answered at all: an error before the first chunk cost nothing that is known."""
    assert read(measured, "inference.usage.missing") == {
        'model="gpt",streamed="true"': 3,
        'model="other",streamed="true"': 1,
    }


def test_throughput(measured):
    """Output tokens per second of the whole call: the last one, and the distribution of all."""
    assert read(measured, "inference.throughput.tokens_per_sec") == {tags(): 10.0, LONG: 0.5, OTHER: 0.0}
    assert read(measured, "inference.throughput") == {tags(): (1, 10.0), LONG: (1, 0.5), OTHER: (1, 0.0)}
    assert {metric.kind for metric in measured.registry.find("inference.throughput.tokens_per_sec")} == {Kind.GAUGE}


def test_attempts(measured):
    """Every request that was sent."""
    assert read(measured, "inference.attempts") == {
        'model="gpt",streamed="false"': 5,
        'model="gpt",streamed="true"': 3,
        'model="other",streamed="false"': 2,
    }


def test_failed_attempts(measured):
    """A type that is missing reads unknown, a status that is missing 0."""
    assert read(measured, "inference.attempts.failed") == {
        'error_type="RateLimitError",http_status="429",will_retry="true"': 1,
        'error_type="APIConnectionError",http_status="0",will_retry="true"': 1,
        'error_type="unknown",http_status="500",will_retry="false"': 1,
    }


def test_calls_in_flight_go_up_and_come_back_to_zero(metrics):
    """By the model that was asked for, on both ways."""
    steps = run(metrics, SCRIPT)
    next(steps)
    assert read(metrics, "inference.active") == {
        'model="gpt",streamed="false"': 3,
        'model="gpt",streamed="true"': 3,
        'model="other",streamed="true"': 1,
        'model="other",streamed="false"': 2,
    }
    next(steps)
    assert set(read(metrics, "inference.active").values()) == {0}
    assert {metric.kind for metric in metrics.registry.find("inference.active")} == {Kind.UP_DOWN}


def test_there_are_no_other_metrics(measured):
    """And nothing was refused."""
    assert {metric.name for metric in measured.registry.all()} == {
        "inference.started",
        "inference.active",
        "inference.completed",
        "inference.duration_ms",
        "inference.ttfc_ms",
        "inference.tokens.input",
        "inference.tokens.output",
        "inference.tokens.total",
        "inference.throughput.tokens_per_sec",
        "inference.throughput",
        "inference.usage.tokens",
        "inference.usage.missing",
        "inference.attempts",
        "inference.attempts.failed",
    }
    assert measured.health().is_well


def test_every_metric_is_explained(metrics):
    """In one sentence, before the first event."""
    definitions = metrics.snapshot().definitions
    own = [name for name in definitions if name.startswith("inference.")]
    assert len(own) == 17
    assert all(definitions[name].help.endswith(".") for name in own)


amounts = st.integers(0, 1000)
usages = st.none() | st.builds(
    Usage, input=amounts, cache_read=amounts, cache_write=amounts, output=amounts, reasoning=amounts
)
failures = st.lists(
    st.tuples(st.sampled_from(["Timeout", None]), st.sampled_from([None, 429, 500]), st.booleans()), max_size=3
)
calls = st.builds(
    Call,
    model=st.sampled_from(["a", "b"]),
    streamed=st.booleans(),
    failed_attempts=failures,
    outcome=st.sampled_from(["ok", "error", "cancelled", "abandoned"]),
    finish_reason=st.sampled_from(["stop", None]),
    duration_ms=st.integers(0, 10_000),
    ttfc_ms=st.none() | st.integers(0, 5000),
    usage=usages,
)


@given(st.lists(calls, max_size=6))
def test_any_calls_add_up_to_the_ledger(script):
    """Whatever they were, in whatever order they ended."""
    metrics = Metrics(clock=ManualClock()).collect(InferenceMetricsCollector())
    for _ in run(metrics, script):
        pass
    total = metrics.registry.total
    assert total("inference.started") == total("inference.completed") == len(script)
    assert total("inference.active") == 0
    assert total("inference.completed", {"success": True}) == sum(call.outcome == "ok" for call in script)
    assert total("inference.duration_ms") == pytest.approx(sum(call.duration_ms for call in script))
    assert total("inference.attempts.failed") == sum(len(call.failed_attempts) for call in script)
    assert total("inference.attempts") == sum(len(call.failed_attempts) + (call.outcome != "error") for call in script)
    used = [call.usage for call in script if call.usage is not None]
    assert total("inference.tokens.input") == sum(usage.input_tokens for usage in used)
    assert total("inference.tokens.output") == sum(usage.output_tokens for usage in used)
    assert total("inference.usage.tokens") == sum(usage.total_tokens for usage in used)
    assert sum(each.count for each in metrics.registry.find("inference.ttfc_ms")) == sum(
        call.ttfc_ms is not None for call in script
    )
    answered = [call for call in script if call.outcome != "error" or call.ttfc_ms is not None]
    assert total("inference.usage.missing") == sum(call.usage is None for call in answered)
    assert metrics.health().is_well
