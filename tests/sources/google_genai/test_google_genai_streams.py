"""Streams: still the generators that they were, and what ends them when it is not their caller."""

from __future__ import annotations

import asyncio
import gc
import inspect
import weakref
from contextlib import aclosing, closing, suppress

import pytest

from polymeter.events.inference import InferenceCompleted
from polymeter.sources import GoogleGenAISource
from polymeter.testing.provider import Reply
from tests.sources.google_genai.sdk import MODEL, quiet, response, sse, stream

pytestmark = [quiet, pytest.mark.usefixtures("no_collection")]


def test_a_stream_is_a_generator_of_the_same_name(source, client, run):
    generator = stream(client)
    assert inspect.isgenerator(generator)
    assert (generator.__name__, generator.__qualname__) == (
        "generate_content_stream",
        "Models.generate_content_stream",
    )
    chat = client.chats.create(model=MODEL).send_message_stream("Hi")
    assert inspect.isgenerator(chat)
    assert chat.__qualname__ == "Chat.send_message_stream"

    async def job(client):
        generator = await stream(client)
        assert inspect.isasyncgen(generator)
        await generator.aclose()

    run(job)


def test_a_stream_that_nobody_asks_for_a_chunk_sends_nothing_and_is_none(ear, source, provider, client):
    stream(client)
    stream(client).close()
    client._api_client.request_streamed("post", f"models/{MODEL}:streamGenerateContent", {}).close()
    assert (ear.events, provider.requests) == ([], ())


def test_what_is_made_of_a_stream_ends_it_too(ear, source, client):
    for chunk in (chunk.text for chunk in stream(client)):
        assert chunk
        break
    with closing(stream(client)) as chunks:
        next(chunks)
    assert ear.outcomes == ["abandoned", "cancelled"]


def test_the_same_in_coroutines(ear, source, run):
    async def job(client):
        async with aclosing(await stream(client)) as chunks:
            await anext(chunks)
        assert ear.outcomes == ["cancelled"]
        chunks = await stream(client)
        await anext(chunks)
        del chunks
        assert ear.outcomes == ["cancelled", "abandoned"], "at once, not when the loop comes to it"

    run(job)


def test_a_stream_that_is_closed_after_its_finish_reason_was_whole(ear, source, client):
    for chunk in stream(client):
        if chunk.candidates[0].finish_reason:
            break
    assert (ear.outcomes, ear.end.finish_reason) == (["ok"], "stop")


def test_an_exception_that_is_thrown_in_ends_it_as_the_sdk_lets_it(ear, source, client):
    chunks = stream(client)
    next(chunks)
    with pytest.raises(LookupError):
        chunks.throw(LookupError())
    assert (ear.outcomes, ear.end.error_type) == (["error"], "LookupError")


def test_the_same_in_a_coroutine(ear, source, run):
    async def job(client):
        chunks = await stream(client)
        await anext(chunks)
        with pytest.raises(LookupError):
            await chunks.athrow(LookupError())

    run(job)
    assert (ear.outcomes, ear.end.error_type) == (["error"], "LookupError")


def odd():
    return sse(response({"text": "Hi"}), {"candidates": [{"content": {"parts": [{"text": 5}]}}]}, response())


def test_a_chunk_that_the_sdk_cannot_read_is_an_error(ear, source, stub):
    """It is raised between the place where chunks come in and the caller, so the inner one is gone before."""
    chunks = stream(stub(odd()))
    assert next(chunks).text == "Hi"
    with pytest.raises(ValueError, match="validation error"):
        next(chunks)
    assert (ear.outcomes, ear.end.error_type) == (["error"], "ValidationError")


def test_a_chunk_of_a_chat_that_the_sdk_cannot_read_ends_it(ear, source, stub):
    chunks = stub(odd()).chats.create(model=MODEL).send_message_stream("Hi")
    with pytest.raises(ValueError, match="validation error"):
        list(chunks)
    assert (ear.outcomes, ear.end.error_type) == (["error"], "ValidationError")


def test_streams_of_the_client_itself_are_told(ear, source, client):
    """Below models and chats, which some libraries do without."""

    def below():
        return client._api_client.request_streamed(
            "post", f"models/{MODEL}:streamGenerateContent?alt=sse", {"contents": []}
        )

    assert len(list(below())) > 1
    for _ in below():
        break
    chunks = below()
    next(chunks)
    chunks.close()
    chunks.close()
    assert ear.outcomes == ["ok", "abandoned", "cancelled"]
    assert chunks.gi_frame is None, "it can be used as the generator that it is"


def test_asynchronous_streams_of_the_client_itself_are_told(ear, source, run):
    async def job(client):
        async def below():
            path = f"models/{MODEL}:streamGenerateContent?alt=sse"
            return await client._api_client.async_request_streamed("post", path, {"contents": []})

        assert len([chunk async for chunk in await below()]) > 1
        async for _ in await below():
            break
        assert ear.outcomes == ["ok", "abandoned"]
        chunks = await below()
        await anext(chunks)
        await chunks.aclose()
        assert chunks.ag_frame is None

    run(job)
    assert ear.outcomes == ["ok", "abandoned", "cancelled"]


def test_two_streams_at_once_do_not_mix(ear, source, client):
    one, two = stream(client, "one"), stream(client, "two")
    next(one)
    next(two)
    next(one)
    del one
    assert [(end.model, end.outcome) for end in ear.all(InferenceCompleted)] == [("one", "abandoned")]
    list(two)
    assert [(end.model, end.outcome) for end in ear.all(InferenceCompleted)][1:] == [("two", "ok")]


def test_a_stream_that_is_read_by_another_task_than_began_it_is_told(ear, source, run):
    async def job(client):
        chunks = await stream(client)

        async def read():
            return await anext(chunks)

        for _ in range(3):
            await asyncio.create_task(read())
        await asyncio.create_task(chunks.aclose())

    run(job)
    assert (ear.outcomes, ear.end.chunk_count) == (["cancelled"], 3)


def test_a_loop_closes_what_is_left_without_a_word(ear, source, run):
    told = []

    async def job(client):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        for _ in range(3):
            chunks = await stream(client)
            await anext(chunks)
            cycle = [chunks]
            cycle.append(cycle)
            del chunks, cycle
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        kept = await stream(client)
        await anext(kept)
        return kept

    run(job)
    gc.collect()
    assert told == []
    assert ear.outcomes[:3] == ["abandoned"] * 3
    assert len(ear.outcomes) == 4


def test_leaving_a_stream_frees_all_of_it_at_once(source, client):
    """No reference cycle comes of following it."""
    chunks = stream(client)
    next(chunks)
    del chunks
    left = [each for each in gc.get_objects() if type(each).__name__ in {"_Holder", "Chunks", "PendingAnswer"}]
    assert left == []


def test_what_an_end_costs_does_not_grow_with_the_streams_before(ear, source, provider, client):
    """Each detaches from the exit of the interpreter when it ends."""
    provider.default = Reply("a")
    before = len(weakref.finalize._registry)
    for _ in range(20):
        list(stream(client))
        with suppress(StopIteration):
            next(stream(client))
    assert len(weakref.finalize._registry) == before


def test_a_stream_that_began_before_the_source_came_is_not_told(ear, provider, client):
    chunks = stream(client)
    next(chunks)
    with GoogleGenAISource().install(ear.dispatcher):
        list(chunks)
    assert ear.events == []
