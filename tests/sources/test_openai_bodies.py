"""Bodies that the caller reads as bytes, text or lines: usage and finish reason are seen as they pass by."""

from __future__ import annotations

import gc
import gzip
import json

import openai
import pytest

from polymeter.events.inference import InferenceCompleted, StreamFirstChunkReceived, Usage
from polymeter.sources import OpenAISource, bodies
from polymeter.testing.provider import Reply, Tokens
from tests.sources.conftest import EVENTS, QUESTION, piece
from tests.sources.openai_sdk import HTTP

pytestmark = pytest.mark.usefixtures("no_collection")

TOKENS = Tokens(input=8, output=3, cache_read=4, reasoning=5)
USAGE = Usage(input=8, output=3, cache_read=4, reasoning=5)
CHAT = {"model": "gpt-x", "messages": QUESTION}
CHAT_STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
RESPONSE = {"model": "gpt-x", "input": "Hi"}
TEXT = {"model": "gpt-x", "prompt": "Hi"}

WAYS = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "iter_bytes": lambda response: list(response.iter_bytes()),
    "iter_bytes of 3": lambda response: list(response.iter_bytes(3)),
    "iter_text": lambda response: list(response.iter_text()),
    "iter_lines": lambda response: list(response.iter_lines()),
    "read twice": lambda response: response.read() + response.read(),
    "iter_lines of the HTTP library": lambda response: list(response.http_response.iter_lines()),
    "read, then iter_lines": lambda response: (response.read(), list(response.iter_lines())),
}


async def gathered(items):
    return [item async for item in items]


ASYNC_WAYS = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "iter_bytes": lambda response: gathered(response.iter_bytes()),
    "iter_bytes of 3": lambda response: gathered(response.iter_bytes(3)),
    "iter_text": lambda response: gathered(response.iter_text()),
    "iter_lines": lambda response: gathered(response.iter_lines()),
    "iter_lines of the HTTP library": lambda response: gathered(response.http_response.aiter_lines()),
}

KINDS = {
    "chat": (lambda client: client.chat.completions, CHAT, "stop"),
    "chat streamed": (lambda client: client.chat.completions, CHAT_STREAM, "stop"),
    "response": (lambda client: client.responses, RESPONSE, "completed"),
    "response streamed": (lambda client: client.responses, {**RESPONSE, "stream": True}, "completed"),
    "completion": (lambda client: client.completions, TEXT, "stop"),
}


@pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("resource", "asked", "reason"), KINDS.values(), ids=KINDS)
def test_whatever_way_it_is_read(ear, source, provider, client, resource, asked, reason, read):
    provider.script(Reply("I am fine", usage=TOKENS))
    with resource(client).with_streaming_response.create(**asked) as response:
        read(response)
        assert vars(response.http_response).keys() & {"iter_bytes", "aiter_bytes", "close", "aclose"} == set()
    end = ear.end
    assert (end.outcome, end.finish_reason, end.usage) == ("ok", reason, USAGE)
    assert (end.chunk_count > 2) == ("stream" in asked)


@pytest.mark.parametrize("read", ASYNC_WAYS.values(), ids=ASYNC_WAYS)
@pytest.mark.parametrize(("resource", "asked", "reason"), KINDS.values(), ids=KINDS)
def test_whatever_way_it_is_read_asynchronously(ear, source, provider, run, resource, asked, reason, read):
    async def job(client):
        async with resource(client).with_streaming_response.create(**asked) as response:
            await read(response)

    provider.script(Reply("I am fine", usage=TOKENS))
    run(job)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", reason, USAGE)


def test_what_the_caller_gets_is_the_body(client, source, provider):
    provider.script(Reply("I am fine", times=4))
    read = []
    for way in ("iter_bytes", "iter_text", "iter_lines"):
        with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
            read.append(list(getattr(response, way)()))
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert response.json()["choices"][0]["message"]["content"] == "I am fine"
    assert isinstance(read[0][0], bytes)
    assert [line for line in read[2] if line][-1] == "data: [DONE]"
    assert all("".join(part).count("data:") == 7 for part in read[1:])


def test_a_raw_stream_that_is_read_as_lines_is_seen(ear, source, provider, client, run):
    async def job(client):
        raw = await client.responses.with_raw_response.create(**RESPONSE, stream=True)
        await gathered(raw.http_response.aiter_lines())

    provider.script(Reply("I am fine", usage=TOKENS, times=2))
    raw = client.responses.with_raw_response.create(**RESPONSE, stream=True)
    list(raw.http_response.iter_lines())
    run(job)
    assert [(end.outcome, end.usage, end.finish_reason) for end in ear.all(InferenceCompleted)] == [
        ("ok", USAGE, "completed")
    ] * 2


def test_who_stops_at_the_last_line_has_read_all_of_it(ear, source, client):
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        for line in response.iter_lines():
            if line == "data: [DONE]":
                break
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage.input) == ("ok", "stop", 4)


@pytest.mark.parametrize("asked", [CHAT, CHAT_STREAM], ids=["whole", "streamed"])
def test_who_stops_in_the_middle_has_cancelled_it(ear, source, provider, client, asked):
    provider.script(Reply("I am fine, " * 9000))
    with client.chat.completions.with_streaming_response.create(**asked) as response:
        for _ in response.iter_bytes(50):
            break
    assert (ear.end.outcome, ear.end.usage) == ("cancelled", None)


def test_who_drops_it_in_the_middle_has_abandoned_it(ear, source, provider, client):
    provider.script(Reply(chunks=["I ", "am "], chunk_every=1.0))
    raw = client.chat.completions.with_raw_response.create(**CHAT_STREAM)
    lines = raw.http_response.iter_lines()
    next(lines)
    del raw
    assert ear.outcomes == ["abandoned"]
    del lines
    gc.collect()


def test_a_line_that_breaks_is_an_error(ear, source, provider, client):
    provider.script(Reply("I am fine", drop_after_chunks=1))
    with (
        client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response,
        pytest.raises(HTTP.TransportError),
    ):
        response.read()
    assert (ear.end.outcome, ear.end.finish_reason) == ("error", None)


def test_times_are_those_of_the_bytes(ear, source, clock, stub):
    def body():
        for content in ("", "I", " am", " fine"):
            clock.advance(1.0)
            yield f"data: {json.dumps(piece(content))}\n\n".encode()
        clock.advance(1.0)
        yield b"data: [DONE]\n\n"

    client = stub(HTTP.Response(200, headers=EVENTS, content=body()))
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        response.read()
    end = ear.end
    assert (end.time_to_first_chunk_ms, end.time_to_first_content_ms, end.duration_ms) == (1000.0, 2000.0, 5000.0)
    assert (end.chunk_count, end.mean_chunk_gap_ms) == (4, 1000.0)


def test_a_compressed_body_is_read(ear, source, stub):
    packed = gzip.compress(json.dumps({"model": "m", "choices": [], "usage": {"prompt_tokens": 3}}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    client = stub(HTTP.Response(200, headers=headers, stream=HTTP.ByteStream(packed)))
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert b"".join(response.iter_bytes(7)).startswith(b"{")
    assert (ear.end.outcome, ear.end.usage) == ("ok", Usage(input=3))


def test_bytes_as_they_are_on_the_line_are_not_read_but_the_run_ends(ear, source, client):
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        list(response.http_response.iter_raw())
    assert (ear.end.outcome, ear.end.usage) == ("ok", None)


def test_a_body_that_is_parsed_is_read_once(ear, source, client):
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        stream = response.parse()
        assert type(stream) is openai.Stream
        assert len(list(stream)) == ear.end.chunk_count
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert response.parse().choices
    assert ear.outcomes == ["ok", "ok"]


def test_a_stream_that_the_sdk_does_not_know_of_is_read(ear, source, client):
    """As when ``stream`` is in the body of a request by hand."""
    response = client.post("/chat/completions", cast_to=HTTP.Response, body=CHAT_STREAM)
    assert response.text.startswith("data:")
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage.input) == ("ok", "stop", 4)


@pytest.fixture
def watched(ear):
    source = OpenAISource()
    with source.install(ear.dispatcher):
        yield source


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"hello", "application/json"),
        (b"[1]", "application/json"),
        (b"", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"data: {broken\n\ndata: [1]\n\ndata: {}\n\n", "text/event-stream"),
    ],
)
def test_what_cannot_be_read_is_a_surprise_and_no_error(ear, watched, stub, body, kind):
    client = stub(HTTP.Response(200, headers={"content-type": kind}, stream=HTTP.ByteStream(body)))
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        assert b"".join(response.iter_bytes()) == body
    assert (ear.end.outcome, ear.end.usage, watched.health().surprises) == ("ok", None, 1)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_what_is_too_long_is_not_kept(ear, watched, stub, kind, monkeypatch):
    monkeypatch.setattr(bodies, "LIMIT", 100)
    monkeypatch.setattr(bodies.EventReader.__init__, "__defaults__", (100,))
    body = b"data: " + json.dumps(piece("x" * 500)).encode() + b"\n\n"
    client = stub(HTTP.Response(200, headers={"content-type": kind}, stream=HTTP.ByteStream(body)))
    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        assert b"".join(response.iter_bytes(10)) == body
    assert (ear.end.outcome, watched.health().surprises) == ("ok", 1)


def test_a_dispatcher_that_raises_on_purpose_raises_into_the_reading_and_the_run_ends(client, source, ear):
    def refuse(event):
        raise ZeroDivisionError

    with client.chat.completions.with_streaming_response.create(**CHAT_STREAM) as response:
        with ear.dispatcher.add_listener(StreamFirstChunkReceived, refuse), pytest.raises(ZeroDivisionError):
            response.read()
        assert ear.end.outcome == "error"
