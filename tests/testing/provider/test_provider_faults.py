"""Each fault as the real SDK meets it."""

from __future__ import annotations

import openai
import pytest

from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import (
    BadRequest,
    Disconnect,
    Hang,
    NotFound,
    Overloaded,
    Provider,
    RateLimited,
    Refusal,
    Reply,
    ServerError,
    Unauthorized,
)

QUESTION = [{"role": "user", "content": "How are you?"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (BadRequest(param="messages[3]"), openai.BadRequestError),
        (Unauthorized(), openai.AuthenticationError),
        (NotFound(), openai.NotFoundError),
        (RateLimited(), openai.RateLimitError),
        (ServerError(), openai.InternalServerError),
        (ServerError(status=502), openai.InternalServerError),
        (Overloaded(), openai.InternalServerError),
        (Refusal(status=418, message="No coffee.", type="teapot", code="short"), openai.APIStatusError),
    ],
)
def test_a_refusal_is_the_error_that_the_sdk_has_for_it(provider, client, fault, error, stream):
    provider.script(fault)
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=stream)
    assert caught.value.status_code == fault.status
    assert caught.value.body == {
        "message": fault.message,
        "type": fault.type,
        "param": fault.param,
        "code": fault.code,
    }
    assert caught.value.request_id == "req_00000000000000000000000000000001"
    assert [(each.outcome, each.status) for each in provider.requests] == [("answered", fault.status)]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (BadRequest(), 400, None),
        (Unauthorized(), 401, "invalid_api_key"),
        (NotFound(), 404, "model_not_found"),
        (RateLimited(), 429, "rate_limit_exceeded"),
        (ServerError(), 500, None),
        (ServerError(502), 502, None),
        (Overloaded(), 503, None),
    ],
)
def test_a_named_refusal_has_the_status_of_its_name(fault, status, code):
    assert (fault.status, fault.code) == (status, code)


@pytest.mark.parametrize(
    ("seconds", "headers"),
    [
        (0.01, {"retry-after": "0.01", "retry-after-ms": "10", "x-ratelimit-reset-tokens": "0.01s"}),
        (20, {"retry-after": "20", "retry-after-ms": "20000", "x-ratelimit-reset-tokens": "20s"}),
        (0, {"retry-after": "0", "retry-after-ms": "0", "x-ratelimit-reset-tokens": "0s"}),
        (None, {"x-ratelimit-reset-tokens": "6ms"}),
    ],
)
def test_a_rate_limit_says_when_to_come_back(provider, client, seconds, headers):
    provider.script(RateLimited(seconds))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
    sent = caught.value.response.headers
    assert {name: sent[name] for name in sent if "retry" in name or "reset-tokens" in name} == headers
    assert sent["x-ratelimit-remaining-requests"] == "0"


def test_the_retries_of_the_sdk_are_seen_as_attempts(provider, client):
    provider.script(RateLimited(retry_after=0.001, times=2), Reply("At last"))
    answer = client.with_options(max_retries=2).chat.completions.create(model="gpt-x", messages=QUESTION)
    assert answer.choices[0].message.content == "At last"
    assert [(each.number, each.attempt, each.status) for each in provider.requests] == [
        (1, 0, 429),
        (2, 1, 429),
        (3, 2, 200),
    ]
    assert (provider.ledger.total.requests, provider.ledger.total.calls) == (3, 1)


def test_embeddings_can_be_refused(provider, client):
    provider.script(RateLimited())
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model="emb", input="a")


def test_a_disconnect_is_a_connection_error(provider, client):
    provider.script(Disconnect())
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert [(each.outcome, each.status) for each in provider.requests] == [("dropped", None)]


def test_a_client_that_loses_patience_is_noticed(provider, client):
    """Nothing but the client's own timeout ends a hang."""
    provider.script(Hang())
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.05).chat.completions.create(model="gpt-x", messages=QUESTION)
    assert [(each.outcome, each.status) for each in provider.settled()] == [("client_closed", None)]


def test_a_hang_can_end_by_itself():
    clock = ManualClock()
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
        provider.script(Hang(600))
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="gpt-x", messages=QUESTION)
        assert (provider.requests[0].outcome, clock.monotonic()) == ("dropped", 600)


def test_what_fails_in_the_provider_is_a_500_and_kept(provider, client):
    def default(request):
        raise LookupError(request.model)

    provider.default = default
    with pytest.raises(openai.InternalServerError, match=r"test provider failed \(LookupError\)"):
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert [str(failure) for failure in provider.failures] == ["gpt-x"]
    assert [(each.outcome, each.status) for each in provider.requests] == [("failed", 500)]


def test_what_fails_in_a_stream_breaks_it_off():
    """Here: a clock that nobody steps."""
    clock = ManualClock(stepped=True, patience=0.01)
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply(chunks=["a", "b"], chunk_every=1))
        with pytest.raises(openai.APIConnectionError):
            list(client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True))
        assert [type(failure) for failure in provider.failures] == [TimeoutError]
        assert [(each.outcome, each.status, each.chunks) for each in provider.requests] == [("failed", 200, 1)]
