"""Answers of shapes that nobody promised: the host gets them as ever, the run ends, and the surprise is counted."""

from __future__ import annotations

import json

import pytest

from polymeter.events.inference import Usage
from polymeter.sources import OpenAISource
from polymeter.sources.openai_answers import AnswerReader
from tests.sources.conftest import QUESTION, piece, sse
from tests.sources.openai_sdk import HTTP


@pytest.fixture
def watched(ear):
    source = OpenAISource()
    with source.install(ear.dispatcher):
        yield source


def whole(**body):
    return HTTP.Response(200, json={"id": "1", "object": "chat.completion", "model": "m"} | body)


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, **options)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (None, None),
        ({}, None),
        ({"total_tokens": 5}, None),
        ({"prompt_tokens": 5}, Usage(input=5)),
        ({"prompt_tokens": 5, "completion_tokens": None}, Usage(input=5)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
        ({"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(input=5, output=2)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": None}},
            Usage(input=5, output=2),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}},
            Usage(input=2, cache_read=3, output=2),
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_what_the_provider_says_and_nothing_else(ear, watched, stub, usage, read, stream):
    answer = sse(piece("Hi", usage=usage)) if stream else whole(choices=[], usage=usage)
    result = ask(stub(answer), stream=stream)
    if stream:
        list(result)
    assert (ear.end.outcome, ear.end.usage, watched.health().surprises) == ("ok", read, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"usage": {"prompt_tokens": "many", "completion_tokens": 2}},
        {"usage": {"prompt_tokens": -1, "completion_tokens": 2}},
        {"usage": {"prompt_tokens": 1.5, "completion_tokens": 2}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": "all"}}},
        {"choices": {"zero": 1}},
        {"choices": 7},
    ],
)
def test_what_cannot_be_read_is_a_surprise_and_no_error(ear, watched, stub, body):
    answer = ask(stub(whole(**body)))
    assert answer.id == "1"
    assert (ear.end.outcome, ear.end.usage) == ("ok", None)
    assert watched.health().surprises == 1


@pytest.mark.parametrize(
    "chunk", [{"choices": 7}, {"choices": [7]}, {"usage": 7, "choices": None}, {"usage": {"prompt_tokens": "many"}}]
)
def test_chunks_that_cannot_be_read_are_one_surprise_per_stream(ear, watched, stub, chunk):
    chunks = list(ask(stub(sse(chunk, chunk, piece("Hi", usage={"prompt_tokens": 5}))), stream=True))
    assert len(chunks) == 3
    assert (ear.end.outcome, ear.end.usage) == ("ok", Usage(input=5))
    assert watched.health().surprises == (0 if chunk == {"usage": 7, "choices": None} else 1)


def test_an_answer_that_is_no_json_is_an_answer(ear, watched, stub):
    assert ask(stub(HTTP.Response(200, text="hello"))) == "hello"
    assert (ear.end.outcome, ear.end.usage, watched.health().surprises) == ("ok", None, 0)


def test_a_raw_answer_that_is_no_json_is_a_surprise(ear, watched, stub):
    raw = stub(HTTP.Response(200, text="hello")).chat.completions.with_raw_response.create(
        model="gpt-x", messages=QUESTION
    )
    assert raw.text == "hello"
    assert (ear.end.outcome, watched.health().surprises) == ("ok", 1)


def test_an_answer_as_plain_data_is_read(ear, watched, stub):
    body = {"model": "m-2", "usage": {"prompt_tokens": 3}, "choices": [{"finish_reason": "length"}]}
    answer = stub(HTTP.Response(200, json=body)).post("/chat/completions", cast_to=object, body={"model": "m"})
    assert answer == body
    assert (ear.end.usage, ear.end.finish_reason, ear.end.response_model) == (Usage(input=3), "length", "m-2")
    assert watched.health().surprises == 0


def test_options_that_cannot_be_read_are_a_surprise_and_the_call_is_not_told(ear, watched, stub):
    class Odd:
        url = None

    client = stub()
    with pytest.raises(Exception, match="Odd"):
        client.request(object, Odd())
    assert ear.events == []
    assert watched.health().surprises == 1


def test_a_stream_that_cannot_be_followed_is_handed_out_as_it_is(ear, watched, stub, monkeypatch):
    def fail(*_):
        raise AttributeError

    monkeypatch.setattr("polymeter.sources.stainless_calls.followed_stream", fail)
    monkeypatch.setattr("polymeter.sources.raw.followed_stream", fail)
    answers = [sse(piece("Hi")), sse(piece("Hi"))]
    client = stub(*answers)
    assert len(list(ask(client, stream=True))) == 1
    raw = client.chat.completions.with_raw_response.create(model="gpt-x", messages=QUESTION, stream=True)
    assert len(list(raw.parse())) == 1
    assert ear.outcomes == ["ok", "ok"]
    assert watched.health().surprises == 2


def test_every_surprise_of_a_reader_is_one(ear):
    del ear
    surprises = []
    reader = AnswerReader(None, 1, lambda: surprises.append(1))
    for _ in range(3):
        reader.chunk(object())
        reader.whole(json)
    assert surprises == [1]


RESPONSE = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": []}


def respond(client, **options):
    return client.responses.create(model="gpt-x", input="Hi", **options)


@pytest.mark.parametrize(
    "body",
    [
        {"usage": {"input_tokens": -1, "output_tokens": 2}},
        {"usage": {"input_tokens": "many", "output_tokens": 2}},
        {"usage": {"input_tokens": 1.5}},
    ],
)
def test_usage_of_a_response_that_cannot_be_read_is_a_surprise_and_no_error(ear, watched, stub, body):
    respond(stub(HTTP.Response(200, json=RESPONSE | body)))
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", "completed", None)
    assert watched.health().surprises == 1


def test_a_response_without_usage_is_none(ear, watched, stub):
    respond(stub(HTTP.Response(200, json=RESPONSE)))
    assert (ear.end.outcome, ear.end.usage, watched.health().surprises) == ("ok", None, 0)


@pytest.mark.parametrize("event", [{"type": "response.completed", "response": 3}, {"type": "response.created"}, {}])
def test_events_that_cannot_be_read_are_one_surprise_per_stream(ear, watched, stub, event):
    assert len(list(respond(stub(sse(event, event)), stream=True))) == 2
    assert (ear.end.outcome, watched.health().surprises) == ("ok", 1)


def test_unknown_events_are_no_surprise(ear, watched, stub):
    assert len(list(respond(stub(sse({"type": "response.who.knows"})), stream=True))) == 1
    assert (ear.end.outcome, ear.end.chunk_count, watched.health().surprises) == ("ok", 1, 0)
