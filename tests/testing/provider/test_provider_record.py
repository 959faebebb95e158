"""What the server keeps of the requests it saw, and how it adds them up."""

from __future__ import annotations

import json

import openai
import pytest

from polymeter.testing.provider import Disconnect, RateLimited, Reply, Tokens

QUESTION = [{"role": "user", "content": "A private question"}]


def test_a_request_is_recorded_as_it_came(provider, client):
    client.chat.completions.create(model="gpt-x", messages=QUESTION, extra_headers={"X-Team": "Blue"})
    (request,) = provider.requests
    assert (request.method, request.path, request.model) == ("POST", "/v1/chat/completions", "gpt-x")
    assert (request.stream, request.attempt) == (False, 0)
    assert request.headers["x-team"] == "Blue"
    assert request.body["messages"] == QUESTION


def test_keys_are_not_kept(provider, client):
    secrets = {"Api-Key": "s3cret", "Cookie": "s3cret", "X-Api-Key": "s3cret"}
    client.chat.completions.create(model="gpt-x", messages=QUESTION, extra_headers=secrets)
    (request,) = provider.requests
    kept = [request.headers[name] for name in ("authorization", "api-key", "cookie", "x-api-key")]
    assert kept == ["[redacted]"] * 4
    assert "test-key" not in json.dumps(dict(request.headers))


def test_what_is_printed_of_a_request_has_no_prompt(provider, client):
    client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert "private" not in repr(provider.requests)
    assert "gpt-x" in repr(provider.requests)


def test_a_record_does_not_change(provider, client):
    """It is a value; what comes later is in later records."""
    before = provider.requests
    client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert before == ()


def test_the_ledger_adds_up(provider, client):
    served = Tokens(input=8, output=3, cache_read=4, cache_write=1, reasoning=2)
    provider.script(
        Reply("Hi", usage=served, times=2),
        RateLimited(0.001),
        Reply("Hi", usage=None),
        Reply("a b c", usage=served),
        Reply("a b c", drop_after_chunks=2),
        model="gpt-x",
    )
    provider.script(Disconnect(), model="gpt-y")
    create = client.with_options(max_retries=1).chat.completions.create
    for _ in range(3):
        create(model="gpt-x", messages=QUESTION)
    list(create(model="gpt-x", messages=QUESTION, stream=True))
    with pytest.raises(openai.APIConnectionError):
        list(create(model="gpt-x", messages=QUESTION, stream=True))
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="gpt-y", messages=QUESTION)

    assert provider.ledger.to_dict()["models"] == {
        "gpt-x": {
            "requests": 6,
            "calls": 5,
            "by_status": {200: 5, 429: 1},
            "by_outcome": {"answered": 5, "dropped": 1},
            "streams": 2,
            "streams_cut": 1,
            "chunks": 5,
            "tokens": {"input": 16, "output": 6, "cache_read": 8, "cache_write": 2, "reasoning": 4},
            "without_usage": 2,
        },
        "gpt-y": {
            "requests": 1,
            "calls": 1,
            "by_status": {},
            "by_outcome": {"dropped": 1},
            "streams": 0,
            "streams_cut": 0,
            "chunks": 0,
            "tokens": {"input": 0, "output": 0, "cache_read": 0, "cache_write": 0, "reasoning": 0},
            "without_usage": 0,
        },
    }
    total = provider.ledger.total
    assert (total.requests, total.calls, total.tokens) == (7, 6, served + served)
    assert total.by_outcome == {"answered": 5, "dropped": 2}
    json.dumps(provider.ledger.to_dict())


def test_waiting_for_an_end_that_does_not_come_says_for_whom(provider, client):
    provider.script(Reply(chunks=["a", "b"], chunk_every=3600))
    with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
        next(stream)
        with pytest.raises(TimeoutError, match=r"still open after 0.01 s: .*gpt-x"):
            provider.settled(timeout=0.01)
