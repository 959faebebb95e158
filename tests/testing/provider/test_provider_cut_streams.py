"""Streams that never reach their end, from either side."""

from __future__ import annotations

import openai
import pytest

from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, Tokens

QUESTION = [{"role": "user", "content": "How are you?"}]


@pytest.mark.parametrize(("after", "content"), [(0, [""]), (2, ["", "a", "b"]), (9, ["", "a", "b", "c"])])
def test_a_dropped_stream_is_an_error_after_what_was_sent(provider, client, after, content):
    """All that was sent arrives; the end of the stream never comes, however much that was."""
    provider.script(Reply(chunks=["a", "b", "c"], drop_after_chunks=after))
    seen = []
    create = client.chat.completions.create
    with pytest.raises(openai.APIConnectionError), create(model="gpt-x", messages=QUESTION, stream=True) as stream:
        seen.extend(chunk.choices[0].delta.content for chunk in stream)
    assert seen == content
    (request,) = provider.requests
    assert (request.outcome, request.status, request.chunks, request.usage) == ("dropped", 200, len(seen) - 1, None)


def test_a_client_that_leaves_in_the_middle_is_noticed(capfd):
    """At the next chunk, on a clock that is not the system's."""
    clock = ManualClock(stepped=True)
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply(chunks=["a", "b", "c"], chunk_every=1, usage=Tokens(output=3)))
        with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
        clock.step()
        assert [(each.outcome, each.chunks, each.usage) for each in provider.settled()] == [("client_closed", 1, None)]
        assert provider.ledger.total.streams_cut == 1
        assert provider.failures == ()
    assert capfd.readouterr() == ("", "")


def test_a_client_that_leaves_during_a_real_wait_is_noticed_at_once(provider, client):
    provider.script(Reply(chunks=["a", "b"], chunk_every=3600))
    with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
        assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
    assert [(each.outcome, each.chunks) for each in provider.settled()] == [("client_closed", 1)]


def test_a_stream_that_was_read_to_its_end_is_whole(provider, client):
    """Even though the SDK stops reading at ``[DONE]``, before the end of the body."""
    for _ in range(20):
        list(client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True))
    assert {each.outcome for each in provider.settled()} == {"answered"}
