"""The same ways for a stream to end where tasks are cancelled and generators are closed by their loop."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from contextvars import Context

import openai
import pytest

from polymeter.sources import OpenAISource
from polymeter.testing.provider import Provider, Reply
from tests.sources.conftest import BROKEN, EVENTS, QUESTION
from tests.sources.openai_sdk import HTTP


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True, **options)


async def read_to_the_end(client):
    async for _ in await ask(client):
        pass


async def read_with_anext_and_for(client):
    stream = await ask(client)
    await anext(stream)
    async for _ in stream:
        pass
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def read_in_a_block(client):
    async with await ask(client) as stream:
        async for _ in stream:
            pass


async def read_by_the_helper(client):
    async with client.chat.completions.stream(model="gpt-x", messages=QUESTION) as stream:
        await stream.get_final_completion()


async def cancelled_after_the_finish_reason(client):
    async def job():
        async for chunk in await ask(client):
            if chunk.choices[0].finish_reason:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(job())


async def break_off(client):
    async for _ in await ask(client):
        break
    await asyncio.sleep(0)  # the loop closes the generator
    await asyncio.sleep(0)


async def break_off_and_go(client):
    async for _ in await ask(client):
        break


async def break_off_with_anext(client):
    await anext(await ask(client))


async def never_read(client):
    await ask(client)


async def leave_a_block(client):
    async with await ask(client) as stream:
        async for _ in stream:
            break


async def raise_in_a_block(client):
    with pytest.raises(LookupError):
        async with await ask(client):
            raise LookupError


async def close(client):
    stream = await ask(client)
    await anext(stream)
    await stream.close()
    await stream.close()


async def close_the_response(client):
    stream = await ask(client)
    await stream.response.aclose()


async def leave_the_helper(client):
    async with client.chat.completions.stream(model="gpt-x", messages=QUESTION) as stream:
        await anext(stream)


ENDS = {
    "ok": [
        read_to_the_end,
        read_with_anext_and_for,
        read_in_a_block,
        read_by_the_helper,
        cancelled_after_the_finish_reason,
    ],
    "abandoned": [break_off, break_off_and_go, break_off_with_anext, never_read],
    "cancelled": [leave_a_block, raise_in_a_block, close, close_the_response, leave_the_helper],
}


pytestmark = pytest.mark.usefixtures("no_collection")  # what is noticed is noticed without it


@pytest.mark.parametrize(("outcome", "use"), [(outcome, use) for outcome, uses in ENDS.items() for use in uses])
def test_an_asynchronous_stream_ends_once(ear, source, run, outcome, use):
    run(use)
    assert (ear.outcomes, ear.attempts) == ([outcome], [200])
    assert ear.end.finish_reason == ("stop" if outcome == "ok" else None)
    assert source.health().ok == (outcome == "ok")


@pytest.mark.parametrize("how", ["task", "timeout"])
def test_a_task_that_is_cancelled_while_it_awaits_a_chunk_cancels_the_stream(ear, run, how):
    async def job(client):
        waiting = asyncio.Event()

        async def read():
            stream = await ask(client)
            await anext(stream)
            waiting.set()
            await anext(stream)

        async def read_in_time():
            async with asyncio.timeout(None) as deadline:
                stream = await ask(client)
                await anext(stream)
                deadline.reschedule(asyncio.get_running_loop().time())
                await anext(stream)

        if how == "timeout":
            with pytest.raises(TimeoutError):
                await read_in_time()
            return
        task = asyncio.create_task(read())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Provider() as slow, OpenAISource().install(ear.dispatcher):
        slow.script(Reply("one two", first_content_after=60.0))
        run(job, base_url=slow.base_url)
    assert (ear.outcomes, ear.attempts) == (["cancelled"], [200])


def test_a_stream_that_another_task_closes_while_a_chunk_is_awaited_is_cancelled(ear, run):
    async def job(client):
        stream = await ask(client)
        await anext(stream)
        reader = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)  # it awaits the line now
        await stream.close()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            reader.cancel()
            await reader

    with Provider() as slow, OpenAISource().install(ear.dispatcher):
        slow.script(Reply("one two", first_content_after=60.0))
        run(job, base_url=slow.base_url)
    assert ear.outcomes == ["cancelled"]


@pytest.mark.usefixtures("source")
def test_an_asynchronous_stream_that_breaks_is_an_error(ear, provider, run):
    provider.script(Reply("one two three", drop_after_chunks=2))
    with pytest.raises(BROKEN) as broken:
        run(read_to_the_end)
    assert (ear.end.outcome, ear.end.error_type, ear.attempts) == ("error", broken.type.__name__, [200])


@pytest.mark.usefixtures("source")
def test_nobody_can_tell_it_from_another_stream(run):
    async def job(client):
        stream = await ask(client)
        assert type(stream) is openai.AsyncStream
        assert [chunk.object async for chunk in stream] == ["chat.completion.chunk"] * 10
        assert stream.response.is_closed

    run(job)


class Pause:
    """Something to wait for that never comes."""

    def __await__(self):
        yield


@pytest.mark.usefixtures("source")
def test_a_step_that_its_loop_forgot_is_an_abandoned_stream(ear, run):
    async def body():
        yield b": hello"
        await Pause()

    async def job(client):
        step = (await ask(client))._iterator.__anext__()
        Context().run(step.send, None)
        step.close()

    answer = HTTP.Response(200, headers=EVENTS, content=body())
    run(job, http_client=HTTP.AsyncClient(transport=HTTP.MockTransport(lambda _: answer)))
    assert ear.outcomes == ["abandoned"]


DROP_MANY = """
import asyncio, gc, openai
from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector
from polymeter.sources import OpenAISource
from polymeter.testing.provider import Provider, Reply

gc.set_threshold(101, 3, 3)
metrics = Metrics().watch(OpenAISource()).collect(InferenceMetricsCollector())

async def drop_one(client):
    question = [{"role": "user", "content": "Hi"}]
    stream = await client.chat.completions.create(model="m", messages=question, stream=True)
    await anext(stream)

async def drop_many(base_url):
    async with openai.AsyncOpenAI(base_url=base_url, api_key="k", max_retries=0) as client:
        for number in range(60):
            await drop_one(client)
            await asyncio.sleep(0)
            if number % 7 == 0:
                gc.collect()
        gc.collect()

with Provider() as provider:
    provider.default = Reply("word " * 10, chunk_every=0.002)
    asyncio.run(drop_many(provider.base_url))
print(metrics.registry.total("inference.completed", {"finish_reason": "abandoned"}))
"""


def test_dropped_streams_are_closed_without_a_word():
    """However often the garbage collector looks: the generators of a stream are closed from the outside in.

    In an interpreter of its own: what the collector finds when depends on everything else that is there.
    """
    done = subprocess.run([sys.executable, "-c", DROP_MANY], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "60\n"
