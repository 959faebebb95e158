"""What each call of the SDK is told as, and each attempt of it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from polymeter.events.inference import InferenceCompleted
from polymeter.events.usage import Usage
from polymeter.testing.provider import (
    BadRequest,
    Disconnect,
    Hang,
    Overloaded,
    RateLimited,
    Reply,
    ServerError,
    Tokens,
    ToolCall,
)
from tests.sources.google_genai.sdk import (
    HTTP,
    MODEL,
    QUESTION,
    RETRIES,
    ask,
    genai,
    make,
    making,
    quiet,
    recent,
    response,
    sse,
    stream,
    types,
)

pytestmark = quiet
errors = genai.errors
batches = pytest.mark.skipif(
    "BATCH_EMBED_CONTENTS" not in getattr(types, "EmbeddingApiType", SimpleNamespace(__members__={})).__members__,
    reason="this SDK sends such contents one by one",
)


def described(end):
    return end.model, end.provider, end.operation, end.streamed


def test_an_answer_is_one_call(ear, source, provider, client):
    provider.script(Reply("Fine", usage=Tokens(input=5, output=2, cache_read=3, reasoning=4), respond_after=1.5))
    assert ask(client).text == "Fine"
    assert described(ear.end) == (MODEL, "gcp.gemini", "generate_content", False)
    assert ear.end.usage == Usage(input=5, output=2, cache_read=3, reasoning=4)
    assert (ear.outcomes, ear.attempts, ear.end.finish_reason) == (["ok"], [200], "stop")
    assert (ear.end.duration_ms, ear.end.time_to_first_chunk_ms, ear.end.chunk_count) == (1500.0, None, 0)
    assert (ear.end.server_address, ear.end.response_model) == ("127.0.0.1", MODEL)


def test_a_stream_is_one_call(ear, source, provider, client):
    provider.script(Reply("one two", respond_after=1.5, usage=Tokens(input=5, output=2)))
    assert [chunk.text for chunk in stream(client)] == ["one", " two", ""]
    assert described(ear.end) == (MODEL, "gcp.gemini", "generate_content", True)
    assert (ear.outcomes, ear.attempts, ear.end.finish_reason) == (["ok"], [200], "stop")
    assert (ear.end.time_to_first_chunk_ms, ear.end.duration_ms, ear.end.chunk_count) == (1500.0, 1500.0, 3)
    assert ear.end.usage == Usage(input=5, output=2)


@pytest.mark.parametrize("httpx", [False, pytest.param(True, marks=recent)])
def test_asynchronous_calls_are_told_alike(ear, source, provider, run, httpx):
    async def job(client):
        assert (await ask(client)).text
        assert [chunk async for chunk in await stream(client)]
        assert (await client.models.embed_content(model="embed", contents="Hi")).embeddings

    run(job, httpx=httpx)
    told = [(MODEL, "gcp.gemini", "generate_content", streamed) for streamed in (False, True)]
    told.append(("embed", "gcp.gemini", "embeddings", False))
    assert [described(end) for end in ear.all(InferenceCompleted)] == told
    assert (ear.outcomes, ear.attempts) == (["ok"] * 3, [200] * 3)


@pytest.mark.parametrize(
    ("contents", "count"), [("one two", 1), (["one two", "three"], 2), ([types.Part.from_text(text="one")], 1)]
)
def test_embeddings_are_told_with_their_number_and_length(ear, source, client, contents, count):
    config = types.EmbedContentConfig(output_dimensionality=7)
    assert len(client.models.embed_content(model="embed", contents=contents, config=config).embeddings) == count
    assert described(ear.end) == ("embed", "gcp.gemini", "embeddings", False)
    assert (ear.end.input_count, ear.end.dimensions) == (count, 7)
    assert ear.end.usage.output_tokens == 0
    assert ear.end.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("model", "contents", "count"),
    [
        ("text-embedding-005", ["one two", "three"], 2),
        ("gemini-embedding-2", "one two", 1),
        pytest.param(
            "gemini-embedding-2", [types.UserContent("one two"), types.UserContent("three")], 2, marks=batches
        ),
    ],
)
def test_embeddings_of_vertex_are_told_whatever_method_it_is(ear, source, provider, model, contents, count):
    with making(provider.url, vertexai=True) as client:
        client.models.embed_content(model=model, contents=contents)
    assert described(ear.end) == (model, "gcp.vertex_ai", "embeddings", False)
    assert ear.end.input_count == count
    assert ear.end.dimensions == 768
    assert ear.end.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gemini-x", "gemini-x"),
        ("publishers/google/models/gemini-x", "gemini-x"),
        ("projects/secret/locations/eu/endpoints/4711", "4711"),
        ("anthropic/claude-x", "claude-x"),
    ],
)
def test_vertex_is_another_provider_and_a_path_is_no_part_of_a_model(ear, source, provider, model, told):
    with making(provider.url, vertexai=True) as client:
        ask(client, model)
        list(stream(client, model))
    assert [described(end)[:2] for end in ear.all(InferenceCompleted)] == [(told, "gcp.vertex_ai")] * 2
    assert "secret" not in repr(ear.events)


@pytest.mark.parametrize("model", ["models/gemini-x", "tunedModels/gemini-x"])
def test_a_model_is_told_without_its_kind(ear, source, client, model):
    ask(client, model)
    assert ear.end.model == "gemini-x"


def test_messages_of_chats_are_calls(ear, source, provider, client):
    chat = client.chats.create(model=MODEL)
    chat.send_message("Hi")
    assert len(list(chat.send_message_stream("And?"))) > 1
    assert [end.streamed for end in ear.all(InferenceCompleted)] == [False, True]
    assert ear.attempts == [200, 200]


def test_what_is_no_inference_is_not_told(ear, source, provider, client, stub):
    assert client.models.count_tokens(model=MODEL, contents=QUESTION).total_tokens
    vertex = stub(HTTP.Response(200, json={"predictions": []}), HTTP.Response(200, json={}), vertexai=True)
    vertex._api_client.request("post", "publishers/google/models/imagen:predict", {"instances": [{"prompt": "A cat"}]})
    vertex._api_client.request("get", "models/gemini:generateContent", {})
    assert ear.events == []


def test_each_request_of_automatic_function_calling_is_a_call(ear, source, provider, client):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    calls = [ToolCall("add", {"a": 1, "b": 2})]
    provider.script(Reply(tool_calls=calls), Reply("3"), Reply(tool_calls=calls), Reply("3"))
    assert ask(client, tools=[add]).text == "3"
    list(stream(client, tools=[add]))  # of which older SDKs make one request only
    assert len(provider.requests) >= 3
    assert [end.streamed for end in ear.all(InferenceCompleted)] == [each.stream for each in provider.requests]
    assert (ear.outcomes, ear.attempts) == (["ok"] * len(provider.requests), [200] * len(provider.requests))


@recent
def test_a_function_may_ask_by_itself(ear, source, provider, client):
    def inquire(about: str) -> str:
        """Ask somebody else."""
        for chunk in stream(client, "other", about):
            return chunk.text
        return ask(client, "other", about).text

    provider.script(Reply(tool_calls=[ToolCall("inquire", {"about": "it"})]), Reply("So"), model=MODEL)
    list(stream(client, tools=[inquire]))
    ends = [(end.model, end.outcome) for end in ear.all(InferenceCompleted)]
    assert (ends.count(("other", "abandoned")), ends.count((MODEL, "ok"))) == (1, len(provider.requests) - 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_told_as_the_caller_sees_it(ear, source, provider, client, status):
    provider.script(BadRequest(status=status), BadRequest(status=status))
    with pytest.raises(errors.ClientError):
        ask(client)
    with pytest.raises(errors.ClientError):
        list(stream(client))
    assert ear.attempts == [("ClientError", status, False)] * 2
    assert [end.error_type for end in ear.all(InferenceCompleted)] == ["ClientError"] * 2


def test_attempts_are_requests_and_waits_count(ear, source, provider, client, clock, monkeypatch):
    waits = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda s: (waits.append(s), clock.advance(s))))
    provider.script(RateLimited(5.0, respond_after=1.0), Overloaded(), Reply(respond_after=1.0))
    ask(client)
    assert ear.attempts == [("ClientError", 429, True), ("ServerError", 503, True), 200]
    assert (ear.outcomes, ear.end.attempt_count) == (["ok"], 3)
    assert ear.end.duration_ms == pytest.approx(2000 + 1000 * sum(waits))
    assert sum(waits) < 1, "the SDK waits as it likes, whatever the provider says"


def test_the_last_attempt_will_not_be_repeated(ear, source, provider, client):
    provider.script(ServerError(times=3))
    with pytest.raises(errors.ServerError):
        list(stream(client))
    assert ear.attempts == [("ServerError", 500, True)] * 2 + [("ServerError", 500, False)]
    assert (ear.outcomes, ear.end.attempt_count, provider.unused) == (["error"], 3, 0)


@pytest.mark.parametrize(
    ("of_client", "of_call", "requests"),
    [
        (None, None, 1),
        (RETRIES, None, 3),
        (None, {"retry_options": {"attempts": 2, "initial_delay": 0.0, "jitter": 0.0}}, 2),
        (RETRIES, {"retry_options": RETRIES.model_copy(update={"attempts": 2})}, 2),
        (RETRIES, types.HttpOptions(retry_options=RETRIES.model_copy(update={"attempts": 1})), 1),
        (RETRIES, types.HttpOptions(retry_options=RETRIES.model_copy(update={"attempts": 0})), 1),
        (RETRIES, types.HttpOptions(headers={"x-any": "thing"}), 3),
        (RETRIES.model_copy(update={"http_status_codes": [418]}), None, 1),
        (RETRIES.model_copy(update={"http_status_codes": [500]}), None, 3),
    ],
)
def test_whether_it_will_be_repeated_follows_the_options(ear, source, provider, of_client, of_call, requests):
    provider.default = ServerError()
    with making(provider.url, retry_options=of_client) as client, pytest.raises(errors.ServerError):
        ask(client, http_options=of_call)
    assert len(provider.requests) == requests
    assert ear.attempts == [("ServerError", 500, True)] * (requests - 1) + [("ServerError", 500, False)]


def test_the_options_of_an_asynchronous_call_are_followed(ear, source, provider, run):
    provider.default = ServerError()

    async def job(client):
        with pytest.raises(errors.ServerError):
            await ask(client, http_options={"retry_options": RETRIES.model_copy(update={"attempts": 2})})

    run(job)
    assert ear.attempts == [("ServerError", 500, True), ("ServerError", 500, False)]


def test_a_line_that_breaks_is_an_attempt(ear, source, provider, client):
    provider.script(Disconnect())
    with pytest.raises(HTTP.TransportError):
        ask(client)
    assert ear.attempts == [("RemoteProtocolError", None, False)], "the SDK does not repeat this one"
    assert ear.end.error_type == "RemoteProtocolError"


def test_a_timeout_is_an_attempt(ear, source, provider):
    provider.script(Hang(), Reply())
    with making(provider.url, timeout=100) as client:
        ask(client)
    assert ear.attempts == [("ReadTimeout", None, True), 200]


def test_a_server_that_is_not_there_is_an_attempt(ear, source, provider):
    provider.close()
    with making(provider.url) as client, pytest.raises(HTTP.ConnectError):
        ask(client)
    assert ear.attempts == [("ConnectError", None, True)] * 2 + [("ConnectError", None, False)]


def test_a_request_that_the_sdk_repeats_over_aiohttp_by_itself_is_an_attempt(ear, source, provider, run, monkeypatch):
    pytest.importorskip("aiohttp")
    monkeypatch.setattr("google.genai._api_client.random", SimpleNamespace(randint=lambda *_: -1))
    provider.script(Disconnect(), Reply(), Disconnect(), Reply(), Disconnect(), Disconnect())

    async def job(client):
        await ask(client)
        assert [chunk async for chunk in await stream(client)]
        with pytest.raises(Exception, match="disconnected"):
            await ask(client)

    run(job, retry_options=None)
    broken = ("ServerDisconnectedError", None, True)
    assert ear.attempts == [broken, 200, broken, 200, broken, (*broken[:2], False)]
    assert [end.attempt_count for end in ear.all(InferenceCompleted)] == [2, 2, 2]
    assert provider.unused == 0


def test_an_error_within_a_stream_is_an_error_after_an_attempt_that_succeeded(ear, source, stub):
    failure = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    client = stub(sse(response({"text": "Hi"}), failure))
    with pytest.raises(errors.ServerError):
        list(stream(client))
    assert (ear.outcomes, ear.attempts, ear.end.error_type) == (["error"], [200], "ServerError")
    assert ear.end.chunk_count == 1


def test_a_blocked_prompt_is_an_answer(ear, source, stub):
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    client = stub(HTTP.Response(200, json=blocked), sse(blocked))
    assert ask(client).candidates is None
    assert len(list(stream(client))) == 1
    assert ear.outcomes == ["ok", "ok"]
    assert [end.finish_reason for end in ear.all(InferenceCompleted)] == ["safety", "safety"]
    assert [end.usage for end in ear.all(InferenceCompleted)] == [Usage(input=4)] * 2


def test_an_answer_without_usage_has_none(ear, source, provider, client):
    provider.script(Reply(usage=None), Reply(usage=None))
    ask(client)
    list(stream(client))
    assert [end.usage for end in ear.all(InferenceCompleted)] == [None, None]


def test_an_answer_that_makes_no_sense_is_counted_and_goes_to_the_caller(ear, source, stub):
    client = stub(HTTP.Response(200, text="no JSON"), HTTP.Response(200, text=""))
    with pytest.raises(json.JSONDecodeError):
        ask(client)
    assert ask(client).candidates is None
    assert ear.outcomes == ["ok", "ok"]
    assert source.health().surprises == 1
    source._tally.surprises.__init__()


def test_a_raw_response_is_told_alike(ear, source, provider, client):
    if "should_return_http_response" not in types.GenerateContentConfig.model_fields:
        pytest.skip("this SDK gives none")
    provider.script(Reply("Fine", usage=Tokens(input=5, output=2)))
    assert "Fine" in ask(client, should_return_http_response=True).sdk_http_response.body
    assert (ear.outcomes, ear.end.usage) == (["ok"], Usage(input=5, output=2))


def test_several_candidates_are_one_answer(ear, source, stub):
    def one(index, text, **more):
        return {"candidates": [{"index": index, "content": {"parts": [{"text": text}], "role": "model"}} | more]}

    client = stub(sse(one(0, "Hi", finishReason="STOP"), one(1, "Ho"), one(1, "!", finishReason="MAX_TOKENS")))
    chunks = stream(client, candidate_count=2)
    next(chunks)
    next(chunks)
    chunks.close()
    assert ear.outcomes == ["cancelled"], "one of them has not ended"
    assert ear.end.finish_reason is None


def test_a_call_of_an_sdk_that_asks_in_another_way_is_let_through(ear, source, client):
    assert client._api_client.request(
        http_method="post", path=f"models/{MODEL}:generateContent", request_dict={"contents": []}, http_options=None
    )
    assert ear.outcomes == ["ok"]
    with pytest.raises(TypeError):
        client._api_client.request()
    assert ear.outcomes == ["ok"]
    assert source.health().surprises == 1
    source._tally.surprises.__init__()


def test_the_host_of_a_request_that_goes_elsewhere_is_its_own(ear, source, provider):
    client = make("http://stub.invalid")
    ask(client, http_options={"base_url": provider.url})
    ask(client, http_options=types.HttpOptions(base_url=provider.url.replace("127.0.0.1", "localhost")))
    client.close()
    assert [end.server_address for end in ear.all(InferenceCompleted)] == ["127.0.0.1", "localhost"]


def test_a_key_in_a_url_is_not_told(ear, source, provider):
    url = provider.url.replace("//", "//user:sk-canary@")
    with making(url, headers={"x-goog-api-key": "sk-canary"}) as client:
        client._api_client.request("post", f"models/{MODEL}:generateContent?key=sk-canary", {"contents": []})
    assert (ear.outcomes, ear.end.model, ear.end.server_address) == (["ok"], MODEL, "127.0.0.1")
    assert "sk-canary" not in repr(ear.events)
