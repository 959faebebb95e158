"""The Responses API: answers with a status, typed events, and what is asked for again later."""

from __future__ import annotations

import json

import openai
import pytest
from pydantic import BaseModel, ValidationError

from polymeter.events.inference import InferenceCompleted, StreamFirstContentReceived, Usage
from polymeter.testing.provider import RateLimited, Reply, Tokens, ToolCall
from tests.sources.conftest import EVENTS
from tests.sources.openai_sdk import HTTP

pytestmark = pytest.mark.usefixtures("source", "no_collection")

TOKENS = Tokens(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
USAGE = Usage(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
ASKED = {"model": "gpt-x", "input": "How are you today?"}


class Shape(BaseModel):
    size: int


def events(*bodies):
    """Write events as the body of a stream."""
    lines = [f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode() for body in bodies]
    return HTTP.Response(200, headers=EVENTS, content=b"".join(lines))


def response(status="completed", **more):
    return {
        "id": "r",
        "object": "response",
        "model": "gpt-x-2026",
        "status": status,
        "output": [],
        "usage": None,
    } | more


def test_a_response_is_told_with_all_that_it_says(ear, provider, client):
    provider.script(Reply("Fine", usage=TOKENS, response_model="gpt-x-2026"))
    assert client.responses.create(**ASKED).output_text == "Fine"
    end = ear.end
    assert (end.operation, end.model, end.response_model, end.provider) == ("chat", "gpt-x", "gpt-x-2026", "openai")
    assert (end.outcome, end.finish_reason, end.usage) == ("ok", "completed", USAGE)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (14, 8)
    assert (end.streamed, end.chunk_count, end.time_to_first_chunk_ms) == (False, 0, None)


def test_an_asynchronous_response_is_told_in_the_same_way(ear, provider, run):
    async def job(client):
        await client.responses.create(**ASKED)

    provider.script(RateLimited(0.001), Reply("Fine", usage=TOKENS))
    run(job)
    assert (ear.end.outcome, ear.end.usage, ear.attempts) == ("ok", USAGE, [("RateLimitError", 429, True), 200])


def test_a_streamed_response_is_told_event_by_event(ear, provider, client):
    provider.script(Reply(chunks=["I ", "am ", "fine"], usage=TOKENS))
    kinds = [event.type for event in client.responses.create(**ASKED, stream=True)]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    end = ear.end
    assert (end.outcome, end.finish_reason, end.usage, end.streamed) == ("ok", "completed", USAGE, True)
    assert end.chunk_count == len(kinds)
    assert end.response_model == "gpt-x"


def test_an_asynchronous_streamed_response_is_told_in_the_same_way(ear, run):
    async def job(client):
        async for _ in await client.responses.create(**ASKED, stream=True):
            pass

    run(job)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage.input) == ("ok", "completed", 4)


def test_the_first_content_of_a_response_is_its_first_delta(ear, clock, stub):
    def body():
        for body in (
            {"type": "response.created", "response": response("in_progress")},
            {"type": "response.output_item.added", "item": {"type": "reasoning"}, "output_index": 0},
            {"type": "response.reasoning_summary_text.delta", "delta": ""},
            {"type": "response.reasoning_summary_text.delta", "delta": "Let me think"},
            {"type": "response.output_text.delta", "delta": "Fine"},
            {"type": "response.output_text.done", "text": "Fine"},
            {"type": "response.completed", "response": response()},
        ):
            clock.advance(1.0)
            yield f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()

    client = stub(HTTP.Response(200, headers=EVENTS, content=body()))
    assert len(list(client.responses.create(**ASKED, stream=True))) == 7
    assert (ear.end.time_to_first_chunk_ms, ear.end.time_to_first_content_ms) == (1000.0, 4000.0)
    assert (ear.end.duration_ms, ear.end.chunk_count, ear.end.mean_chunk_gap_ms) == (7000.0, 7, 1000.0)
    assert ear.one(StreamFirstContentReceived).time_to_first_content_ms == 4000.0


def test_the_arguments_of_a_tool_call_are_content(ear, provider, client):
    provider.script(Reply(tool_calls=[ToolCall("find", {"q": "x"})], usage=TOKENS))
    kinds = [event.type for event in client.responses.create(**ASKED, stream=True)]
    assert "response.function_call_arguments.delta" in kinds
    assert (ear.end.finish_reason, ear.end.usage) == ("completed", USAGE)
    assert ear.end.time_to_first_content_ms is not None


def test_the_helper_for_streams_is_seen(ear, provider, client, run):
    async def job(client):
        async with client.responses.stream(**ASKED) as stream:
            return (await stream.get_final_response()).output_text

    provider.script(Reply("Fine", usage=TOKENS, times=2))
    with client.responses.stream(**ASKED) as stream:
        assert stream.get_final_response().output_text == "Fine"
    run(job)
    ends = ear.all(InferenceCompleted)
    assert [(end.outcome, end.usage, end.streamed) for end in ends] == [("ok", USAGE, True)] * 2


@pytest.mark.parametrize(("read", "outcome"), [(2, "cancelled"), (100, "ok")])
def test_leaving_the_helper_early_cancels(ear, client, read, outcome):
    with client.responses.stream(**ASKED) as stream:
        for _, _ in zip(range(read), stream, strict=False):
            pass
    assert ear.outcomes == [outcome]


def test_a_parsed_response_is_told(ear, provider, client):
    provider.script(Reply('{"size": 3}', usage=TOKENS))
    assert client.responses.parse(**ASKED, text_format=Shape).output_parsed == Shape(size=3)
    assert (ear.outcomes, ear.end.usage) == (["ok"], USAGE)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_tokens_of_a_response_that_cannot_be_parsed_were_used_all_the_same(ear, provider, client, run, kind):
    async def job(client):
        await client.responses.parse(**ASKED, text_format=Shape)

    def call():
        return run(job) if kind == "async" else client.responses.parse(**ASKED, text_format=Shape)

    provider.script(Reply('{"size": "large"}', usage=TOKENS))
    with pytest.raises(ValidationError):
        call()
    assert (ear.end.outcome, ear.end.error_type, ear.end.usage, ear.attempts) == (
        "error",
        "ValidationError",
        USAGE,
        [200],
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "completed"),
        ("length", "max_output_tokens"),
        ("content_filter", "content_filter"),
        ("incomplete", "incomplete"),
        ("cancelled", "cancelled"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_finish_reason_is_the_status_or_why_it_is_incomplete(ear, provider, client, reason, told, stream):
    provider.script(Reply("Well", finish_reason=reason, usage=TOKENS))
    answer = client.responses.create(**ASKED, stream=stream)
    if stream:
        list(answer)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", told, USAGE)


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_says_that_it_failed_is_an_error_for_which_the_sdk_raises_nothing(
    ear, provider, client, stream
):
    provider.script(Reply("Well", finish_reason="failed", usage=TOKENS))
    answer = client.responses.create(**ASKED, stream=stream)
    if stream:
        list(answer)
    end = ear.end
    assert (end.outcome, end.error_type, end.finish_reason) == ("error", "ResponseFailedError", "failed")
    assert (end.usage, ear.attempts) == (USAGE, [200])


def test_a_stream_that_is_closed_after_it_failed_has_failed(ear, stub):
    failed = {"type": "response.failed", "response": response("failed")}
    created = {"type": "response.created", "response": response("in_progress")}
    with stub(events(created, failed, created)).responses.create(**ASKED, stream=True) as stream:
        assert [next(stream).type, next(stream).type] == ["response.created", "response.failed"]
    assert (ear.end.outcome, ear.end.error_type) == ("error", "ResponseFailedError")


def test_an_error_event_is_an_error(ear, stub):
    error = {"type": "error", "code": "server_error", "message": "oh", "param": None, "sequence_number": 1}
    list(stub(events(error)).responses.create(**ASKED, stream=True))
    assert (ear.end.outcome, ear.end.error_type, ear.end.finish_reason) == ("error", "ResponseFailedError", None)


def test_a_stream_without_an_end_event_has_no_finish_reason(ear, stub):
    list(
        stub(events({"type": "response.created", "response": response("in_progress")})).responses.create(
            **ASKED, stream=True
        )
    )
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", None, None)


def test_a_stream_whose_line_breaks_is_an_error(ear, provider, client):
    provider.script(Reply(chunks=["a", "b"], drop_after_chunks=1))
    with pytest.raises((openai.APIConnectionError, HTTP.TransportError)):
        list(client.responses.create(**ASKED, stream=True))
    assert (ear.end.outcome, ear.attempts) == ("error", [200])


def test_a_background_response_is_told_when_it_is_queued_and_not_when_it_is_fetched(ear, provider, client):
    queued = client.responses.create(**ASKED, background=True)
    fetched = client.responses.retrieve(queued.id)
    assert (queued.status, fetched.status) == ("queued", "completed")
    assert fetched.usage is not None
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", "queued", None)
    assert len(provider.requests) == 2


def test_other_calls_about_responses_are_no_inferences(ear, provider, client):
    client.responses.retrieve("resp_1")
    unretried = client.with_options(max_retries=0)
    for ask in (unretried.responses.cancel, unretried.responses.delete, unretried.responses.input_items.list):
        with pytest.raises(openai.APIError):
            ask("resp_1")
    assert len(provider.requests) == 4
    assert ear.events == []


def test_a_conversation_is_a_response_each(ear, client):
    first = client.responses.create(**ASKED)
    client.responses.create(**ASKED, previous_response_id=first.id)
    client.responses.create(input="Hi", previous_response_id=first.id)  # the model of before, or of a stored prompt
    ends = ear.all(InferenceCompleted)
    assert [(end.model, end.response_model) for end in ends] == [("gpt-x", "gpt-x")] * 2 + [("unknown", "unknown")]


def test_a_streamed_response_that_is_dropped_is_abandoned(ear, client):
    next(iter(client.responses.create(**ASKED, stream=True)))
    assert ear.outcomes == ["abandoned"]
