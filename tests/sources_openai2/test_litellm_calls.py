"""What the LiteLLM source says about a call."""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext

import litellm
import openai
import pytest
from litellm import acompletion, completion
from litellm.integrations.custom_logger import CustomLogger

from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
)
from polymeter.events.rate_limits import RateLimitReported
from polymeter.events.usage import Usage
from polymeter.sources import LiteLLMSource
from polymeter.testing.provider import (
    BadRequest,
    NotFound,
    Provider,
    RateLimited,
    Reply,
    ServerError,
    Tokens,
    ToolCall,
    Unauthorized,
)
from tests.sources.contract import Ear
from tests.sources_openai2.litellm_adapters import Both

QUESTION = [{"role": "user", "content": "How are you today?"}]
SOURCES = {"alone": LiteLLMSource, "beside the SDK's": Both}


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def source(ear, request):
    """Give an installed source, alone or with the one of the SDK: what is said must be the same."""
    source = request.param()
    with source.install(ear.dispatcher):
        yield source
    ear.check_laws()
    assert (source.health().active, source.health().surprises) == (0, 0)


@pytest.fixture
def alone(ear):
    source = LiteLLMSource()
    with source.install(ear.dispatcher):
        yield source
    assert (source.health().active, source.health().surprises) == (0, 0)


@pytest.fixture
def provider():
    with Provider() as provider:
        yield provider


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture
def ask(client):
    """Give a function that asks by a client without retries of its own."""

    def ask(model="openai/gpt-x", **more):
        return completion(**{"model": model, "messages": QUESTION, "client": client} | more)

    return ask


@pytest.fixture
def arun(provider):
    """Give a function that asks asynchronously, in a loop of its own."""

    def arun(how=acompletion, **more):
        async def main():
            async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
                return await how(**{"model": "openai/gpt-x", "client": client} | more)

        return asyncio.run(main())

    return arun


def test_functions_that_were_imported_before_the_install_are_heard(ear, source, ask, arun):
    ask()
    arun(messages=QUESTION)
    assert ear.outcomes == ["ok", "ok"]


def test_one_call_says_who_was_asked_and_what_came(ear, source, provider, ask):
    provider.script(
        Reply("Fine.", response_model="gpt-x-2", usage=Tokens(input=9, output=3, cache_read=4, reasoning=2))
    )
    answer = ask()
    assert answer.choices[0].message.content == "Fine."
    start, end = ear.one(InferenceStarted), ear.end
    assert (start.model, start.provider, start.operation, start.streamed) == ("gpt-x", "openai", "chat", False)
    assert (end.response_model, end.finish_reason, end.attempt_count) == ("gpt-x-2", "stop", 1)
    assert end.usage == Usage.from_inclusive(input=13, output=5, cache_read=4, reasoning=2)
    assert end.server_address == "127.0.0.1"
    assert end.time_to_first_chunk_ms is None


@pytest.mark.parametrize(
    ("named", "who", "model"),
    [
        ({"model": "openai/gpt-x"}, "openai", "gpt-x"),
        ({"model": "gpt-4o-mini"}, "openai", "gpt-4o-mini"),
        ({"model": "azure/mine", "api_version": "2024-10-21"}, "azure.ai.openai", "mine"),
        ({"model": "groq/llama-x"}, "groq", "llama-x"),
        ({"model": "mistral/small-x"}, "mistral_ai", "small-x"),
        ({"model": "deepseek/chat-x"}, "deepseek", "chat-x"),
        ({"model": "xai/grok-x"}, "x_ai", "grok-x"),
        ({"model": "gpt-x", "custom_llm_provider": "openai"}, "openai", "gpt-x"),
        ({"model": "together_ai/org/model-x"}, "together_ai", "org/model-x"),
    ],
    ids=str,
)
def test_providers_are_named_as_the_conventions_do(ear, alone, ask, named, who, model):
    ask(mock_response="Hi", **named)
    assert (ear.end.provider, ear.end.model) == (who, model)


def test_a_model_of_no_known_provider_is_an_error_of_an_unknown_one(ear, alone, ask, capsys):
    with pytest.raises(litellm.BadRequestError):
        ask(model="who-knows")
    assert (ear.end.provider, ear.end.model, ear.end.attempt_count) == ("unknown", "who-knows", 0)
    assert capsys.readouterr().out == ""


def test_an_answer_without_usage_is_told_without(ear, source, provider, ask):
    """LiteLLM fills in zeros."""
    provider.script(Reply("Hi", usage=None))
    assert ask().usage.total_tokens == 0
    assert ear.end.usage is None


def test_a_stream_without_usage_is_told_without(ear, source, provider, ask):
    """LiteLLM counts by itself, and hands its count out like a report of the provider."""
    provider.script(Reply("one two three", usage=None))
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    assert [chunk.usage.total_tokens > 0 for chunk in chunks if getattr(chunk, "usage", None)] == [True]
    assert ear.all(InferenceUsageReported) == []
    assert ear.end.usage is None


def test_a_stream_tells_its_chunks(ear, source, provider, ask):
    provider.script(Reply("one two three", usage=Tokens(input=9, output=3)))
    list(ask(stream=True, stream_options={"include_usage": True}))
    assert ear.end.usage == Usage(input=9, output=3)
    assert ear.end.chunk_count == 6  # role, three words, the end, usage
    assert (ear.end.streamed, ear.end.finish_reason) == (True, "stop")


def test_a_tool_call_is_content_and_its_own_finish_reason(ear, source, provider, ask):
    provider.script(Reply(tool_calls=[ToolCall("look", {"at": "it"})], times=2))
    ask()
    list(ask(stream=True))
    assert [end.finish_reason for end in ear.all(InferenceCompleted)] == ["tool_calls", "tool_calls"]
    assert ear.all(InferenceCompleted)[1].time_to_first_content_ms is not None


def test_a_stream_is_one_of_litellms(ear, source, ask):
    stream = ask(stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    assert type(stream).__name__ == "CustomStreamWrapper"
    assert iter(stream) is stream
    list(stream)
    assert stream.chunks


def test_text_completions(ear, source, provider, arun):
    options = {"model": "openai/gpt-x", "prompt": "Once upon", "api_base": provider.base_url, "api_key": "k"}
    litellm.text_completion(**options)
    assert len(list(litellm.text_completion(stream=True, **options))) > 1
    arun(litellm.atext_completion, prompt="Once upon")
    ends = ear.all(InferenceCompleted)
    assert [(end.operation, end.model, end.outcome, end.attempt_count) for end in ends] == [
        ("text_completion", "gpt-x", "ok", 1)
    ] * 3
    assert ends[0].usage == Usage(input=2, output=8)
    assert (ends[1].streamed, ends[1].finish_reason) == (True, "stop")


def test_embeddings(ear, source, client, arun):
    options = {"model": "openai/e-x", "input": ["one", "two three"]}
    answer = litellm.embedding(client=client, **options)
    arun(litellm.aembedding, **options)
    for end in ear.all(InferenceCompleted):
        assert (end.operation, end.model, end.input_count) == ("embeddings", "e-x", 2)
        assert end.dimensions == len(answer.data[0]["embedding"])
        assert end.usage == Usage(input=3)


@pytest.mark.parametrize(("fault", "status"), [(Unauthorized, 401), (NotFound, 404), (BadRequest, 400)])
def test_an_error_is_told_as_the_caller_sees_it(ear, source, provider, ask, fault, status):
    provider.script(fault())
    with pytest.raises(openai.APIError) as raised:
        ask()
    assert (ear.end.outcome, ear.end.error_type) == ("error", raised.type.__name__)
    assert [(answer, retried) for _, answer, retried in ear.attempts] == [(status, False)]


def test_a_request_without_an_answer_has_no_status(ear, source, provider, ask):
    """LiteLLM's exception says 500."""
    provider.close()
    with pytest.raises(litellm.InternalServerError):
        ask(max_retries=0)
    assert {status for _, status, _ in ear.attempts} == {None}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("faults", [3, 4, 5])
def test_retries_of_litellm_are_attempts_of_one_call(ear, source, provider, ask, arun, asynchronous, faults):
    """Its ``num_retries`` is also what the SDK repeats at LiteLLM's first try; then come as many tries without."""
    provider.script(*[ServerError(retry_after=0.001) for _ in range(faults)], Reply("Hi"))
    with pytest.raises(litellm.InternalServerError) if faults == 5 else nullcontext():
        (arun if asynchronous else ask)(messages=QUESTION, num_retries=2)
    assert len(provider.requests) == min(5, faults + 1)
    hidden = 2 if isinstance(source, LiteLLMSource) else 0  # by the SDK, if its source is not there
    assert ear.end.attempt_count == len(provider.requests) - hidden
    failed = [(event.http_status, event.will_retry) for event in ear.all(InferenceAttemptFailed)]
    assert failed == [(500, number < 5) for number in range(1 + hidden, faults + 1)]


def test_retries_of_the_sdk_below_are_seen_with_its_source_only(provider, client, ask):
    for make, attempts in ((LiteLLMSource, 1), (Both, 3)):
        ear = Ear()
        with make().install(ear.dispatcher):
            provider.script(RateLimited(0.001), RateLimited(0.001))
            ask(client=client.with_options(max_retries=2))
        assert (ear.outcomes, ear.end.attempt_count) == (["ok"], attempts)


def test_a_fallback_is_an_attempt_of_the_same_call(ear, source, provider, arun):
    provider.script(ServerError(), model="first")
    arun(model="openai/first", messages=QUESTION, fallbacks=["openai/second"], max_retries=0)
    assert (ear.end.model, ear.end.outcome) == ("first", "ok")
    assert ear.end.attempt_count == len(provider.requests) == 2
    assert [(event.http_status, event.will_retry) for event in ear.all(InferenceAttemptFailed)] == [(500, True)]


def test_each_deployment_that_a_router_tries_is_a_call(ear, source, provider):
    def deployment(model):
        return {
            "model_name": "mine",
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": provider.base_url,
                "api_key": "k",
                "max_retries": 0,
            },
        }

    router = litellm.Router([deployment("a")], num_retries=1, retry_after=0)
    provider.script(ServerError())
    router.completion("mine", QUESTION)
    assert ear.outcomes == ["error", "ok"]
    assert len(list(router.completion("mine", QUESTION, stream=True))) > 1
    assert ear.outcomes == ["error", "ok", "ok"]


def test_rate_limits_are_told_from_the_headers(ear, source, ask):
    ask()
    told = ear.all(RateLimitReported)
    assert {event.kind for event in told} == {"requests", "tokens"}
    assert {(event.provider, event.model) for event in told} == {("openai", "gpt-x")}


def test_what_comes_from_litellms_cache_used_nothing(ear, provider, ask, monkeypatch):
    monkeypatch.setattr(litellm, "cache", litellm.Cache())
    # Looks at streams of another kind, for which it wants the libraries of LiteLLM's proxy.
    defers = "litellm.caching.caching_handler._should_defer_streaming_cache_hit_callbacks"
    monkeypatch.setattr(defers, lambda **_: False, raising=False)
    with LiteLLMSource().install(ear.dispatcher):
        ask(caching=True)
        ask(caching=True)
    assert len(provider.requests) == 1
    assert [end.usage.total_tokens > 0 for end in ear.all(InferenceCompleted)] == [True, False]
    assert len(ear.attempts) == 1


def test_callbacks_of_others_are_left_alone_and_their_own_calls_are_heard(ear, alone, ask, monkeypatch):
    heard = threading.Event()

    class Theirs(CustomLogger):
        def log_success_event(self, kwargs, response_obj, start_time, end_time):
            if not kwargs["model"].startswith("inner"):
                ask(model="openai/inner")
                heard.set()

    callbacks = [Theirs()]
    monkeypatch.setattr(litellm, "callbacks", callbacks)
    ask()
    assert heard.wait(10)
    assert litellm.callbacks is callbacks
    assert sorted(end.model for end in ear.all(InferenceCompleted)) == ["gpt-x", "inner"]


def test_calls_of_many_threads_at_once_keep_apart(ear, source, provider, ask):
    threads = [threading.Thread(target=ask, kwargs={"model": f"openai/m{number}"}) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(end.model for end in ear.all(InferenceCompleted)) == [f"m{number}" for number in range(8)]
    assert {end.attempt_count for end in ear.all(InferenceCompleted)} == {1}
