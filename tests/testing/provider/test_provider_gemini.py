"""The formats of Gemini as the real SDK reads them."""

from __future__ import annotations

import json
import urllib.request

import pytest
from google import genai
from google.genai import errors, types

from polymeter.testing.provider import (
    NotFound,
    Overloaded,
    Provider,
    RateLimited,
    Refusal,
    Reply,
    ServerError,
    Tokens,
    ToolCall,
    Unauthorized,
)
from tests.sources.conftest import TLS


@pytest.fixture
def client(provider: Provider):
    args = {"verify": TLS}
    http = types.HttpOptions(base_url=provider.base_url, client_args=args, async_client_args=args)
    client = genai.Client(api_key="secret-key", http_options=http)
    yield client
    client.close()


def test_an_answer_says_what_was_scripted(provider, client):
    provider.script(Reply("Hello", usage=Tokens(input=5, output=2, cache_read=3, reasoning=4), response_model="m-001"))
    answer = client.models.generate_content(model="m", contents="How are you?")
    assert (answer.text, answer.model_version) == ("Hello", "m-001")
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (8, 3)
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (2, 4, 14)


def test_a_prompt_is_counted_in_words(provider, client):
    client.models.generate_content(model="m", contents=["one two", "three"])
    assert provider.requests[0].usage.input == 3
    assert provider.requests[0].model == "m"
    assert provider.requests[0].headers["x-goog-api-key"] == "[redacted]"


def test_a_stream_comes_in_pieces_and_the_last_one_has_the_end(provider, client):
    provider.script(Reply("one two", usage=Tokens(input=5, output=2)))
    chunks = list(client.models.generate_content_stream(model="m", contents="Hi"))
    assert [chunk.text for chunk in chunks] == ["one", " two", ""]
    assert [chunk.candidates[0].finish_reason for chunk in chunks] == [None, None, types.FinishReason.STOP]
    assert [chunk.usage_metadata.candidates_token_count for chunk in chunks] == [None, None, 2]
    assert [chunk.usage_metadata.prompt_token_count for chunk in chunks] == [5, 5, 5]
    assert provider.requests[0].stream
    assert provider.requests[0].chunks == 2


def test_usage_can_be_left_out(provider, client):
    provider.script(Reply(usage=None), Reply(usage=None))
    assert client.models.generate_content(model="m", contents="Hi").usage_metadata is None
    chunks = list(client.models.generate_content_stream(model="m", contents="Hi"))
    assert [chunk.usage_metadata for chunk in chunks] == [None] * len(chunks)


@pytest.mark.parametrize(
    ("said", "reason"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("RECITATION", "RECITATION")],
)
def test_finish_reasons_may_be_in_the_words_of_others(provider, client, said, reason):
    provider.script(Reply(finish_reason=said))
    assert client.models.generate_content(model="m", contents="Hi").candidates[0].finish_reason.name == reason


def test_function_calls_are_parts(provider, client):
    calls = [ToolCall("add", {"a": 1}), ToolCall("ask")]
    provider.script(Reply(tool_calls=calls), Reply("Well", tool_calls=calls))
    whole = client.models.generate_content(model="m", contents="Hi")
    assert [(call.name, call.args) for call in whole.function_calls] == [("add", {"a": 1}), ("ask", {})]
    assert whole.candidates[0].finish_reason is types.FinishReason.STOP
    chunks = list(client.models.generate_content_stream(model="m", contents="Hi"))
    assert [chunk.candidates[0].content.parts[0].text for chunk in chunks] == ["Well", None, None, ""]


def test_a_function_call_that_is_broken_is_noticed_here_and_not_sent(provider, client):
    provider.script(Reply(tool_calls=[ToolCall("add", '{"a": ')]))
    answer = client.models.generate_content(model="m", contents="Hi")
    assert answer.candidates[0].finish_reason is types.FinishReason.MALFORMED_FUNCTION_CALL
    assert answer.function_calls is None


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Unauthorized(), "UNAUTHENTICATED"),
        (NotFound(), "NOT_FOUND"),
        (RateLimited(0.25), "RESOURCE_EXHAUSTED"),
        (ServerError(), "INTERNAL"),
        (Overloaded(), "UNAVAILABLE"),
        (Refusal(status=418, message="No."), "UNKNOWN"),
    ],
)
@pytest.mark.parametrize("method", ["generate_content", "generate_content_stream"])
def test_an_error_is_in_the_shape_of_google(provider, client, fault, status, method):
    provider.script(fault)
    with pytest.raises(errors.APIError) as caught:
        list(getattr(client.models, method)(model="m", contents="Hi"))
    assert (caught.value.code, caught.value.status, caught.value.message) == (fault.status, status, fault.message)


def test_the_wait_is_a_detail_of_the_error(provider, client):
    provider.script(RateLimited(0.25))
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="m", contents="Hi")
    (detail,) = caught.value.details["error"]["details"]
    assert detail["retryDelay"] == "0.25s"
    assert caught.value.response.headers["retry-after"] == "0.25"


def test_equal_contents_have_equal_vectors_of_the_length_asked_for(provider, client):
    config = types.EmbedContentConfig(output_dimensionality=5)
    answer = client.models.embed_content(model="emb", contents=["a b", "a b", "c"], config=config)
    first, second, other = (each.values for each in answer.embeddings)
    assert first == second != other
    assert len(first) == 5
    assert provider.requests[0].usage == Tokens(input=5)
    assert len(client.models.embed_content(model="emb", contents="a").embeddings[0].values) == 768


def test_tokens_are_counted_without_the_script(provider, client):
    provider.script(ServerError())
    assert client.models.count_tokens(model="m", contents="Hi").total_tokens > 0
    assert provider.unused == 1


@pytest.mark.parametrize("before", ["/v1", "/v1beta", "/v1beta1/projects/p/locations/l/publishers/google", "/any"])
def test_what_stands_before_the_model_is_not_looked_at(provider, before):
    url = f"{provider.url}{before}/models/gemini-x:generateContent?alt=json"
    with urllib.request.urlopen(urllib.request.Request(url, b'{"contents": []}', method="POST")) as answer:  # noqa: S310
        assert json.load(answer)["candidates"]
    assert provider.requests[0].model == "gemini-x"
