"""The demo's callers: they use the real OpenAI SDK as any program would, and know nothing of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import openai

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai.types.chat import ChatCompletionChunk, ChatCompletionUserMessageParam

    from polymeter.cli.demo_calls import Call

__all__ = ["async_client", "make", "make_async", "sync_client"]

_RETRIES: Final = 2
_TIMEOUT: Final = 20.0
_QUESTION: Final[list[ChatCompletionUserMessageParam]] = [{"role": "user", "content": "What do you say?"}]


def sync_client(base_url: str) -> openai.OpenAI:
    """Give a client that talks to ``base_url`` directly, whatever proxy this machine may have."""
    direct = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=base_url, api_key="demo", max_retries=_RETRIES, timeout=_TIMEOUT, http_client=direct)


def async_client(base_url: str) -> openai.AsyncOpenAI:
    """Give the same for an event loop."""
    direct = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(
        base_url=base_url, api_key="demo", max_retries=_RETRIES, timeout=_TIMEOUT, http_client=direct
    )


def make(client: openai.OpenAI, call: Call, headers: dict[str, str]) -> None:
    """Make one call, in the manner that it asks for."""
    if call.manner == "embed":
        client.embeddings.create(model=call.model, input="a text", extra_headers=headers)
        return
    if not call.streamed:
        client.chat.completions.create(model=call.model, messages=_QUESTION, extra_headers=headers)
        return
    stream = client.chat.completions.create(
        model=call.model,
        messages=_QUESTION,
        stream=True,
        stream_options={"include_usage": call.counted},
        extra_headers=headers,
    )
    _consume(stream, call)


async def make_async(
    client: openai.AsyncOpenAI, call: Call, headers: dict[str, str], began: Callable[[], object] | None = None
) -> None:
    """Make one call, in the manner that it asks for.

    :param began: called when a stream that is to be read has given its first chunk.
    """
    if call.manner == "embed":
        await client.embeddings.create(model=call.model, input="a text", extra_headers=headers)
        return
    if not call.streamed:
        await client.chat.completions.create(model=call.model, messages=_QUESTION, extra_headers=headers)
        return
    stream = await client.chat.completions.create(
        model=call.model,
        messages=_QUESTION,
        stream=True,
        stream_options={"include_usage": call.counted},
        extra_headers=headers,
    )
    await _consume_async(stream, call, began)


def _consume(stream: openai.Stream[ChatCompletionChunk], call: Call) -> None:
    match call.manner:
        case "leave":
            with stream:
                any(map(_is_last, stream))
        case "close":
            with stream:
                next(stream)
                next(stream)
        case "drop":
            next(stream)
        case "ring":
            next(stream)
            _in_a_ring(stream)
        case _:
            for _ in stream:
                pass


async def _consume_async(
    stream: openai.AsyncStream[ChatCompletionChunk], call: Call, began: Callable[[], object] | None
) -> None:
    match call.manner:
        case "leave":
            async with stream:
                async for chunk in stream:
                    if _is_last(chunk):
                        break
        case "close":
            async with stream:
                await anext(stream)
                await anext(stream)
        case "drop":
            await anext(stream)
        case "ring":
            await anext(stream)
            _in_a_ring(stream)
        case _:
            await anext(stream)
            if began is not None:
                began()
            async for _ in stream:
                pass


def _is_last(chunk: ChatCompletionChunk) -> bool:
    return any(choice.finish_reason is not None for choice in chunk.choices)


def _in_a_ring(thing: object) -> None:
    """Put ``thing`` where only the garbage collector finds it."""
    ring: list[Any] = [thing]
    ring.append(ring)
