"""A stream of one's own, of whatever make, told by a run that ends with it."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from polymeter.events.inference import InferenceCompleted, Usage
from polymeter.sources import start_inference


class BrokenError(Exception): ...


def start(ear):
    run = start_inference(ear.dispatcher, model="m", streamed=True)
    run.attempt_started()
    run.attempt_succeeded(200)
    return run


def words(error=None, closed=None):
    try:
        yield from ("one", "two", "three")
        if error is not None:
            raise error
    finally:
        if closed is not None:
            closed.append(True)


async def awords(error=None, closed=None):
    try:
        for word in ("one", "two", "three"):
            yield word
        if error is not None:
            raise error
    finally:
        if closed is not None:
            closed.append(True)


@pytest.fixture
def stream(ear):
    """Give a function that starts a run and gives its stream; nobody else holds the run."""
    return lambda chunks=None, read=None: start(ear).follow(words() if chunks is None else chunks, read)


@pytest.fixture
def astream(ear):
    return lambda chunks=None, read=None: start(ear).afollow(awords() if chunks is None else chunks, read)


def test_its_end_is_that_of_the_run(ear, stream):
    assert list(stream()) == ["one", "two", "three"]
    assert (ear.outcomes, ear.end.chunk_count) == (["ok"], 3)


def test_any_iterable_will_do(ear, stream):
    assert list(stream(["a", "b"])) == ["a", "b"]
    assert ear.end.chunk_count == 2


def test_what_is_read_from_a_chunk_may_be_told(ear):
    run = start(ear)

    def read(word):
        run.usage(Usage(input=1, output=len(word)))
        if word == "three":
            run.finish_reason = "stop"
        return word != "one"

    list(run.follow(words(), read))
    assert (ear.end.usage, ear.end.finish_reason) == (Usage(input=1, output=5), "stop")


def test_a_chunk_without_content_is_no_first_content(ear, stream, clock):
    chunks = stream(read=lambda word: word != "one")
    clock.advance(1)
    next(chunks)
    clock.advance(1)
    next(chunks)
    chunks.close()
    assert (ear.end.time_to_first_chunk_ms, ear.end.time_to_first_content_ms) == (1000.0, 2000.0)


def test_a_reader_that_fails_is_said_once_and_changes_nothing(ear, stream, caplog):
    with caplog.at_level(logging.WARNING):
        assert list(stream(read=lambda word: 1 / (word == "secret"))) == ["one", "two", "three"]
    assert (ear.outcomes, ear.end.chunk_count) == (["ok"], 3)
    assert [record.getMessage() for record in caplog.records] == [
        "a chunk could not be read (ZeroDivisionError); those after it are only counted"
    ]


def test_an_error_of_the_stream_is_that_of_the_run(ear, stream):
    with pytest.raises(BrokenError):
        list(stream(words(BrokenError())))
    assert (ear.outcomes, ear.end.error_type, ear.end.chunk_count) == (["error"], "BrokenError", 3)


def test_an_interrupt_cancels(ear, stream):
    with pytest.raises(KeyboardInterrupt):
        list(stream(words(KeyboardInterrupt())))
    assert ear.outcomes == ["cancelled"]


def test_closing_it_closes_the_stream_and_cancels(ear, stream):
    closed = []
    chunks = stream(words(closed=closed))
    next(chunks)
    chunks.close()
    chunks.close()
    assert list(chunks) == []
    assert (ear.outcomes, closed) == (["cancelled"], [True])


def test_leaving_a_block_closes_it(ear, stream):
    closed = []
    with stream(words(closed=closed)) as chunks:
        next(chunks)
    assert (ear.outcomes, closed) == (["cancelled"], [True])


def test_closing_it_after_the_finish_reason_is_no_failure(ear):
    run = start(ear)
    with run.follow(words()) as chunks:
        next(chunks)
        run.finish_reason = "stop"
    assert ear.outcomes == ["ok"]


def test_breaking_off_abandons(ear, stream):
    closed = []
    for _ in stream(words(closed=closed)):
        break
    assert (ear.outcomes, closed) == (["abandoned"], [True])


def test_an_exception_of_the_consumer_abandons(ear, stream):
    def loop():
        for _ in stream():
            raise LookupError

    with pytest.raises(LookupError):
        loop()
    assert ear.outcomes == ["abandoned"]


def test_it_is_abandoned_when_it_is_dropped_though_its_run_is_held(ear):
    run = start(ear)
    run.follow(words())
    assert ear.outcomes == ["abandoned"]
    assert not run.is_open


def test_it_is_abandoned_when_a_cycle_is_collected(ear, stream):
    holder = [stream()]
    holder.append(holder)
    del holder
    gc.collect()
    assert ear.outcomes == ["abandoned"]


def run_async(job):
    asyncio.run(job())


def test_an_asynchronous_stream_ends_its_run(ear, astream):
    async def job():
        assert [word async for word in astream()] == ["one", "two", "three"]

    run_async(job)
    assert (ear.outcomes, ear.end.chunk_count) == (["ok"], 3)


def test_an_error_of_an_asynchronous_stream_is_that_of_the_run(ear, astream):
    async def job():
        async for _ in astream(awords(BrokenError())):
            pass

    with pytest.raises(BrokenError):
        run_async(job)
    assert (ear.outcomes, ear.end.error_type) == (["error"], "BrokenError")


def test_closing_an_asynchronous_stream_cancels(ear, astream):
    closed = []

    async def job():
        chunks = astream(awords(closed=closed))
        await anext(chunks)
        await chunks.aclose()
        await chunks.aclose()
        async with astream(awords(closed=closed)) as chunks:
            await anext(chunks)

    run_async(job)
    assert (ear.outcomes, closed) == (["cancelled"] * 2, [True] * 2)


def test_cancelling_the_task_that_waits_for_a_chunk_cancels(ear, astream):
    async def job():
        waits = asyncio.Event()

        async def never():
            yield "one"
            waits.set()
            await asyncio.Event().wait()

        async def read():
            async for _ in astream(never()):
                pass

        reading = asyncio.create_task(read())
        await waits.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    run_async(job)
    assert ear.outcomes == ["cancelled"]


def test_breaking_off_an_asynchronous_stream_abandons(ear, astream):
    async def job():
        async for _ in astream():
            break

    run_async(job)
    assert ear.outcomes == ["abandoned"]


def test_a_coroutine_that_its_loop_forgot_abandons(ear, astream):
    """It is closed by a ``GeneratorExit`` that nobody meant for the stream."""

    class Never:
        def __await__(self):
            yield

    async def never():
        await Never()
        yield

    waiting = astream(never()).__anext__()
    waiting.send(None)
    waiting.close()
    assert ear.outcomes == ["abandoned"]


def test_a_dispatcher_that_raises_ends_the_run_as_well(ear, stream):
    chunks = stream()
    with ear.dispatcher.add_listener(object, lambda _: 1 / 0), pytest.raises(ZeroDivisionError):
        next(chunks)
    assert len(ear.all(InferenceCompleted)) == 1
