"""Messages of Anthropic as the real SDK reads them, and the bytes beneath."""

from __future__ import annotations

import json

import anthropic
import pytest

from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import (
    BadRequest,
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

ASKED = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "How are you today?"}]}
USAGE = Tokens(input=8, output=3, cache_read=4, cache_write=5, reasoning=2)


@pytest.fixture
def client(provider):
    with anthropic.Anthropic(base_url=provider.url, api_key="test-key", max_retries=0, timeout=20) as it:
        yield it


def events(client):
    """Read the stream to a request: the name and the data of each event."""
    with client.messages.with_streaming_response.create(**ASKED, stream=True) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        parts = response.read().decode().split("\n\n")
    assert parts.pop() == ""
    named = [part.partition("\ndata: ") for part in parts]
    assert all(json.loads(data)["type"] == name.removeprefix("event: ") for name, _, data in named)
    return [json.loads(data) for _, _, data in named]


def test_an_answer_says_what_was_scripted(provider, client):
    provider.script(Reply("Hello there", finish_reason="max_tokens", usage=USAGE, response_model="claude-x-2026"))
    answer = client.messages.create(**ASKED)
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "claude-x-2026")
    assert [(block.type, block.text) for block in answer.content] == [("text", "Hello there")]
    assert (answer.stop_reason, answer._request_id) == ("max_tokens", "req_000000000000000000000001")


def test_usage_keeps_the_cache_apart_and_thinking_in_the_output(provider, client):
    provider.script(Reply("Hi", usage=USAGE), Reply("Hi", usage=Tokens(input=1, output=1)))
    usage = client.messages.create(**ASKED).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (8, 4, 5)
    assert (usage.output_tokens, usage.output_tokens_details.thinking_tokens) == (5, 2)
    assert client.messages.create(**ASKED).usage.output_tokens_details is None


def test_an_answer_can_report_no_usage(provider, client):
    provider.script(Reply("Hi", usage=None, times=2))
    assert "usage" not in json.loads(client.messages.with_raw_response.create(**ASKED).text())
    assert all("usage" not in event and "usage" not in event.get("message", {}) for event in events(client))


def test_an_answer_can_be_calls_of_tools(provider, client):
    provider.script(Reply(tool_calls=[ToolCall("weather", {"city": "Graz"}), ToolCall("broken", '{"a"')]))
    answer = client.messages.create(**ASKED)
    assert [(block.type, block.name, block.input) for block in answer.content] == [
        ("tool_use", "weather", {"city": "Graz"}),
        ("tool_use", "broken", '{"a"'),
    ]
    assert answer.stop_reason == "tool_use"
    assert len({block.id for block in answer.content}) == 2


@pytest.mark.parametrize(
    ("given", "sent"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("pause_turn", "pause_turn")],
)
def test_finish_reasons_are_in_the_words_of_anthropic(provider, client, given, sent):
    """So that one script fits clients of several providers."""
    provider.script(Reply("Hi", finish_reason=given, times=2))
    assert client.messages.create(**ASKED).stop_reason == sent
    assert events(client)[-2]["delta"]["stop_reason"] == sent


def test_a_stream_has_the_events_of_a_real_one(provider, client):
    provider.script(Reply("one two", usage=USAGE))
    start, begun, ping, one, two, stop, delta, over = events(client)
    assert start["message"]["content"] == []
    assert start["message"]["usage"]["input_tokens"] == 8
    assert start["message"]["usage"]["output_tokens"] == 1
    assert start["message"]["stop_reason"] is None
    assert begun == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert ping == {"type": "ping"}
    assert [each["delta"] for each in (one, two)] == [
        {"type": "text_delta", "text": "one"},
        {"type": "text_delta", "text": " two"},
    ]
    assert stop == {"type": "content_block_stop", "index": 0}
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert (delta["usage"]["output_tokens"], delta["usage"]["output_tokens_details"]) == (5, {"thinking_tokens": 2})
    assert over == {"type": "message_stop"}


def test_a_stream_puts_text_and_each_call_of_a_tool_in_a_block_of_its_own(provider, client):
    provider.script(Reply("Let me see", tool_calls=[ToolCall("weather", {"city": "Graz"}), ToolCall("time")], times=2))
    blocks = [
        (each["type"], each["index"])
        for each in events(client)
        if each["type"].endswith(("start", "stop")) and "index" in each
    ]
    kinds = "content_block_start", "content_block_stop"
    assert blocks == [(kind, index) for index in range(3) for kind in kinds]
    with client.messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert message.content[0].text == "Let me see"
    assert [(block.name, block.input) for block in message.content[1:]] == [("weather", {"city": "Graz"}), ("time", {})]
    assert message.stop_reason == "tool_use"


def test_a_stream_can_be_nothing_but_calls_of_tools_or_empty(provider, client):
    provider.script(Reply(tool_calls=[ToolCall("time")]), Reply(""))
    with client.messages.stream(**ASKED) as stream:
        assert [block.type for block in stream.get_final_message().content] == ["tool_use"]
    with client.messages.stream(**ASKED) as stream:
        assert stream.get_final_text() == ""


def test_a_stream_can_break_off(provider, client):
    provider.script(Reply("one two three", drop_after_chunks=2))
    texts = []
    with pytest.raises(Exception, match=r"closed|incomplete"), client.messages.stream(**ASKED) as stream:  # noqa: PT012
        for text in stream.text_stream:
            texts.append(text)  # noqa: PERF402 - what came before it broke
    assert texts == ["one", " two"]
    assert provider.requests[0].outcome == "dropped"


REFUSALS = [
    (BadRequest(), anthropic.BadRequestError, "invalid_request_error"),
    (Unauthorized(), anthropic.AuthenticationError, "authentication_error"),
    (NotFound(), anthropic.NotFoundError, "not_found_error"),
    (RateLimited(2.0), anthropic.RateLimitError, "rate_limit_error"),
    (ServerError(), anthropic.InternalServerError, "api_error"),
    (Overloaded(), anthropic.APIStatusError, "overloaded_error"),
    (Overloaded(status=529), anthropic.APIStatusError, "overloaded_error"),
    (Refusal(status=418, message="no"), anthropic.APIStatusError, "invalid_request_error"),
]


@pytest.mark.parametrize(("fault", "error", "kind"), REFUSALS)
def test_a_refusal_is_written_as_anthropic_writes_it(provider, client, fault, error, kind):
    provider.script(fault)
    with pytest.raises(error) as raised:
        client.messages.create(**ASKED)
    assert raised.value.body == {"type": "error", "error": {"type": kind, "message": fault.message}}
    assert raised.value.request_id == "req_000000000000000000000001"
    assert raised.value.response.headers.get("retry-after") == ("2" if fault.retry_after else None)


def test_every_answer_says_how_much_of_the_limits_is_left():
    clock = ManualClock(start=1_700_000_000.0)
    with Provider(clock=clock) as provider, anthropic.Anthropic(base_url=provider.url, api_key="test") as client:
        provider.script(Reply(), RateLimited(90.0))
        headers = client.messages.with_raw_response.create(**ASKED).headers
        assert headers["anthropic-ratelimit-input-tokens-limit"] == "400000"
        assert headers["anthropic-ratelimit-requests-remaining"] == "3999"
        assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:13:20Z"
        with pytest.raises(anthropic.RateLimitError) as raised:
            client.with_options(max_retries=0).messages.create(**ASKED)
        headers = raised.value.response.headers
        assert headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:14:50Z"


def test_tokens_can_be_counted_without_a_script(provider, client):
    provider.script(Reply("for a message"))
    assert client.messages.count_tokens(model="claude-x", messages=ASKED["messages"]).input_tokens == 4
    assert provider.unused == 1


def test_the_record_has_no_key(provider, client):
    client.messages.create(**ASKED)
    (request,) = provider.requests
    assert (request.path, request.model, request.stream) == ("/v1/messages", "claude-x", False)
    assert "[redacted]" in request.headers.values()
    assert "test-key" not in str(dict(request.headers))
