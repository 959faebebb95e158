"""When things come: all times of a script are taken on the provider's clock."""

from __future__ import annotations

import openai
import pytest

from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, ServerError

QUESTION = [{"role": "user", "content": "How are you?"}]


@pytest.fixture
def clock():
    return ManualClock(stepped=True)


@pytest.fixture
def provider(clock):
    with Provider(clock) as it:
        yield it


def test_a_stream_comes_exactly_as_scripted(provider, client, clock):
    """The server stands still until its clock is stepped, so every reading is exact."""
    provider.script(Reply(chunks=["a", "b"], first_chunk_after=0.25, first_content_after=0.5, chunk_every=0.125))
    stream = client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True)
    assert clock.monotonic() == 0  # the headers do not wait for the first chunk

    seen = []
    for _ in range(3):
        clock.step()
        chunk = next(stream)
        seen.append((chunk.choices[0].delta.content, clock.monotonic()))
    assert seen == [("", 0.25), ("a", 0.75), ("b", 0.875)]
    assert [chunk.choices[0].finish_reason for chunk in stream] == ["stop"]
    assert clock.monotonic() == 0.875


def test_the_role_and_the_first_content_can_come_together(provider, client, clock):
    provider.script(Reply(chunks=["a"], first_chunk_after=0.25))
    stream = client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True)
    clock.step()
    assert len(list(stream)) == 3
    assert clock.monotonic() == 0.25


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_slow_as_a_whole(provider, client, clock, stream):
    provider.script(Reply("Hi", respond_after=2))
    clock.step()
    client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=stream)
    assert clock.monotonic() == 2


def test_an_error_can_be_slow(provider, client, clock):
    provider.script(ServerError(respond_after=3))
    clock.step()
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert clock.monotonic() == 3


def test_a_manual_clock_passes_hours_at_once():
    clock = ManualClock()
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply("a b c", chunk_every=3600))
        assert len(list(client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True))) == 5
        assert clock.monotonic() == 7200


def test_the_system_clock_really_waits():
    with Provider() as provider, openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
        provider.script(Reply("Hi", respond_after=0.001), Reply("Hi", respond_after=60))
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.05).chat.completions.create(model="gpt-x", messages=QUESTION)
        assert [each.outcome for each in provider.settled()] == ["answered", "client_closed"]
