"""The parts of the demo: its calls, its stage, its readings and its tables."""

from __future__ import annotations

import io
from random import Random

import pytest
from rich.console import Console

from polymeter import Metrics
from polymeter.cli.demo_calls import MODELS, Call, Deck, for_tasks, for_threads
from polymeter.cli.demo_ledger import Ledger
from polymeter.cli.demo_metrics import DemoCollector, errors_in, reading_of
from polymeter.cli.demo_sums import Sum, sums_of
from polymeter.cli.demo_table import calls_table, errors_table, live_view, sums_table
from polymeter.collectors import InferenceMetricsCollector
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceCompleted,
    InferenceStarted,
)
from polymeter.testing.provider import Provider, Refusal, Reply, Tokens


def dealt(kinds, seed, rounds=3):
    deck = Deck(kinds, Random(seed))
    return [deck.deal() for _ in range(rounds * sum(weight for weight, _ in kinds))]


@pytest.mark.parametrize("kinds", [for_threads(), for_tasks()], ids=["threads", "tasks"])
def test_one_round_of_a_deck_has_every_model_and_every_outcome(kinds):
    calls = dealt(kinds, 1, rounds=1)
    assert {call.model for call in calls} == set(MODELS)
    assert {call.outcome for call in calls} == {"ok", "error", "cancelled", "abandoned"}
    assert {isinstance(call.steps[0], Refusal) for call in calls} == {True, False}


def test_the_seed_decides_what_is_dealt():
    assert dealt(for_threads(), 1) == dealt(for_threads(), 1)
    assert dealt(for_threads(), 1) != dealt(for_threads(), 2)


def test_only_who_reads_an_answer_to_its_end_is_told_of_tokens():
    reply = Reply(usage=Tokens(input=3, output=4))
    assert Call(model="m", manner="ask", steps=(reply,)).tokens == reply.usage
    assert Call(model="m", manner="read", steps=(reply,), streamed=True, counted=True).tokens == reply.usage
    assert Call(model="m", manner="read", steps=(reply,), streamed=True).tokens == Tokens()
    assert Call(model="m", manner="close", steps=(reply,), streamed=True, outcome="cancelled").tokens == Tokens()


@pytest.fixture
def metrics():
    """Give metrics that have heard of one call in flight and of one that failed at its second attempt."""
    with Metrics().collect(InferenceMetricsCollector()).collect(DemoCollector()) as it:
        first = {"execution_id": "1", "model": MODELS[0]}
        second = {"execution_id": "2", "model": MODELS[1], "streamed": True}
        failure = {"duration_ms": 10.0, "error_type": "RateLimitError", "http_status": 429}
        for event in (
            InferenceStarted(**first),
            InferenceAttemptStarted(**first, attempt=1),
            InferenceStarted(**second),
            InferenceAttemptStarted(**second, attempt=1),
            InferenceAttemptFailed(**second, **failure, attempt=1, will_retry=True),
            InferenceAttemptStarted(**second, attempt=2),
            InferenceAttemptFailed(**second, **failure, attempt=2, will_retry=False),
            InferenceCompleted(
                **second, outcome="error", duration_ms=50.0, attempt_count=2, error_type="RateLimitError"
            ),
        ):
            it.events.dispatch(event)
        yield it


def test_a_reading_accounts_for_every_call(metrics):
    reading = reading_of(metrics.snapshot())
    assert (reading.started, reading.ended, reading.active) == (2, 1, 1)
    assert (reading.requests, reading.retries) == (3, 1)
    assert reading.outcomes == {"ok": 0, "error": 1, "cancelled": 0, "abandoned": 0}
    assert reading.duration.quantile(0.5) == pytest.approx(0.05)
    assert reading_of(metrics.snapshot(), MODELS[0]).outcomes["error"] == 0


def test_errors_are_counted_by_request_and_by_call(metrics):
    (error,) = errors_in(metrics.snapshot())
    assert (error.error_type, error.statuses) == ("RateLimitError", [429])
    assert (error.requests, error.retried, error.calls) == (2, 1, 1)


def drawn(renderable, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def test_tables_fit_into_80_columns_and_show_what_is_known(metrics):
    snapshot = metrics.snapshot()
    calls = drawn(calls_table(snapshot))
    assert max(map(len, calls.splitlines())) <= 80
    assert "50.0 ms" in calls
    assert "…" not in calls
    assert drawn(errors_table(snapshot)).splitlines()[2].split() == ["RateLimitError", "429", "2", "1", "1"]


def test_a_low_terminal_shows_the_calls_alone(metrics):
    snapshot = metrics.snapshot()
    assert len(drawn(live_view(snapshot, height=24)).splitlines()) <= 22
    assert "requests failed" not in drawn(live_view(snapshot, height=24))
    assert "requests failed" in drawn(live_view(snapshot, height=50))


def test_sums_say_which_book_has_which_number():
    wrong = Sum("calls", "m", {"metrics": 1000, "load": 999})
    assert not wrong.holds
    assert str(wrong) == "calls of m: metrics 1,000, load 999"
    assert Sum("calls", "m", {"metrics": 1, "load": 1, "server": 1}).holds


def test_metrics_of_calls_that_nobody_made_do_not_hold(metrics):
    with Provider() as provider:
        sums = sums_of(metrics.snapshot(), made_by_nobody := Ledger(), provider.ledger)
    assert made_by_nobody.to_dict() == {}
    assert any(not each.holds for each in sums)


def test_the_table_of_sums_adds_models_up_and_leaves_out_what_never_was():
    sums = [Sum("calls", model, {"metrics": 2, "load": 2, "server": 2}) for model in "ab"]
    sums += [Sum("calls", "a", {"started": 2, "ended or in flight": 2}), Sum("in flight", "a", {"metrics": 0})]
    assert [line.split() for line in drawn(sums_table(sums)).splitlines()[2:]] == [["calls", "4", "4", "4"]]
