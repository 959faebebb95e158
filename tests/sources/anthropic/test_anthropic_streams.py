"""Streams: what is told of their events, and the helpers of the SDK around them."""

from __future__ import annotations

import asyncio

import anthropic
import pytest

from polymeter.events.inference import InferenceCompleted, StreamChunkReceived, Usage
from polymeter.sources import AnthropicSource
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, Tokens, ToolCall
from tests.sources.anthropic.sdk import BROKEN, ask, make, sse
from tests.sources.conftest import QUESTION, Ear

pytestmark = pytest.mark.usefixtures("source")

TOKENS = Tokens(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
USAGE = Usage(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
ASKED = {"model": "claude-x", "max_tokens": 100, "messages": QUESTION}


def start(**usage):
    """Make the first event of a stream."""
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "claude-x-2026"}
    return {"type": "message_start", "message": message | {"usage": {"input_tokens": 9, "output_tokens": 1} | usage}}


def begun(**block):
    return {"type": "content_block_start", "index": 0, "content_block": block}


def delta(**part):
    return {"type": "content_block_delta", "index": 0, "delta": part}


def stopped(reason="end_turn", **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 20} | usage}


STOP = {"type": "content_block_stop", "index": 0}
OVER = {"type": "message_stop"}
PING = {"type": "ping"}


def test_a_stream_is_told_with_all_that_it_says(ear, provider, client):
    provider.script(Reply("one two three", usage=TOKENS))
    assert len(list(ask(client, stream=True))) == 8
    end = ear.end
    assert (end.outcome, end.finish_reason, end.usage, end.chunk_count) == ("ok", "end_turn", USAGE, 8)
    content = [each.has_content for each in ear.all(StreamChunkReceived)]
    assert content == [False, True, True, True, False, False, False]


def test_the_first_event_and_the_first_content_have_times_of_their_own():
    clock = ManualClock(stepped=True)
    ear = Ear(clock)
    with Provider(clock=clock) as provider, AnthropicSource().install(ear.dispatcher), make(provider.url) as client:
        provider.script(Reply(chunks=["a", "b"], first_chunk_after=0.25, first_content_after=0.5, chunk_every=0.125))
        stream = ask(client, stream=True)
        for events in (2, 1, 1):
            clock.step()
            for _ in range(events):
                next(stream)
        list(stream)
    end = ear.end
    assert (end.time_to_first_chunk_ms, end.time_to_first_content_ms, end.duration_ms) == (250.0, 750.0, 875.0)


CONTENT = {
    "text": ([begun(type="text", text=""), delta(type="text_delta", text="Hi")], [False, True]),
    "thinking": (
        [
            begun(type="thinking", thinking="", signature=""),
            delta(type="thinking_delta", thinking=""),
            delta(type="thinking_delta", thinking="Hm"),
            delta(type="signature_delta", signature="c2ln"),
        ],
        [False, False, True, True],
    ),
    "only a signature": (
        [begun(type="thinking", thinking="", signature=""), delta(type="signature_delta", signature="c2ln")],
        [False, True],
    ),
    "a redacted thought": ([begun(type="redacted_thinking", data="x")], [True]),
    "a call of a tool": (
        [
            begun(type="tool_use", id="t", name="weather", input={}),
            delta(type="input_json_delta", partial_json=""),
            delta(type="input_json_delta", partial_json='{"a"'),
        ],
        [True, False, True],
    ),
    "a result of a tool of the server": (
        [begun(type="web_search_tool_result", tool_use_id="t", content=[])],
        [True],
    ),
    "something of another year": (
        [begun(type="dance", steps=[]), delta(type="dance_delta", step="left")],
        [True, True],
    ),
    "nothing": ([begun(type="text", text=""), delta(type="text_delta", text="")], [False, False]),
}


@pytest.mark.parametrize(("events", "content"), CONTENT.values(), ids=CONTENT)
def test_text_thoughts_signatures_and_tools_are_content(ear, stub, events, content):
    chunks = list(ask(stub(sse(start(), PING, *events, STOP, PING, stopped(), OVER)), stream=True))
    assert len(chunks) == len(events) + 4
    assert [each.has_content for each in ear.all(StreamChunkReceived)] == [*content, False, False, False]
    assert (ear.end.time_to_first_content_ms is not None) == any(content)


def test_the_last_count_is_the_one_that_counts(ear, stub):
    events = [start(cache_read_input_tokens=30, cache_creation_input_tokens=None), stopped(), stopped(output_tokens=25)]
    list(ask(stub(sse(*events, OVER)), stream=True))
    assert ear.end.usage == Usage(input=9, cache_read=30, output=25)


def test_counts_of_the_input_at_the_end_replace_those_of_the_start(ear, stub):
    """As where the server called tools itself in between."""
    list(ask(stub(sse(start(), stopped(input_tokens=900, cache_creation_input_tokens=70), OVER)), stream=True))
    assert ear.end.usage == Usage(input=900, cache_write=70, output=20)


def test_thinking_is_a_part_of_the_output(ear, stub):
    list(ask(stub(sse(start(), stopped(output_tokens_details={"thinking_tokens": 15}), OVER)), stream=True))
    assert ear.end.usage == Usage(input=9, output=5, reasoning=15)


def test_what_a_compaction_took_is_added(ear, stub):
    """Of the iterations it is the only one that is not in the totals."""
    iterations = [
        {"type": "compaction", "input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 10},
        {"type": "message", "input_tokens": 9, "output_tokens": 20},
    ]
    list(ask(stub(sse(start(), stopped(iterations=iterations), OVER)), stream=True))
    assert ear.end.usage == Usage(input=109, cache_read=50, output=30)


def test_a_stream_that_is_closed_early_keeps_what_was_known(ear, stub):
    events = [start(cache_read_input_tokens=30), delta(type="text_delta", text="Hi"), stopped()]
    stream = ask(stub(sse(*events)), stream=True)
    next(stream)
    stream.close()
    assert (ear.end.outcome, ear.end.usage) == ("cancelled", Usage(input=9, cache_read=30, output=1))
    assert ear.end.response_model == "claude-x-2026"


def test_a_stream_that_is_closed_after_its_finish_reason_is_whole(ear, stub):
    stream = ask(stub(sse(start(), stopped("max_tokens"), OVER)), stream=True)
    next(stream), next(stream)
    stream.close()
    assert (ear.end.outcome, ear.end.finish_reason) == ("ok", "max_tokens")


def test_an_error_within_a_stream_is_an_error_of_a_call_whose_attempt_succeeded(ear, stub):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(anthropic.APIStatusError) as raised:
        list(ask(stub(sse(start(), error)), stream=True))
    assert (ear.end.outcome, ear.end.error_type, ear.attempts) == ("error", raised.type.__name__, [200])
    assert ear.end.usage == Usage(input=9, output=1)


def test_a_stream_without_usage_has_none(ear, provider, client):
    provider.script(Reply("Hi", usage=None))
    list(ask(client, stream=True))
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", "end_turn", None)


def test_a_stream_of_legacy_completions_is_told(ear, stub):
    parts = [{"type": "completion", "completion": "Hi", "stop_reason": None, "model": "claude-2"}, PING]
    parts.append({"type": "completion", "completion": "", "stop_reason": "stop_sequence", "model": "claude-2"})
    body = {"model": "claude-2", "prompt": "Hi", "stream": True}
    stream = stub(sse(*parts)).post(
        "/v1/complete", cast_to=object, body=body, stream=True, stream_cls=anthropic.Stream[object]
    )
    list(stream)
    assert (ear.end.operation, ear.end.outcome, ear.end.finish_reason) == ("text_completion", "ok", "stop_sequence")


# The helper


def test_the_helper_is_told_once_and_gives_what_it_always_gave(ear, provider, client):
    provider.script(Reply("one two", tool_calls=[ToolCall("weather", {"city": "Graz"})], usage=TOKENS))
    with client.messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["one", " two"]
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"city": "Graz"}
    assert message.usage.output_tokens == 8
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage, ear.attempts) == ("ok", "tool_use", USAGE, [200])


def test_the_asynchronous_helper_is_told_once_too(ear, provider, run):
    provider.script(Reply("one two", usage=TOKENS))

    async def job(client):
        async with client.messages.stream(**ASKED) as stream:
            assert [text async for text in stream.text_stream] == ["one", " two"]
            assert (await stream.get_final_message()).stop_reason == "end_turn"

    run(job)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage, ear.end.chunk_count) == ("ok", "end_turn", USAGE, 7)


def test_the_helper_of_beta_messages_is_told(ear, client):
    with client.beta.messages.stream(**ASKED) as stream:
        assert stream.get_final_text().startswith("claude-x has read")
    assert (ear.end.outcome, ear.end.streamed) == ("ok", True)


def test_a_helper_that_is_left_early_is_cancelled(ear, provider, client, run):
    provider.script(Reply("one two three", times=3))
    with client.messages.stream(**ASKED) as stream:
        next(stream)
    with client.messages.stream(**ASKED):
        pass

    async def job(client):
        async with client.messages.stream(**ASKED) as stream:
            async for _ in stream:
                break

    run(job)
    assert ear.outcomes == ["cancelled"] * 3
    assert [end.usage and end.usage.input for end in ear.all(InferenceCompleted)] == [4, None, 4]


def test_a_helper_whose_line_breaks_fails(ear, provider, client):
    provider.script(Reply("one two three", drop_after_chunks=1))
    with pytest.raises(BROKEN) as broken, client.messages.stream(**ASKED) as stream:
        stream.until_done()
    assert (ear.end.outcome, ear.end.error_type) == ("error", broken.type.__name__)


def test_a_helper_that_is_never_entered_asks_nothing(ear, provider, client):
    client.messages.stream(**ASKED)
    assert (ear.events, provider.requests) == ([], ())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_each_round_of_a_tool_runner_is_a_call(ear, provider, client, stream):
    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Look out of the window."""
        return f"{city}: fine"

    provider.script(Reply(tool_calls=[ToolCall("weather", {"city": "Graz"})]), Reply("It is fine."))
    for answer in client.beta.messages.tool_runner(tools=[weather], stream=stream, **ASKED):
        if stream:
            answer.until_done()
    ends = ear.all(InferenceCompleted)
    assert [(end.outcome, end.finish_reason, end.streamed) for end in ends] == [
        ("ok", "tool_use", stream),
        ("ok", "end_turn", stream),
    ]


def test_streams_over_aiohttp_are_told(ear, provider):
    async def job():
        http = anthropic.DefaultAioHttpClient()
        async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="test", http_client=http) as client:
            async for _ in await ask(client, stream=True):
                pass
            async with client.messages.stream(**ASKED) as stream:
                async for _ in stream:
                    break

    try:
        anthropic.DefaultAioHttpClient()
    except RuntimeError:
        pytest.skip("this release wants another package for it than is installed")
    asyncio.run(job())
    assert ear.outcomes == ["ok", "cancelled"]


# Bodies that the SDK does not parse


def test_a_stream_that_is_read_as_lines_is_read_along_with(ear, provider, client):
    provider.script(Reply("one two", usage=TOKENS))
    with client.messages.with_streaming_response.create(**ASKED, stream=True) as response:
        assert "event: message_stop" in list(response.iter_lines())
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.usage) == ("ok", "end_turn", USAGE)
    assert ear.end.time_to_first_content_ms is not None


def test_an_error_within_a_stream_that_is_read_as_lines_is_an_error_too(ear, stub):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    client = stub(sse(start(), error))
    with client.messages.with_streaming_response.create(**ASKED, stream=True) as response:
        list(response.iter_lines())
    assert (ear.end.outcome, ear.end.error_type) == ("error", "MessageFailedError")
