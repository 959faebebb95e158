"""Calls that answer in one piece, and every attempt within them."""

from __future__ import annotations

import asyncio
import socket

import anthropic
import pytest
from pydantic import BaseModel, ValidationError

from polymeter.events.inference import InferenceAttemptFailed, InferenceAttemptSucceeded, InferenceCompleted, Usage
from polymeter.events.rate_limits import RateLimitReported
from polymeter.sources.stainless_moments import MOMENTS
from polymeter.testing.provider import (
    BadRequest,
    Disconnect,
    Hang,
    NotFound,
    Overloaded,
    RateLimited,
    Refusal,
    Reply,
    ServerError,
    Tokens,
    ToolCall,
    Unauthorized,
)
from tests.sources.anthropic.sdk import HTTP, ask, make
from tests.sources.conftest import QUESTION

pytestmark = pytest.mark.usefixtures("source")

TOKENS = Tokens(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
USAGE = Usage(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)


def test_an_answer_is_told_with_all_that_it_says(ear, provider, client):
    provider.script(Reply("Fine", usage=TOKENS, response_model="claude-x-2026", respond_after=1.5))
    ask(client)
    end = ear.end
    assert (end.model, end.provider, end.operation, end.streamed) == ("claude-x", "anthropic", "chat", False)
    assert (end.outcome, end.finish_reason, end.response_model) == ("ok", "end_turn", "claude-x-2026")
    assert (end.usage, end.server_address) == (USAGE, "127.0.0.1")
    assert (end.duration_ms, end.time_to_first_chunk_ms, ear.attempts) == (1500.0, None, [200])


def test_an_asynchronous_answer_is_told_in_the_same_way(ear, provider, run):
    provider.script(Reply("Fine", usage=TOKENS, respond_after=1.5))
    run(ask)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.duration_ms) == ("ok", "end_turn", 1500.0)
    assert (ear.end.usage, ear.attempts) == (USAGE, [200])


def test_an_answer_without_usage_has_none(ear, provider, client):
    provider.script(Reply(usage=None))
    ask(client)
    assert (ear.end.outcome, ear.end.usage) == ("ok", None)


def test_a_call_of_a_tool_is_a_finish_reason(ear, provider, client):
    provider.script(Reply(tool_calls=[ToolCall("weather", {"city": "Graz"})]))
    assert ask(client).content[0].input == {"city": "Graz"}
    assert (ear.end.outcome, ear.end.finish_reason) == ("ok", "tool_use")


def test_beta_messages_are_told_too(ear, client, run):
    def ask_beta(client):
        return client.beta.messages.create(model="claude-x", max_tokens=9, messages=QUESTION, betas=["some-day"])

    ask_beta(client)
    run(ask_beta)
    ends = ear.all(InferenceCompleted)
    assert [(end.outcome, end.operation, end.usage is None) for end in ends] == [("ok", "chat", False)] * 2


def test_counting_tokens_and_batches_and_models_are_no_inferences(ear, client):
    assert client.messages.count_tokens(model="claude-x", messages=QUESTION).input_tokens == 4
    client.models.list()
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.create(requests=[])
    assert ear.events == []


def test_legacy_completions_are_another_operation(ear, stub):
    answer = HTTP.Response(200, json={"completion": "Hi", "stop_reason": "stop_sequence", "model": "claude-2"})
    stub(answer).post("/v1/complete", cast_to=object, body={"model": "claude-2", "prompt": "Hi"})
    assert (ear.end.operation, ear.end.model, ear.end.outcome) == ("text_completion", "claude-2", "ok")
    assert (ear.end.finish_reason, ear.end.usage) == ("stop_sequence", None)


SCRIPTS = {
    "429, then an answer": ([RateLimited(3.0), Reply()], [("RateLimitError", 429, True), 200], None),
    "429, 500, then an answer": (
        [RateLimited(3.0), ServerError(), Reply()],
        [("RateLimitError", 429, True), ("InternalServerError", 500, True), 200],
        None,
    ),
    "529 for ever": (
        [Overloaded(status=529, times=3)],
        [("OverloadedError", 529, True), ("OverloadedError", 529, True), ("OverloadedError", 529, False)],
        anthropic.APIStatusError,
    ),
    "400": ([BadRequest()], [("BadRequestError", 400, False)], anthropic.BadRequestError),
    "401": ([Unauthorized()], [("AuthenticationError", 401, False)], anthropic.AuthenticationError),
    "404": ([NotFound()], [("NotFoundError", 404, False)], anthropic.NotFoundError),
    "the line is cut, then an answer": ([Disconnect(), Reply()], [("APIConnectionError", None, True), 200], None),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("steps", "attempts", "error"), SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_attempt_is_told_and_whether_another_one_follows(
    ear, provider, client, run, steps, attempts, error, stream, kind
):
    provider.script(*steps)

    async def job(client):
        answer = await ask(client, stream=stream)
        if stream:
            async for _ in answer:
                pass

    def call():
        if kind == "async":
            run(job)
            return
        answer = ask(client, stream=stream)
        if stream:
            list(answer)

    if error is None:
        call()
        assert (ear.end.outcome, ear.end.error_type) == ("ok", None)
    else:
        with pytest.raises(error):
            call()
        assert (ear.end.outcome, ear.end.error_type) == ("error", attempts[-1][0])
    assert ear.attempts == attempts
    assert ear.end.attempt_count == len(provider.requests)


@pytest.fixture
def without_attempts(monkeypatch):
    """Let the source know no method for one attempt, as with releases that have none."""
    monkeypatch.delitem(MOMENTS, "_attempt_request")


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("kind", ["sync", "async"])
class TestWithoutAMethodForOneAttempt:
    @pytest.fixture(autouse=True)
    def arranged(self, without_attempts, source, at_once):
        """Have it all in place, in this order."""

    def test_every_attempt_is_told(self, ear, provider, client, run, kind):
        def call():
            return ask(client) if kind == "sync" else run(ask)

        provider.script(RateLimited(3.0), Disconnect(), Reply(), ServerError(), Unauthorized())
        call()
        with pytest.raises(anthropic.AuthenticationError):
            call()
        assert ear.attempts == [
            ("RateLimitError", 429, True),
            ("APIConnectionError", None, True),
            200,
            ("InternalServerError", 500, True),
            ("AuthenticationError", 401, False),
        ]
        assert [each.remaining for each in ear.all(RateLimitReported) if each.kind == "requests"] == [0, *[3_999] * 3]

    def test_an_answer_that_cannot_be_parsed_has_its_usage(self, ear, provider, client, run, kind):
        def parse(client):
            return client.messages.parse(model="claude-x", max_tokens=9, messages=QUESTION, output_format=Shape)

        provider.script(Reply("{", usage=TOKENS))
        with pytest.raises(ValidationError):
            parse(client) if kind == "sync" else run(parse)
        assert (ear.attempts, ear.end.outcome, ear.end.usage) == ([200], "error", USAGE)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_retried_attempt_has_the_error_that_the_caller_would_have_got(ear, provider, client, status, stream):
    provider.script(Refusal(status=status, message="no", times=2))
    with pytest.raises(anthropic.APIStatusError) as raised:
        ask(client.with_options(max_retries=1), stream=stream)
    name = raised.type.__name__
    assert ear.attempts == [(name, status, True), (name, status, False)]


@pytest.mark.usefixtures("at_once")
def test_the_duration_of_a_call_has_the_waits_that_those_of_its_attempts_have_not(ear, provider, client):
    provider.script(RateLimited(10.0, respond_after=1.0), Reply(respond_after=2.0))
    ask(client)
    assert ear.one(InferenceAttemptFailed).duration_ms == 1000.0
    assert ear.one(InferenceAttemptSucceeded).duration_ms == 2000.0
    assert ear.end.duration_ms == 13000.0


@pytest.mark.usefixtures("at_once")
def test_a_timeout_is_told_by_its_name(ear, provider, client, run):
    provider.script(Hang(times=4))
    with pytest.raises(anthropic.APITimeoutError):
        ask(client.with_options(timeout=0.02, max_retries=1))
    with pytest.raises(anthropic.APITimeoutError):
        run(ask, timeout=0.02, max_retries=1)
    assert ear.attempts == [("APITimeoutError", None, True), ("APITimeoutError", None, False)] * 2
    assert ear.outcomes == ["error", "error"]


@pytest.mark.usefixtures("at_once")
def test_a_refused_connection_is_told(ear):
    with socket.socket() as free:  # bound, but nobody listens
        free.bind(("127.0.0.1", 0))
        with (
            make(f"http://127.0.0.1:{free.getsockname()[1]}", max_retries=1) as client,
            pytest.raises(anthropic.APIConnectionError),
        ):
            ask(client)
    assert ear.attempts == [("APIConnectionError", None, True), ("APIConnectionError", None, False)]


def test_an_interrupt_in_a_request_cancels_the_call(ear, stub):
    def interrupt(_):
        raise KeyboardInterrupt

    with HTTP.Client(transport=HTTP.MockTransport(interrupt)) as http, pytest.raises(KeyboardInterrupt):
        ask(stub(http_client=http))
    assert (ear.outcomes, ear.attempts) == (["cancelled"], [("KeyboardInterrupt", None, False)])


def test_a_call_that_never_sends_anything_has_no_attempt(ear, provider):
    class Unsigned(anthropic.Anthropic):
        def _prepare_options(self, options):
            raise LookupError

    with Unsigned(base_url=provider.url, api_key="test") as client, pytest.raises(LookupError):
        ask(client)
    assert (ear.end.outcome, ear.end.error_type, ear.end.attempt_count) == ("error", "LookupError", 0)
    assert provider.requests == ()


class Shape(BaseModel):
    """What an answer should be."""

    size: int


def test_a_parsed_answer_is_told(ear, provider, client):
    provider.script(Reply('{"size": 3}', usage=TOKENS))
    answer = client.messages.parse(model="claude-x", max_tokens=9, messages=QUESTION, output_format=Shape)
    assert answer.parsed_output == Shape(size=3)
    assert (ear.end.outcome, ear.end.usage) == ("ok", USAGE)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_answer_that_cannot_be_parsed_is_an_error_of_a_call_whose_attempt_succeeded(
    ear, provider, client, run, kind
):
    """The tokens were used all the same."""
    provider.script(Reply("{", finish_reason="length", usage=TOKENS))

    def parse(client):
        return client.messages.parse(model="claude-x", max_tokens=9, messages=QUESTION, output_format=Shape)

    with pytest.raises(ValidationError):
        parse(client) if kind == "sync" else run(parse)
    assert (ear.attempts, ear.end.error_type) == ([200], "ValidationError")
    assert (ear.end.outcome, ear.end.usage) == ("error", USAGE)


def test_a_raw_answer_is_told_whether_it_is_parsed_or_not(ear, provider, client):
    provider.script(Reply(usage=TOKENS, times=3))
    raw = client.messages.with_raw_response
    assert ask_raw(raw).headers["request-id"]
    assert ask_raw(raw).parse().usage.output_tokens == 8
    with client.messages.with_streaming_response.create(model="claude-x", max_tokens=9, messages=QUESTION) as response:
        assert b"claude-x" in response.read()
    assert [(end.outcome, end.usage, end.finish_reason) for end in ear.all(InferenceCompleted)] == [
        ("ok", USAGE, "end_turn")
    ] * 3


def ask_raw(raw):
    return raw.create(model="claude-x", max_tokens=9, messages=QUESTION)


def test_copies_and_clients_that_existed_before_are_heard(ear, client):
    ask(client.with_options(timeout=5))
    ask(client.copy())
    assert ear.outcomes == ["ok", "ok"]


def test_the_model_of_the_extra_body_is_the_one_that_is_asked_for(ear, client, provider):
    ask(client, extra_body={"model": "other"})
    assert ear.end.model == provider.requests[0].model == "other"


def test_rate_limits_are_told_for_every_answer_also_those_that_refuse(ear, provider, client):
    provider.script(RateLimited(0.001), Reply(), BadRequest())
    ask(client)
    with pytest.raises(anthropic.BadRequestError):
        ask(client)
    told = ear.all(RateLimitReported)
    assert [(each.kind, each.limit) for each in told] == [
        ("requests", 4_000),
        ("tokens", 480_000),
        ("input_tokens", 400_000),
        ("output_tokens", 80_000),
    ] * 3
    assert [each.remaining for each in told if each.kind == "requests"] == [0, 3_999, 3_999]
    assert {(each.provider, each.model, each.reset_seconds) for each in told} == {("anthropic", "claude-x", 0.0)}


def test_a_limit_that_is_free_again_at_a_moment_is_so_many_seconds_away(ear, provider, client):
    provider.script(Reply(headers={"anthropic-ratelimit-tokens-reset": "2023-11-14T22:14:20Z"}))
    ask(client)  # at 22:13:20
    assert [each.reset_seconds for each in ear.all(RateLimitReported) if each.kind == "tokens"] == [60.0]


def test_calls_of_many_tasks_are_told_apart(ear, provider, run):
    for number in range(8):
        provider.script(RateLimited(0.001), model=f"m-{number}")

    async def job(client):
        await asyncio.gather(*[ask(client, model=f"m-{number}") for number in range(16)])

    run(job)
    ends = ear.all(InferenceCompleted)
    assert {end.model: end.attempt_count for end in ends} == {f"m-{n}": 2 if n < 8 else 1 for n in range(16)}
    assert len(provider.requests) == 24
