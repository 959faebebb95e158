"""Raw responses: read already, or not yet."""

from __future__ import annotations

import gc

import openai
import pytest

from polymeter.events.inference import Usage
from polymeter.testing.provider import Reply, Tokens, Unauthorized
from tests.sources.conftest import QUESTION, piece, sse
from tests.sources.openai_sdk import HTTP

pytestmark = pytest.mark.usefixtures("source", "no_collection")

TOKENS = Tokens(input=8, output=3, cache_read=4, reasoning=5)
USAGE = Usage(input=8, output=3, cache_read=4, reasoning=5)
ASKED = {"model": "gpt-x", "messages": QUESTION}
STREAM = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}


def test_a_raw_response_is_an_answer_when_it_arrives_parsed_or_not(ear, provider, client):
    provider.script(Reply("Hi", usage=TOKENS))
    raw = client.chat.completions.with_raw_response.create(**ASKED)
    assert (ear.end.outcome, ear.end.usage, ear.end.finish_reason) == ("ok", USAGE, "stop")
    assert raw.parse().choices[0].message.content == "Hi"
    assert raw.parse() is raw.parse()


def test_an_asynchronous_raw_response_is_too(ear, provider, run):
    async def job(client):
        raw = await client.chat.completions.with_raw_response.create(**ASKED)
        assert raw.parse().choices[0].message.content == "Hi"

    provider.script(Reply("Hi", usage=TOKENS))
    run(job)
    assert (ear.end.outcome, ear.end.usage) == ("ok", USAGE)


def test_raw_embeddings_have_usage(ear, client):
    client.embeddings.with_raw_response.create(model="embed", input="one two")
    assert (ear.end.outcome, ear.end.usage) == ("ok", Usage(input=2))


def test_a_response_of_the_http_library_is_an_answer_too(ear, client):
    response = client.post("/chat/completions", cast_to=HTTP.Response, body=ASKED)
    assert isinstance(response, HTTP.Response)
    assert (ear.end.outcome, ear.end.usage.input) == ("ok", 4)


def test_a_raw_error_is_an_error(ear, provider, client):
    provider.script(Unauthorized())
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.with_raw_response.create(**ASKED)
    assert ear.attempts == [("AuthenticationError", 401, False)]


def test_a_raw_stream_ends_when_the_stream_within_it_does(ear, provider, client):
    provider.script(Reply("Hi", usage=TOKENS))
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    assert raw.headers["content-type"].startswith("text/event-stream")
    stream = raw.parse()
    assert type(stream) is openai.Stream
    assert raw.parse() is stream
    assert ear.outcomes == []
    list(stream)
    assert (ear.end.outcome, ear.end.usage) == ("ok", USAGE)
    assert ear.end.time_to_first_chunk_ms is not None


def test_an_asynchronous_raw_stream_does_so_too(ear, run):
    async def job(client):
        raw = await client.chat.completions.with_raw_response.create(**STREAM)
        stream = raw.parse()
        assert type(stream) is openai.AsyncStream
        async for _ in stream:
            pass

    run(job)
    assert (ear.end.outcome, ear.end.usage.input) == ("ok", 4)


def test_a_raw_stream_of_a_cache_is_followed_like_any_other(ear, stub):
    """Its body is there already, and its response closed."""
    raw = stub(sse(piece("Hi"), piece(finish_reason="stop"))).chat.completions.with_raw_response.create(**STREAM)
    list(raw.parse())
    assert (ear.end.outcome, ear.end.finish_reason) == ("ok", "stop")


@pytest.mark.parametrize("parsed", [False, True])
def test_a_raw_stream_that_nobody_wants_is_abandoned(ear, client, parsed):
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    if parsed:
        next(raw.parse())
        assert ear.outcomes == ["abandoned"]
    del raw
    assert ear.outcomes == ["abandoned"]


def test_a_stream_survives_the_raw_response_that_it_came_from(ear, client):
    stream = client.chat.completions.with_raw_response.create(**STREAM).parse()
    gc.collect()
    assert len(list(stream)) == 11
    assert ear.outcomes == ["ok"]


def test_a_stream_that_was_dropped_can_be_had_again(ear, client):
    """As without a source; its run has ended."""
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    next(raw.parse())
    assert len(list(raw.parse())) == 10
    assert ear.outcomes == ["abandoned"]


def test_the_bound_method_of_a_raw_response_outlives_it(ear, client):
    parse = client.chat.completions.with_raw_response.create(**STREAM).parse
    gc.collect()
    assert len(list(parse())) == 11
    assert ear.outcomes == ["ok"]


def test_a_raw_stream_that_is_parsed_wrongly_is_an_error(ear, client):
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    with pytest.raises(TypeError):
        raw.parse(to=str)
    assert (ear.end.outcome, ear.end.error_type) == ("error", "TypeError")
    raw.http_response.close()


def parse(response):
    response.parse()


def read(response):
    response.read()


def read_lines(response):
    list(response.iter_lines())


def leave(response):
    assert not response.is_closed


def parse_stream(response):
    list(response.parse())


@pytest.mark.parametrize(
    ("asked", "use", "outcome", "usage"),
    [
        (ASKED, parse, "ok", True),
        (ASKED, read, "ok", True),
        (ASKED, read_lines, "ok", True),
        (ASKED, leave, "cancelled", False),
        (STREAM, parse_stream, "ok", True),
        (STREAM, read_lines, "ok", True),
        (STREAM, leave, "cancelled", False),
    ],
)
def test_a_response_that_streams_ends_once(ear, client, asked, use, outcome, usage):
    with client.chat.completions.with_streaming_response.create(**asked) as response:
        use(response)
        assert response.status_code == 200
    assert (ear.outcomes, ear.attempts, ear.end.usage is not None) == ([outcome], [200], usage)


def test_a_stream_of_a_response_that_streams_is_cancelled_when_the_block_is_left(ear, client):
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        stream = response.parse()
        next(stream)
    assert ear.outcomes == ["cancelled"]


@pytest.mark.parametrize(
    ("asked", "use", "outcome"), [(ASKED, "parse", "ok"), (ASKED, "json", "ok"), (ASKED, None, "cancelled")]
)
def test_an_asynchronous_response_that_streams_ends_once(ear, run, asked, use, outcome):
    async def job(client):
        async with client.chat.completions.with_streaming_response.create(**asked) as response:
            if use:
                await getattr(response, use)()

    run(job)
    assert ear.outcomes == [outcome]


def test_an_asynchronous_response_that_streams_gives_its_stream(ear, run):
    async def job(client):
        async with client.chat.completions.with_streaming_response.create(**STREAM) as response:
            async for _ in await response.parse():
                pass

    run(job)
    assert (ear.outcomes, ear.end.usage.input) == (["ok"], 4)


def test_an_asynchronous_response_that_is_parsed_wrongly_is_an_error(ear, run):
    async def job(client):
        async with client.chat.completions.with_streaming_response.create(**STREAM) as response:
            with pytest.raises(TypeError):
                await response.parse(to=str)

    run(job)
    assert (ear.end.outcome, ear.end.error_type) == ("error", "TypeError")


def test_a_response_that_streams_and_breaks_is_an_error_when_it_is_parsed(ear, stub):
    def body():
        yield b"{"
        raise HTTP.ReadError("cut")

    answer = HTTP.Response(200, headers={"content-type": "application/json"}, content=body())
    client = stub(answer)
    with (
        client.chat.completions.with_streaming_response.create(**ASKED) as response,
        pytest.raises(HTTP.ReadError),
    ):
        response.parse()
    assert (ear.end.outcome, ear.end.error_type) == ("error", "ReadError")
