"""Every way in which an answer can end, with asynchronous clients."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

import aiohttp
import httpx
import httpx2
import pytest
import trio

from polymeter.sources import HttpSource
from tests.interpreter import ROOT, bare_environment
from tests.sources.http.server import PIECE, TEXT

pytestmark = pytest.mark.usefixtures("no_collection", "source")


@pytest.fixture
def run(alibrary, server):
    """Give a function that runs a coroutine function with what opens an answer, in a loop of its own."""

    def run(job):
        async def main():
            async with alibrary.client() as client:
                return await job(lambda path: alibrary.open(client, f"{server.url}/{path}"))

        return asyncio.run(main())

    return run


def test_read_to_its_end(ear, alibrary, run):
    async def job(answer):
        opened = await answer("chunks/5")
        return b"".join([piece async for piece in alibrary.pieces(opened)])

    assert run(job) == 5 * PIECE
    assert (ear.end.outcome, ear.end.response_bytes) == ("ok", 5 * len(PIECE))


@pytest.mark.parametrize("path", ["text", "gzip", "chunks", "until_closed"])
def test_ended_twice(ear, alibrary, run, path):
    async def job(answer):
        opened = await answer(path)
        async for _ in alibrary.pieces(opened):
            pass
        await alibrary.close(opened)
        await alibrary.close(opened)
        del opened
        gc.collect()

    run(job)
    assert ear.outcomes == ["ok"]


def test_broken_off_and_closed(ear, alibrary, run):
    async def job(answer):
        opened = await answer("endless")
        async for _ in alibrary.pieces(opened):
            break
        await alibrary.close(opened)
        await alibrary.close(opened)
        return ear.outcomes[:]

    assert run(job) == ["cancelled"]
    assert (ear.end.http_status, ear.end.response_bytes) == (200, len(PIECE))


@pytest.mark.parametrize("path", ["endless", "long"])
def test_closed_unread(ear, alibrary, run, path):
    async def job(answer):
        await alibrary.close(await answer(path))
        return ear.outcomes[:]

    assert run(job) == ["cancelled"]


@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")  # of aiohttp, also without us
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dropped_unread(ear, alibrary, run):
    async def job(answer):
        await answer("endless")

    run(job)
    gc.collect()
    assert ear.outcomes == ["abandoned"]


def test_broken_off_and_dropped(ear, alibrary, run):
    async def job(answer):
        async for _ in alibrary.pieces(await answer("endless")):
            break
        gc.collect()

    run(job)
    gc.collect()
    assert ear.outcomes == [alibrary.left]


def test_an_exception_in_the_loop(ear, alibrary, run):
    async def job(answer):
        opened = await answer("endless")
        try:
            async for _ in alibrary.pieces(opened):
                raise LookupError
        finally:
            await alibrary.close(opened)

    with pytest.raises(LookupError):
        run(job)
    assert ear.outcomes == ["cancelled"]


def test_the_server_breaks_it_off(ear, alibrary, run):
    async def job(answer):
        opened = await answer("drop/1")
        try:
            with pytest.raises(alibrary.failures):
                async for _ in alibrary.pieces(opened):
                    pass
        finally:
            await alibrary.close(opened)

    run(job)
    assert (ear.end.outcome, ear.end.error_type) == ("error", alibrary.broken)


@pytest.mark.parametrize("path", ["silence", "endless"])
def test_a_task_that_is_cancelled(ear, server, alibrary, run, path):
    async def job(answer):
        async def read():
            opened = await answer(path)
            try:
                async for _ in alibrary.pieces(opened):
                    reading.set()
            finally:
                await alibrary.close(opened)

        reading = asyncio.Event()
        task = asyncio.create_task(read())
        if path == "silence":
            await asyncio.to_thread(server.asked.wait)
        else:
            await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ear.outcomes[:]

    assert run(job) == ["cancelled"]


@pytest.mark.parametrize("path", ["silence", "endless"])
def test_a_timeout_of_the_callers_own(ear, alibrary, run, path):
    async def read(answer):
        async with asyncio.timeout(0.1):
            opened = await answer(path)
            try:
                async for _ in alibrary.pieces(opened):
                    pass
            finally:
                await alibrary.close(opened)

    with pytest.raises(TimeoutError):
        run(read)
    assert ear.outcomes == ["cancelled"]


def test_uninstalled_before_it_ends(ear, alibrary, run):
    """What is under way is told to its end."""
    other = HttpSource()

    async def job(answer):
        with other.install(ear.dispatcher):
            opened, again = await answer("chunks"), await answer("endless")
        async for _ in alibrary.pieces(opened):
            pass
        await alibrary.close(again)

    run(job)
    assert sorted(ear.outcomes) == ["cancelled", "ok"]
    assert other.health().active == 0


def test_nothing_of_ours_is_left_on_an_answer_that_has_ended(ear, alibrary, run):
    async def job(answer):
        opened = await answer("text")
        async for _ in alibrary.pieces(opened):
            pass
        left = [name for name in vars(opened) if "polymeter" in name]
        await alibrary.close(opened)
        return left, type(opened)

    left, cls = run(job)
    assert left == []
    assert cls in {aiohttp.ClientResponse, httpx.Response, httpx2.Response}


def test_many_tasks_lose_and_gain_nothing(ear, server, alibrary, run):
    async def job(answer):
        async def one(path):
            opened = await answer(path)
            try:
                async for _ in alibrary.pieces(opened):
                    pass
            except alibrary.failures:
                pass
            finally:
                await alibrary.close(opened)

        await asyncio.gather(*[one(path) for path in ["text", "chunks", "drop/1", "gzip"] * 20])

    run(job)
    assert sorted(ear.outcomes) == ["error"] * 20 + ["ok"] * 60
    assert len(server.seen) == 80


def test_another_event_loop(ear, server):
    async def main():
        async with httpx.AsyncClient() as client:
            await client.get(f"{server.url}/text")
            with trio.move_on_after(0.1):
                await client.get(f"{server.url}/silence")

    trio.run(main)
    assert ear.outcomes == ["ok", "cancelled"]
    assert ear.ends[0].response_bytes == len(TEXT)


def test_the_interpreter_exits(server, alibrary):
    code = f"""
import asyncio
from polymeter.events import EventDispatcher
from polymeter.events.http import HttpRequestCompleted
from polymeter.sources import HttpSource
import {alibrary.name}

kept = []
events = EventDispatcher()
events.add_listener(HttpRequestCompleted, lambda event: print(event.outcome, event.http_status, flush=True))
HttpSource([{alibrary.name!r}]).install(events)

async def main():
    if {alibrary.name!r} == "aiohttp":
        client = aiohttp.ClientSession()
        kept.append(await client.get("{server.url}/endless"))
    else:
        client = {alibrary.name}.AsyncClient()
        kept.append(await client.send(client.build_request("GET", "{server.url}/endless"), stream=True))
    kept.append(client)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "polymeter" not in done.stderr
    assert done.stdout == "abandoned 200\n"
