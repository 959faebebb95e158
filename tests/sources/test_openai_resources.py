"""What else can be asked, and of whom: legacy completions, embeddings, Azure, aiohttp; hosts and rate limits."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec

import openai
import pytest

from polymeter.events.inference import InferenceCompleted, Usage
from polymeter.events.rate_limits import RateLimitReported
from polymeter.testing.provider import BadRequest, RateLimited, Reply, ServerError, Tokens
from tests.sources.conftest import QUESTION, TLS
from tests.sources.openai_sdk import HTTP

pytestmark = pytest.mark.usefixtures("source", "no_collection")

TOKENS = Tokens(input=8, output=3, cache_read=4)
USAGE = Usage(input=8, output=3, cache_read=4)


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, **options)


# Legacy completions


def test_a_legacy_completion_is_a_text_completion(ear, provider, client):
    provider.script(Reply("and so on", usage=TOKENS, finish_reason="length"))
    assert client.completions.create(model="davinci", prompt="Once").choices[0].text == "and so on"
    end = ear.end
    assert (end.operation, end.model, end.finish_reason, end.usage) == ("text_completion", "davinci", "length", USAGE)


@pytest.mark.parametrize("usage", [False, True])
def test_a_streamed_legacy_completion_is_too(ear, provider, client, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    provider.script(Reply("and so on", usage=TOKENS))
    chunks = list(client.completions.create(model="davinci", prompt="Once", stream=True, **options))
    end = ear.end
    assert (end.operation, end.finish_reason, end.chunk_count) == ("text_completion", "stop", len(chunks))
    assert (end.usage, end.time_to_first_content_ms is not None) == (USAGE if usage else None, True)


def test_an_asynchronous_legacy_completion_is_too(ear, provider, run):
    async def job(client):
        async for _ in await client.completions.create(model="davinci", prompt="Once", stream=True):
            pass

    run(job)
    assert (ear.end.operation, ear.end.outcome, ear.end.finish_reason) == ("text_completion", "ok", "stop")


@pytest.mark.parametrize(
    ("prompt", "n", "whole_after"),
    [("a", None, 1), (["a", "b"], None, 2), (["a", "b"], 2, 4), ([1, 2, 3], None, 1), ([[1, 2], [3]], None, 2)],
)
def test_a_stream_is_whole_when_each_prompt_has_its_answers(ear, stub, prompt, n, whole_after):
    def chunk(index):
        choice = {"index": index, "text": "x", "finish_reason": "stop"}
        return {"id": "1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}

    for read, outcome in [(whole_after, "ok"), (whole_after - 1, "cancelled")]:
        body = [chunk(index) for index in range(whole_after)] + [chunk(0)]
        client = stub(HTTP.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(_lines(body))))
        options = {} if n is None else {"n": n}
        with client.completions.create(model="m", prompt=prompt, stream=True, **options) as stream:
            for _, _ in zip(range(read), stream, strict=False):
                pass
        assert ear.outcomes.pop() == outcome


def _lines(chunks):
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]


# Embeddings


@pytest.mark.parametrize(
    ("inputs", "count"),
    [("one two", 1), (["one two", "three"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2), (("one", "two", "three"), 3)],
)
def test_embeddings_say_how_many_inputs_they_have(ear, client, inputs, count):
    client.embeddings.create(model="embed", input=inputs)
    end = ear.end
    assert (end.operation, end.input_count, end.dimensions, end.usage.output) == ("embeddings", count, 1536, 0)


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
@pytest.mark.parametrize("dimensions", [1, 2, 3, 256])
def test_embeddings_say_how_long_they_are(ear, client, encoding, dimensions):
    options = {} if encoding is None else {"encoding_format": encoding}
    client.embeddings.create(model="embed", input="one", dimensions=dimensions, **options)
    raw = client.embeddings.with_raw_response.create(model="embed", input="one", dimensions=dimensions, **options)
    assert raw.status_code == 200
    assert [end.dimensions for end in ear.all(InferenceCompleted)] == [dimensions] * 2


def test_embeddings_that_fail_have_inputs_and_no_dimensions(ear, provider, client):
    provider.script(BadRequest())
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="embed", input=["one", "two"])
    assert (ear.end.input_count, ear.end.dimensions) == (2, None)


def test_other_operations_have_neither(ear, client):
    ask(client)
    assert (ear.end.input_count, ear.end.dimensions) == (None, None)


# Azure


@pytest.fixture
def azure(provider):
    with openai.AzureOpenAI(
        azure_endpoint=provider.base_url.removesuffix("/v1"),
        api_key="test",
        api_version="2025-01-01",
        max_retries=2,
        http_client=openai.DefaultHttpxClient(verify=TLS),
    ) as client:
        yield client


def test_azure_is_seen_with_its_deployments_in_the_path(ear, provider, azure):
    provider.script(RateLimited(0.001), Reply(usage=TOKENS), Reply(usage=TOKENS))
    ask(azure)
    list(ask(azure, stream=True, stream_options={"include_usage": True}))
    azure.embeddings.create(model="embed", input="one")
    azure.completions.create(model="davinci", prompt="Once")
    azure.responses.create(model="gpt-x", input="Hi")
    ends = ear.all(InferenceCompleted)
    assert [end.operation for end in ends] == ["chat", "chat", "embeddings", "text_completion", "chat"]
    assert {(end.provider, end.outcome, end.server_address) for end in ends} == {("azure.ai.openai", "ok", "127.0.0.1")}
    assert [request.path for request in provider.requests][1:] == [
        "/openai/deployments/gpt-x/chat/completions",
        "/openai/deployments/gpt-x/chat/completions",
        "/openai/deployments/embed/embeddings",
        "/openai/deployments/davinci/completions",
        "/openai/responses",
    ]
    assert [end.usage for end in ends][:2] == [USAGE, USAGE]


def test_a_deployment_of_the_client_is_seen_too(ear, provider):
    with openai.AzureOpenAI(
        azure_endpoint=provider.base_url.removesuffix("/v1"),
        azure_deployment="mine",
        api_key="test",
        api_version="2025-01-01",
        http_client=openai.DefaultHttpxClient(verify=TLS),
    ) as client:
        ask(client)
        client.responses.create(model="gpt-x", input="Hi")
    assert provider.requests[0].path == "/openai/deployments/mine/chat/completions"
    assert [(end.provider, end.model) for end in ear.all(InferenceCompleted)] == [("azure.ai.openai", "gpt-x")] * 2


# Other HTTP


@pytest.mark.skipif(find_spec("aiohttp") is None, reason="openai[aiohttp] is not installed")
def test_calls_over_aiohttp_are_seen_with_their_attempts(ear, provider, run):
    async def job(client):
        await client.responses.create(model="gpt-x", input="Hi")
        async for _ in await ask(client, stream=True):
            pass
        async with client.responses.with_streaming_response.create(model="gpt-x", input="Hi") as response:
            await response.read()

    async def main():
        async with openai.DefaultAioHttpClient() as http:
            options = {"base_url": provider.base_url, "api_key": "test", "http_client": http}
            async with openai.AsyncOpenAI(**options) as client:
                await job(client)

    provider.script(ServerError(retry_after=0.001), Reply(usage=TOKENS, times=3))
    asyncio.run(main())
    ends = ear.all(InferenceCompleted)
    assert [(end.outcome, end.usage) for end in ends] == [("ok", USAGE), ("ok", None), ("ok", USAGE)]
    assert ear.attempts[:2] == [("InternalServerError", 500, True), 200]


# Hosts


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://stub.invalid:8080/some/v1?key=canary", "stub.invalid"),
        ("https://user:canary@stub.invalid/v1", "stub.invalid"),
        ("http://[::1]:80/v1", "::1"),
    ],
)
def test_the_host_is_known_and_nothing_else_of_the_url(ear, stub, base_url, host):
    ask(stub(HTTP.Response(200, json={}), base_url=base_url))
    assert ear.end.server_address == host
    assert "canary" not in repr(ear.events)


def test_a_request_to_another_host_says_that_host(ear, stub):
    url = "http://other.invalid:81/v1/chat/completions"
    stub(HTTP.Response(200, json={})).post(url, cast_to=object, body={"model": "m"})
    assert ear.end.server_address == "other.invalid"


# Rate limits


def limits(ear):
    return [(it.kind, it.limit, it.remaining, it.reset_seconds) for it in ear.all(RateLimitReported)]


LEFT = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "99",
    "x-ratelimit-reset-requests": "1m2.5s",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "7",
    "x-ratelimit-reset-tokens": "20ms",
}
TOLD = [("requests", 100, 99, 62.5), ("tokens", 1000, 7, 0.02)]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_says_how_much_of_the_rate_limits_is_left(ear, provider, client, run, kind, stream):
    provider.script(Reply(headers=LEFT))
    if kind == "async":

        async def job(client):
            answer = await ask(client, stream=stream)
            if stream:
                await answer.close()

        run(job)
    else:
        answer = ask(client, stream=stream)
        if stream:
            answer.close()
    assert limits(ear) == TOLD
    assert {(it.provider, it.model) for it in ear.all(RateLimitReported)} == {("openai", "gpt-x")}


def test_failed_answers_say_so_too(ear, provider, client):
    provider.script(RateLimited(0.001, headers=LEFT, times=2))
    with pytest.raises(openai.RateLimitError):
        ask(client.with_options(max_retries=1))
    assert limits(ear) == TOLD * 2


def test_raw_answers_and_embeddings_say_so_too(ear, provider, client):
    provider.script(Reply(headers=LEFT, times=2))
    client.responses.with_raw_response.create(model="m", input="Hi")
    client.embeddings.create(model="m", input="Hi")
    assert limits(ear) == TOLD * 2


def test_an_answer_without_such_headers_says_nothing(ear, stub):
    ask(stub(HTTP.Response(200, json={})))
    assert limits(ear) == []
