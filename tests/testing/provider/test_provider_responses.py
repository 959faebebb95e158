"""Responses, legacy completions, and the paths of Azure."""

from __future__ import annotations

import openai
import pytest

from polymeter.testing.provider import RateLimited, Reply, Tokens, ToolCall

TOKENS = Tokens(input=8, output=3, cache_read=4, reasoning=5)
ASKED = {"model": "gpt-x", "input": "How are you today?"}


def test_a_response_says_what_was_scripted(provider, client):
    provider.script(Reply("Fine", usage=TOKENS, response_model="gpt-x-2026"))
    answer = client.responses.create(**ASKED)
    assert (answer.output_text, answer.status, answer.model) == ("Fine", "completed", "gpt-x-2026")
    assert (answer.usage.input_tokens, answer.usage.input_tokens_details.cached_tokens) == (12, 4)
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.reasoning_tokens) == (8, 5)
    assert answer.usage.total_tokens == 20


def test_an_unscripted_response_counts_the_words_of_its_input(client):
    assert client.responses.create(**ASKED).usage.input_tokens == 4
    messages = [{"role": "user", "content": "one two"}]
    assert client.responses.create(model="gpt-x", input=messages).usage.input_tokens == 2


def test_a_response_can_be_a_function_call(provider, client):
    provider.script(Reply(tool_calls=[ToolCall("find", {"q": "x"})]))
    (call,) = client.responses.create(**ASKED).output
    assert (call.type, call.name, call.arguments, call.status) == ("function_call", "find", '{"q": "x"}', "completed")


@pytest.mark.parametrize(
    ("scripted", "status", "reason"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("failed", "failed", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_finish_reason_becomes_a_status(provider, client, scripted, status, reason, stream):
    provider.script(Reply("Well", finish_reason=scripted))
    answer = client.responses.create(**ASKED, stream=stream)
    if stream:
        *_, last = answer
        assert last.type == f"response.{status}"
        answer = last.response
    assert answer.status == status
    assert (answer.incomplete_details.reason if answer.incomplete_details else None) == reason
    assert (answer.error is not None) == (status == "failed")


def test_a_stream_has_the_events_of_its_items_in_order(provider, client):
    provider.script(Reply("I am", tool_calls=[ToolCall("find", {"q": "x"})], usage=TOKENS))
    events = list(client.responses.create(**ASKED, stream=True))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(14))
    assert events[-1].response.usage.total_tokens == 20
    assert provider.requests[0].chunks == 3


def test_the_sdk_can_put_a_stream_together(provider, client):
    provider.script(Reply("I am fine", tool_calls=[ToolCall("find", {"q": "x"})]))
    with client.responses.stream(**ASKED) as stream:
        answer = stream.get_final_response()
    assert answer.output_text == "I am fine"
    assert [item.type for item in answer.output] == ["message", "function_call"]


def test_a_stream_can_break_off(provider, client):
    provider.script(Reply("I am fine", drop_after_chunks=2))
    seen = []
    with pytest.raises(Exception, match=r"(?i)connection|peer closed"):
        seen.extend(event.type for event in client.responses.create(**ASKED, stream=True))
    assert (provider.requests[0].chunks, provider.requests[0].outcome) == (2, "dropped")


def test_a_background_response_is_queued_and_can_be_fetched(provider, client):
    provider.script(Reply("The script is for inferences"))
    queued = client.responses.create(**ASKED, background=True)
    assert (queued.status, queued.output, queued.usage) == ("queued", [], None)
    assert provider.unused == 0
    assert client.responses.retrieve(queued.id).status == "completed"


def test_a_legacy_completion_says_what_was_scripted(provider, client):
    provider.script(Reply("and so on", usage=TOKENS, finish_reason="length"))
    answer = client.completions.create(model="davinci", prompt="Once upon")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("and so on", "length")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 8)


@pytest.mark.parametrize("usage", [False, True])
def test_a_streamed_legacy_completion_reports_usage_if_asked(client, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    *chunks, last = client.completions.create(model="davinci", prompt="Once upon", stream=True, **options)
    assert (last.usage.prompt_tokens if usage else last.usage) == (2 if usage else None)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices)


def test_azure_has_the_same_below_its_own_paths(provider):
    provider.script(Reply("Fine", times=3))
    endpoint = provider.base_url.removesuffix("/v1")
    with openai.AzureOpenAI(azure_endpoint=endpoint, api_key="test", api_version="1") as client:
        question = [{"role": "user", "content": "Hi"}]
        assert client.chat.completions.create(model="gpt-x", messages=question).choices[0].message.content == "Fine"
        assert client.completions.create(model="gpt-x", prompt="Hi").choices[0].text == "Fine"
        assert client.responses.create(**ASKED).output_text == "Fine"
        assert len(client.embeddings.create(model="gpt-x", input="Hi").data) == 1
    assert {request.model for request in provider.requests} == {"gpt-x"}


@pytest.mark.parametrize("stream", [False, True])
def test_headers_can_be_scripted(provider, client, stream):
    provider.script(Reply(headers={"x-ratelimit-remaining-requests": "3", "x-more": "yes"}))
    raw = client.responses.with_raw_response.create(**ASKED, stream=stream)
    assert (raw.headers["x-ratelimit-remaining-requests"], raw.headers["x-more"]) == ("3", "yes")
    assert raw.headers["x-ratelimit-limit-requests"] == "10000"
    raw.http_response.close()


def test_headers_of_a_refusal_can_be_scripted(provider, client):
    provider.script(RateLimited(headers={"x-ratelimit-reset-tokens": "6m0s"}))
    with pytest.raises(openai.RateLimitError) as caught:
        client.with_options(max_retries=0).responses.create(**ASKED)
    assert caught.value.response.headers["x-ratelimit-reset-tokens"] == "6m0s"
