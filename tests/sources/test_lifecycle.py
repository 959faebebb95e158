"""A run has one start and one end, whatever happens to it."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from contextvars import Context

import pytest

from polymeter.events import EventDispatcher, active
from polymeter.events.event import _unit_of_work
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamChunkReceived,
    StreamFirstChunkReceived,
    StreamFirstContentReceived,
    Usage,
)
from polymeter.sources import InferenceRun, abandon_when_dropped, inference, start_inference, track
from polymeter.sources.emitters import InferenceEmitters
from tests.sources.conftest import KINDS, Ear


def begin(ear, **options):
    return start_inference(ear.dispatcher, model="m", **options)


def test_a_run_tells_its_story_in_order(ear):
    run = begin(ear, provider="p", operation="chat", streamed=True)
    run.attempt_started()
    run.attempt_failed("RateLimitError", 429, will_retry=True)
    run.attempt_started()
    run.attempt_succeeded(200)
    run.chunk()
    run.chunk()
    run.usage(Usage(input=1))
    run.usage(Usage(input=2, output=3))
    run.finish_reason = "stop"
    run.response_model = "m-2"
    run.end("ok")
    assert [type(event) for event in ear.events] == [
        InferenceStarted,
        InferenceAttemptStarted,
        InferenceAttemptFailed,
        InferenceAttemptStarted,
        InferenceAttemptSucceeded,
        StreamFirstChunkReceived,
        StreamFirstContentReceived,
        StreamChunkReceived,
        InferenceUsageReported,
        InferenceCompleted,
    ]
    assert (ear.end.usage, ear.end.finish_reason, ear.end.response_model) == (Usage(input=2, output=3), "stop", "m-2")
    assert (ear.end.attempt_count, ear.end.is_success, ear.end.provider) == (2, True, "p")


def test_durations_come_from_the_monotonic_clock_and_places_from_the_wall(ear, clock):
    run = begin(ear, streamed=True)
    clock.advance(1)
    run.attempt_started()
    clock.advance(2)
    clock.set_wall(5.0)
    run.attempt_succeeded(200)
    clock.advance(4)
    run.chunk()
    clock.advance(8)
    run.end("ok")
    assert ear.one(InferenceAttemptSucceeded).duration_ms == 2000.0
    assert ear.one(StreamFirstChunkReceived).time_to_first_chunk_ms == ear.end.time_to_first_chunk_ms == 7000.0
    assert ear.end.duration_ms == 15000.0
    assert ear.one(InferenceAttemptStarted).at == 1_700_000_001.0
    assert (ear.one(InferenceAttemptSucceeded).at, ear.end.at) == (5.0, 17.0)


def test_only_the_first_end_counts(ear):
    run = begin(ear)
    run.end("error", ValueError("no"))
    run.end("ok")
    run.attempt_started()
    run.attempt_succeeded()
    run.chunk()
    run.usage(Usage(input=1))
    assert (ear.outcomes, ear.end.error_type, ear.end.usage) == (["error"], "ValueError", None)
    assert len(ear.events) == 2
    assert not run.is_open


def test_many_threads_end_a_run_once(ear):
    together = threading.Barrier(4)

    def end(run):
        together.wait()
        run.end("ok")

    for _ in range(50):
        run = begin(ear)
        run.attempt_started()
        threads = [threading.Thread(target=end, args=(run,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ear.outcomes == ["ok"] * 50


def test_an_end_within_an_end_does_nothing(ear):
    """A finaliser or a signal handler may end a run while it is being ended."""
    run = begin(ear)
    run.attempt_started()
    ear.dispatcher.add_listener(InferenceUsageReported, lambda _: run.end("abandoned"), priority=1)
    run.usage(Usage(input=1))
    run.end("ok")
    assert ear.outcomes == ["ok"]


@pytest.mark.parametrize("outcome", ["cancelled", "abandoned"])
def test_an_answer_that_was_whole_is_ok_whatever_became_of_its_stream(ear, outcome):
    run = begin(ear, streamed=True)
    run.attempt_started()
    run.finish_reason = "stop"
    run.end(outcome)
    assert ear.outcomes == ["ok"]


def test_an_error_stays_an_error_even_after_the_finish_reason(ear):
    run = begin(ear, streamed=True)
    run.finish_reason = "stop"
    run.end("error", ConnectionError())
    assert (ear.end.outcome, ear.end.error_type) == ("error", "ConnectionError")


@pytest.mark.parametrize(
    ("outcome", "error", "ended"),
    [
        ("ok", None, [None]),
        ("error", TimeoutError(), [("TimeoutError", None, False)]),
        ("cancelled", asyncio.CancelledError(), [("CancelledError", None, False)]),
        ("abandoned", None, [(None, None, False)]),
    ],
)
def test_an_attempt_under_way_ends_with_its_run(ear, outcome, error, ended):
    run = begin(ear)
    run.attempt_started()
    run.end(outcome, error)
    assert ear.attempts == ended
    assert ear.end.error_type == ("TimeoutError" if outcome == "error" else None)


def test_an_attempt_that_nobody_closed_failed_if_another_one_starts(ear):
    run = begin(ear)
    run.attempt_started()
    run.attempt_started()
    run.end("ok")
    assert ear.attempts == [(None, None, True), None]


def test_an_attempt_that_nobody_opened_was_sent_all_the_same(ear):
    run = begin(ear)
    run.attempt_failed("RateLimitError", 429, will_retry=True)
    run.attempt_succeeded(200)
    run.end("ok")
    assert ear.attempts == [("RateLimitError", 429, True), 200]


def test_an_answer_without_any_word_of_attempts_took_one_request():
    ear = Ear()
    begin(ear).end("ok")
    begin(ear).end("error")
    assert [event.attempt_count for event in ear.all(InferenceCompleted)] == [1, 0]


def test_all_events_belong_to_the_unit_of_work_in_which_the_run_started(ear):
    token = _unit_of_work.set("job-1")
    run = begin(ear)
    _unit_of_work.reset(token)
    run.attempt_started()
    Context().run(run.usage, Usage(input=1))
    Context().run(run.end, "ok")
    assert {event.unit_of_work for event in ear.events} == {"job-1"}


def test_ids_are_unique(ear):
    for _ in range(100):
        begin(ear).end("cancelled")
    assert len({event.execution_id for event in ear.events}) == 100


def test_each_dispatcher_is_told_on_its_own_clock():
    ears = Ear(), Ear()
    run = InferenceRun([InferenceEmitters(ear.dispatcher) for ear in ears], model="m")
    run.start()
    ears[0].clock.advance(1)
    ears[1].clock.advance(2)
    run.end("ok")
    assert [ear.end.duration_ms for ear in ears] == [1000.0, 2000.0]
    assert ears[0].end.execution_id == ears[1].end.execution_id


def test_a_clock_that_is_given_wins_over_that_of_the_dispatcher(ear, clock):
    other = Ear().clock
    run = start_inference(ear.dispatcher, model="m", clock=other)
    clock.advance(1)
    other.advance(5)
    run.end("cancelled")
    assert ear.end.duration_ms == 5000.0


def test_a_dispatcher_that_raises_keeps_nobody_else_from_hearing():
    deaf, ear = EventDispatcher(on_error="raise"), Ear()
    deaf.add_listener(object, lambda _: 1 / 0)
    run = InferenceRun([InferenceEmitters(deaf), InferenceEmitters(ear.dispatcher)], model="m")
    with pytest.raises(ZeroDivisionError):
        run.start()
    with pytest.raises(ZeroDivisionError):
        run.attempt_started()
    with pytest.raises(ZeroDivisionError):
        run.chunk()
    with pytest.raises(ZeroDivisionError):
        run.chunk()
    run.usage(Usage(input=1))
    with pytest.raises(ZeroDivisionError):
        run.end("ok")
    assert len(ear.events) == 8
    ear.check_laws()


@pytest.mark.parametrize("kind", KINDS)
def test_only_events_that_somebody_hears_are_built(monkeypatch, kind):
    """The others must not even be thought of."""
    dispatcher = EventDispatcher(on_error="raise")
    heard = []
    dispatcher.add_listener(kind, heard.append)
    to = InferenceEmitters(dispatcher)
    for other in KINDS:
        if other is not kind:
            monkeypatch.setattr(track, other.__name__, None)
    run = InferenceRun([to], model="m")
    run.start()
    run.attempt_started()
    run.attempt_failed("E", None, will_retry=True)
    run.attempt_started()
    run.attempt_succeeded()
    run.chunk()
    run.chunk()
    run.usage(Usage(input=1))
    run.end("ok")
    assert {type(event) for event in heard} == {kind}


def test_a_block_is_a_run(ear, clock):
    with inference(ear.dispatcher, model="m", provider="p", operation="embeddings", streamed=False) as run:
        run.attempt_started()
        clock.advance(1)
        run.usage(Usage(input=4))
    assert (ear.outcomes, ear.end.duration_ms, ear.end.operation) == (["ok"], 1000.0, "embeddings")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError, "error"),
        (KeyboardInterrupt, "cancelled"),
        (SystemExit, "cancelled"),
        (asyncio.CancelledError, "cancelled"),
        (GeneratorExit, "cancelled"),
    ],
)
def test_a_block_that_raises_ends_accordingly_and_raises_on(ear, error, outcome):
    def block():
        with inference(ear.dispatcher, model="m") as run:
            run.attempt_started()
            raise error

    with pytest.raises(error):
        block()
    assert ear.outcomes == [outcome]


def test_a_block_may_be_asynchronous(ear):
    async def job():
        async with inference(ear.dispatcher, model="m") as run:
            run.attempt_started()
            await asyncio.sleep(0)

    async def cancelled_job():
        async with inference(ear.dispatcher, model="m") as run:
            run.attempt_started()
            raise asyncio.CancelledError

    async def main():
        await job()
        with pytest.raises(asyncio.CancelledError):
            await cancelled_job()

    asyncio.run(main())
    assert ear.outcomes == ["ok", "cancelled"]


def test_a_block_without_a_dispatcher_tells_the_current_one(ear):
    with active(ear.dispatcher), inference(model="m") as run:
        run.attempt_started()
    assert ear.outcomes == ["ok"]


def test_a_block_that_nobody_hears_still_gets_a_run():
    with inference(EventDispatcher(), model="m") as run:
        run.attempt_started()
        run.usage(Usage(input=1))
    with inference(model="m") as other:  # no dispatcher is current
        other.chunk()
    assert not run.is_open
    assert not other.is_open


def test_a_run_is_abandoned_when_what_holds_it_is_dropped(ear):
    class Stream:
        pass

    stream, run = Stream(), begin(ear, streamed=True)
    abandon_when_dropped(stream, run)
    gc.disable()  # dropping is enough; no collection is needed
    try:
        del stream
        assert ear.outcomes == ["abandoned"]
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_run_that_was_copied_into_a_fork_is_silent_there(ear):
    run = begin(ear)
    run.attempt_started()
    heard = len(ear.events)
    child = os.fork()
    if child == 0:
        run.chunk()
        run.chunk()
        run.end("ok")
        new = begin(ear)
        os._exit(0 if len(ear.events) == heard + 1 and new.execution_id != run.execution_id else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.end("ok")
    assert ear.outcomes == ["ok"]
