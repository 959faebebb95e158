"""Every way in which a stream can end, and that nobody can tell a stream that is listened to from another one."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import TypeVar

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from polymeter.events.event import _unit_of_work
from polymeter.events.inference import InferenceAttemptSucceeded, StreamFirstChunkReceived, Usage
from polymeter.sources import OpenAISource
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, Tokens
from tests.sources.conftest import BROKEN, END, EVENTS, QUESTION, piece, sse
from tests.sources.openai_sdk import CLOSES_WHAT_IS_DROPPED, HTTP

ChunkT = TypeVar("ChunkT")

TOKENS = Tokens(input=8, output=3, cache_read=4, reasoning=5)
WITH_USAGE = {"stream_options": {"include_usage": True}}


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True, **options)


pytestmark = pytest.mark.usefixtures("no_collection")  # what is noticed is noticed without it


def read_to_the_end(client):
    for _ in ask(client):
        pass


def read_with_next_and_for(client):
    stream = ask(client)
    next(stream)
    for _ in stream:
        break
    next(stream)
    list(stream)


def read_past_the_end(client):
    stream = ask(client)
    list(stream)
    with pytest.raises(StopIteration):
        next(stream)
    stream.close()


def read_in_a_block(client):
    with ask(client) as stream:
        list(stream)


def read_by_the_helper(client):
    with client.chat.completions.stream(model="gpt-x", messages=QUESTION) as stream:
        assert stream.get_final_completion().choices[0].finish_reason == "stop"


def drop_after_the_finish_reason(client):
    for chunk in ask(client, **WITH_USAGE):
        if chunk.choices[0].finish_reason:
            break


def close_after_the_finish_reason(client):
    with ask(client, **WITH_USAGE) as stream:
        next(chunk for chunk in stream if chunk.choices[0].finish_reason)


def break_off(client):
    for _ in ask(client):
        break


def never_read(client):
    ask(client)


def raise_in_the_loop(client):
    def loop():
        for _ in ask(client):
            raise LookupError

    with pytest.raises(LookupError):
        loop()


def leave_a_block(client):
    with ask(client) as stream:
        next(stream)


def leave_a_block_unread(client):
    with ask(client):
        pass


def raise_in_a_block(client):
    with pytest.raises(LookupError), ask(client):
        raise LookupError


def close(client):
    stream = ask(client)
    next(stream)
    stream.close()
    stream.close()
    stream.__exit__(None, None, None)


def close_the_response(client):
    stream = ask(client)
    next(stream)
    stream.response.close()


def leave_the_helper(client):
    with client.chat.completions.stream(model="gpt-x", messages=QUESTION) as stream:
        next(stream)


ENDS = {
    "ok": [
        read_to_the_end,
        read_with_next_and_for,
        read_past_the_end,
        read_in_a_block,
        read_by_the_helper,
        drop_after_the_finish_reason,
        close_after_the_finish_reason,
    ],
    "abandoned": [break_off, never_read, raise_in_the_loop],
    "cancelled": [
        leave_a_block,
        leave_a_block_unread,
        raise_in_a_block,
        close,
        close_the_response,
        leave_the_helper,
    ],
}


@pytest.mark.parametrize(("outcome", "use"), [(outcome, use) for outcome, uses in ENDS.items() for use in uses])
def test_a_stream_ends_once(ear, source, client, outcome, use):
    use(client)
    assert ear.outcomes == [outcome]
    assert ear.attempts == [200]
    assert ear.end.finish_reason == ("stop" if outcome == "ok" else None)
    assert source.health().ok == (outcome == "ok")


@pytest.mark.usefixtures("source")
def test_a_stream_that_another_thread_closes_while_it_is_read_is_cancelled(ear, stub):
    """What reading it comes to after that is no error of the provider."""

    def body():
        yield sse(piece("Hi")).content.removesuffix(END)
        closer = threading.Thread(target=stream.close)
        closer.start()
        closer.join()
        raise HTTP.ReadError("closed")

    stream = ask(stub(HTTP.Response(200, headers=EVENTS, content=body())))
    with pytest.raises(BROKEN):
        list(stream)
    assert ear.outcomes == ["cancelled"]


@pytest.mark.usefixtures("source")
def test_a_stream_in_a_cycle_is_abandoned_when_the_cycle_is_collected(ear, client):
    stream = ask(client)
    next(stream)
    holder = [stream]
    holder.append(holder)
    del stream, holder
    assert ear.outcomes == []
    gc.collect()
    assert ear.outcomes == ["abandoned"]


@pytest.mark.usefixtures("source")
def test_a_stream_that_breaks_is_an_error_of_a_call_whose_attempt_succeeded(ear, provider, client):
    provider.script(Reply("one two three", drop_after_chunks=2))
    with pytest.raises(BROKEN) as broken:
        list(ask(client))
    assert (ear.end.outcome, ear.end.error_type, ear.attempts) == ("error", broken.type.__name__, [200])


@pytest.mark.usefixtures("source")
def test_a_stream_that_breaks_after_its_finish_reason_is_an_error_all_the_same(ear, stub):
    def body():
        yield sse(piece("Hi"), piece(finish_reason="stop")).content.removesuffix(END)
        raise HTTP.ReadError("cut")

    client = stub(HTTP.Response(200, headers=EVENTS, content=body()))
    with pytest.raises(BROKEN):
        list(ask(client))
    assert (ear.end.outcome, ear.end.finish_reason) == ("error", "stop")


@pytest.mark.usefixtures("source")
def test_an_error_that_the_provider_puts_into_a_stream_is_an_error(ear, stub):
    client = stub(sse(piece("Hi"), {"error": {"message": "overloaded"}}))
    with pytest.raises(openai.APIError):
        list(ask(client))
    assert (ear.end.outcome, ear.end.error_type, ear.attempts) == ("error", "APIError", [200])


@pytest.mark.usefixtures("source")
def test_an_interrupt_while_a_chunk_is_awaited_cancels(ear, stub):
    def body():
        yield sse(piece("Hi")).content.removesuffix(END)
        raise KeyboardInterrupt

    client = stub(HTTP.Response(200, headers=EVENTS, content=body()))
    with pytest.raises(KeyboardInterrupt):
        list(ask(client))
    assert ear.outcomes == ["cancelled"]


@pytest.mark.usefixtures("source")
def test_usage_is_told_when_the_caller_asked_for_it_and_not_asked_for_otherwise(ear, provider, client):
    provider.script(Reply("Hi", usage=TOKENS))
    list(ask(client, **WITH_USAGE))
    assert ear.end.usage == Usage(input=8, output=3, cache_read=4, reasoning=5)
    assert ear.end.response_model == "gpt-x"
    ear.events.clear()
    list(ask(client))
    assert (ear.end.outcome, ear.end.usage) == ("ok", None)
    assert "stream_options" not in provider.requests[-1].body


@pytest.mark.usefixtures("source")
def test_of_several_reports_of_usage_the_last_counts(ear, stub):
    reports = [{"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n} for n in (1, 2, 3)]
    client = stub(sse(*[piece("word", usage=report) for report in reports]))
    list(ask(client))
    assert ear.end.usage == Usage(input=7, output=3)


@pytest.mark.usefixtures("source")
def test_a_stream_that_is_closed_early_tells_the_usage_that_it_had_reported(ear, stub):
    client = stub(sse(piece("word", usage={"prompt_tokens": 7, "completion_tokens": 1}), piece("more")))
    with ask(client) as stream:
        next(stream)
    assert (ear.end.outcome, ear.end.usage) == ("cancelled", Usage(input=7, output=1))


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(("read", "outcome"), [(3, "cancelled"), (4, "ok")])
def test_a_stream_of_several_answers_is_whole_when_all_of_them_are(ear, stub, read, outcome):
    chunks = [
        piece("a", index=0),
        piece("b", index=1),
        piece(finish_reason="length", index=1),
        piece(finish_reason="stop", index=0),
    ]
    client = stub(sse(*chunks))
    with ask(client, n=2) as stream:
        for _ in range(read):
            next(stream)
    assert (ear.end.outcome, ear.end.finish_reason) == (outcome, "stop" if outcome == "ok" else None)


@pytest.mark.usefixtures("source")
def test_a_stream_that_ends_before_all_of_its_answers_has_the_finish_reason_that_came(ear, stub):
    list(ask(stub(sse(piece("a"), piece(finish_reason="length", index=0))), n=2))
    assert (ear.end.outcome, ear.end.finish_reason) == ("ok", "length")


def test_the_first_chunk_is_the_first_item_that_the_caller_gets(ear):
    """It only says the role: its time is not that of the first content."""
    clock = ManualClock(stepped=True)
    with Provider(clock=clock) as provider, OpenAISource(clock=clock).install(ear.dispatcher):
        provider.script(Reply(chunks=["a", "b"], first_chunk_after=0.25, first_content_after=0.5, chunk_every=0.125))
        with openai.OpenAI(base_url=provider.base_url, api_key="test") as client:
            stream = ask(client)
            for _ in range(3):
                clock.step()
                next(stream)
            list(stream)
    assert ear.one(StreamFirstChunkReceived).time_to_first_chunk_ms == 250.0
    assert ear.one(StreamFirstChunkReceived).at == ear.one(InferenceAttemptSucceeded).at + 0.25
    assert (ear.end.time_to_first_chunk_ms, ear.end.duration_ms) == (250.0, 875.0)


@pytest.mark.usefixtures("source")
def test_a_stream_that_is_read_elsewhere_belongs_to_the_unit_of_work_that_asked_for_it(ear, client):
    token = _unit_of_work.set("job-1")
    stream = ask(client)
    _unit_of_work.reset(token)
    thread = threading.Thread(target=list, args=(stream,))
    thread.start()
    thread.join()
    assert {event.unit_of_work for event in ear.events} == {"job-1"}
    assert ear.outcomes == ["ok"]


@pytest.mark.usefixtures("source")
def test_nobody_can_tell_it_from_another_stream(client):
    stream = ask(client)
    assert type(stream) is openai.Stream
    assert stream.response.status_code == 200
    assert isinstance(stream._iterator, Iterator)
    stream.note = "mine"
    assert stream.note == "mine"
    assert [chunk.object for chunk in stream] == ["chat.completion.chunk"] * 10
    assert stream.response.is_closed
    assert stream.response.elapsed


@pytest.mark.skipif(not CLOSES_WHAT_IS_DROPPED, reason="the generators of this release close nothing")
@pytest.mark.usefixtures("source")
def test_its_iterator_is_still_the_generator_that_it_was(ear, client):
    """It is private, but somebody will have used it as one."""
    stream = ask(client)
    next(stream)
    assert stream._iterator.gi_frame
    stream._iterator.close()
    assert list(stream) == []
    assert ear.outcomes == ["cancelled"]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("later", [False, True])
def test_whoever_else_wants_to_know_of_the_close_is_told_too(ear, stub, later):
    heard = []
    answer = sse(piece("Hi"), piece("more"))

    def hook(response):
        close = response.close
        response.close = lambda: heard.append("theirs") or close()

    if not later:
        hook(answer)
    stream = ask(stub(answer))
    if later:
        hook(stream.response)
    theirs = stream.response.close
    stream.close()
    assert (heard, ear.outcomes) == (["theirs"], ["cancelled"])
    if later:
        assert stream.response.close is theirs
    stream.close()
    assert heard == ["theirs"] * 2


@pytest.mark.usefixtures("source")
def test_a_read_stream_leaves_no_more_behind_than_without_a_source(client):
    """Nothing of it waits for the garbage collector."""
    for _ in ask(client):
        pass
    assert not [each for each in gc.get_objects() if isinstance(each, openai.Stream)]


@pytest.mark.skipif(not CLOSES_WHAT_IS_DROPPED, reason="the generators of this release close nothing")
@pytest.mark.usefixtures("source")
def test_a_dropped_stream_closes_its_connection_when_it_is_collected(client):
    """As it would without a source."""
    stream = ask(client)
    next(stream)
    response = stream.response
    del stream
    assert not response.is_closed
    gc.collect()
    assert response.is_closed


@pytest.mark.usefixtures("source")
def test_a_stream_that_is_held_keeps_what_it_needs(ear, client):
    """Collections while it is read take nothing away."""
    stream = ask(client)
    gc.collect()
    for _ in stream:
        gc.collect()
    assert ear.outcomes == ["ok"]


class Collecting(openai.Stream[ChunkT]):
    """A stream of somebody else, that keeps what it gave."""

    def __stream__(self):
        self.given = []
        for chunk in super().__stream__():
            self.given.append(chunk)
            yield chunk


class Slotted(openai.Stream[ChunkT]):
    """A stream whose state is not all in its dictionary."""

    __slots__ = ("extra",)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("kind", [Collecting, Slotted])
def test_streams_of_other_classes_work_as_they_did(ear, client, kind):
    stream = client.post(
        "/chat/completions",
        cast_to=ChatCompletionChunk,
        body={"model": "gpt-x", "messages": QUESTION, "stream": True},
        stream=True,
        stream_cls=kind[ChatCompletionChunk],
    )
    assert type(stream) is kind
    stream.extra = 1
    chunks = list(stream)
    assert getattr(stream, "given", chunks) == chunks
    assert (stream.extra, ear.outcomes) == (1, ["ok"])


def test_streams_that_are_open_at_the_undo_are_told_to_their_end(ear, client):
    subscription = OpenAISource().install(ear.dispatcher)
    read, dropped, closed = ask(client), ask(client), ask(client)
    subscription.cancel()
    list(read)
    del dropped
    closed.close()
    assert ear.outcomes == ["ok", "abandoned", "cancelled"]
    list(ask(client))
    assert len(ear.outcomes) == 3
