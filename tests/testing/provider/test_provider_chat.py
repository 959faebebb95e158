"""Chat completions as the real SDK reads them, and the bytes beneath."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, Tokens, ToolCall

if TYPE_CHECKING:
    from openai import OpenAI

QUESTION = [{"role": "user", "content": "How are you today?"}]
USAGE = Tokens(input=8, output=3, cache_read=4, reasoning=2)


def events(client: OpenAI, **options) -> list:
    """Read a stream as the SDK got it: parsed events, and whatever is no JSON as text."""
    with client.chat.completions.with_streaming_response.create(
        model="gpt-x", messages=QUESTION, stream=True, **options
    ) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        parts = response.read().decode().split("\n\n")
    assert parts.pop() == ""
    return [
        json.loads(data) if data.startswith("{") else data for data in (part.removeprefix("data: ") for part in parts)
    ]


def test_an_answer_says_what_was_scripted(provider, client):
    provider.script(Reply("Hello there", finish_reason="length", usage=USAGE, response_model="gpt-x-2026"))
    answer = client.chat.completions.create(model="gpt-x", messages=QUESTION)
    assert (answer.object, answer.model) == ("chat.completion", "gpt-x-2026")
    assert (answer.choices[0].message.role, answer.choices[0].message.content) == ("assistant", "Hello there")
    assert answer.choices[0].finish_reason == "length"
    assert answer._request_id == "req_00000000000000000000000000000001"


def test_usage_adds_the_classes_up_as_openai_does(provider, client):
    """Cached tokens are part of the prompt, reasoning is part of the completion."""
    provider.script(Reply("Hi", usage=USAGE), Reply("Hi", usage=Tokens(input=1, output=1, cache_write=5)))
    usage = client.chat.completions.create(model="gpt-x", messages=QUESTION).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 5, 17)
    assert (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens) == (4, 2)
    assert usage.prompt_tokens_details.cache_write_tokens is None
    usage = client.chat.completions.create(model="gpt-x", messages=QUESTION).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cache_write_tokens) == (6, 5)


def test_an_answer_can_report_no_usage(provider, client):
    provider.script(Reply("Hi", usage=None), Reply("Hi", include_usage=False))
    assert [client.chat.completions.create(model="gpt-x", messages=QUESTION).usage for _ in range(2)] == [None, None]


def test_an_answer_can_be_tool_calls(provider, client):
    """There is no content then, and the finish reason says why."""
    provider.script(Reply(tool_calls=[ToolCall("weather", {"city": "Graz"}), ToolCall("broken", '{"a"')]))
    choice = client.chat.completions.create(model="gpt-x", messages=QUESTION).choices[0]
    assert (choice.message.content, choice.finish_reason) == (None, "tool_calls")
    first, second = choice.message.tool_calls
    assert (first.function.name, json.loads(first.function.arguments)) == ("weather", {"city": "Graz"})
    assert (second.function.name, second.function.arguments) == ("broken", '{"a"')
    assert first.id != second.id


def test_unscripted_requests_get_equal_answers_to_equal_questions(client):
    first, second, other = (
        client.chat.completions.create(model="gpt-x", messages=messages)
        for messages in (QUESTION, QUESTION, [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}])
    )
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.usage == second.usage
    assert (first.usage.prompt_tokens, other.usage.prompt_tokens) == (4, 1)
    assert first.usage.completion_tokens == len(first.choices[0].message.content.split())


def test_headers_tell_the_limits(client):
    response = client.chat.completions.with_raw_response.create(model="gpt-x", messages=QUESTION)
    limits = {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit-")}
    assert limits == {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999999",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "6ms",
    }
    assert response.headers["openai-version"] == "2020-10-01"


def test_a_stream_has_the_role_first_and_the_reason_last(provider, client):
    provider.script(Reply(chunks=["Hel", "lo"], usage=USAGE))
    *chunks, done = events(client)
    assert done == "[DONE]"
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "Hel"},
        {"content": "lo"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert not any("usage" in chunk for chunk in chunks)


def test_a_stream_reports_usage_last_if_asked(provider, client):
    """Every chunk before has an empty field for it."""
    provider.script(Reply("Hi", usage=USAGE))
    *chunks, last, _ = events(client, stream_options={"include_usage": True})
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 2,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


@pytest.mark.parametrize(
    ("reply", "asked", "reported"),
    [
        (Reply("Hi", usage=None), True, None),
        (Reply("Hi", usage=USAGE, include_usage=False), True, None),
        (Reply("Hi", usage=USAGE, include_usage=True), False, USAGE),
        (Reply("Hi", usage=USAGE), False, None),
    ],
)
def test_what_a_stream_reports_can_be_overridden(provider, client, reply, asked, reported):
    provider.script(reply)
    chunks = events(client, stream_options={"include_usage": asked})
    assert (chunks[-2]["choices"] == []) == (reported is not None)
    assert provider.requests[0].usage == reported


def test_a_stream_can_be_tool_calls(provider, client):
    provider.script(Reply(tool_calls=[ToolCall("a", {"x": 1}), ToolCall("a", {"x": 1})]))
    stream = client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True)
    deltas = [chunk.choices[0].delta for chunk in stream]
    assert deltas[0].content is None
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert [(call.index, call.function.name, call.function.arguments) for call in calls] == [
        (0, "a", ""),
        (0, None, '{"x": 1}'),
        (1, "a", ""),
        (1, None, '{"x": 1}'),
    ]
    assert calls[0].id != calls[2].id


@pytest.mark.parametrize("text", ["", "one", "two words", "  odd \n spaces ", "trailing "])
def test_a_stream_of_a_text_is_that_text(provider, client, text):
    provider.script(Reply(text))
    stream = client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text


def test_created_is_read_from_the_clock():
    with Provider(ManualClock(start=1234.5)) as provider:
        from openai import OpenAI

        with OpenAI(base_url=provider.base_url, api_key="test-key") as client:
            assert client.chat.completions.create(model="gpt-x", messages=QUESTION).created == 1234
        assert provider.requests[0].received_at == 1234.5


def test_models_can_be_listed(provider, client):
    """A listing leaves the script alone."""
    provider.script(Reply("Hi"))
    assert [model.object for model in client.models.list()] == ["model", "model"]
    assert provider.unused == 1
