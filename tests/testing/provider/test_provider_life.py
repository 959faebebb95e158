"""Starting, serving many, closing."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import openai
import pytest

from polymeter.clock import Clock
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Hang, Provider, Reply

QUESTION = [{"role": "user", "content": "How are you?"}]


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_it_serves_without_a_with_statement():
    provider = Provider()
    try:
        assert provider.base_url.startswith("http://127.0.0.1:")
        assert repr(provider) == f"Provider('{provider.base_url}')"
    finally:
        provider.close()


def test_closing_twice_is_closing_once():
    provider = Provider()
    provider.close()
    provider.close()
    address = urlsplit(provider.base_url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


@pytest.mark.parametrize("clock", [None, Clock(), ManualClock()], ids=["default", "system", "manual"])
def test_closing_ends_a_hang(clock):
    """No thread is left, and the record says who ended it."""
    before = threads()
    with Provider(clock) as provider, ThreadPoolExecutor(1) as pool:
        arrived = threading.Event()

        def hang(_request):
            arrived.set()
            return Hang()

        provider.default = hang
        client = openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0, timeout=20)
        answer = pool.submit(client.chat.completions.create, model="gpt-x", messages=QUESTION)
        assert arrived.wait(10)
        provider.close()
        with pytest.raises(openai.APIConnectionError):
            answer.result()
        client.close()
    assert [each.outcome for each in provider.requests] == ["server_closed"]
    assert threads() <= before


@pytest.fixture
def hanging(provider):
    """Give a raw connection whose request has arrived and is left without an answer."""
    arrived = threading.Event()

    def default(_request):
        arrived.set()
        return Hang()

    provider.default = default
    address = urlsplit(provider.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert arrived.wait(10)
        yield connection


def test_closing_ends_a_hang_behind_which_the_next_request_waits(provider, hanging):
    hanging.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
    provider.close()
    assert [each.outcome for each in provider.settled()] == ["server_closed"]


def test_a_client_that_resets_its_connection_is_noticed(provider, hanging):
    hanging.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    hanging.close()
    assert [each.outcome for each in provider.settled()] == ["client_closed"]
    assert provider.failures == ()


def test_closing_ends_a_long_pause_between_chunks():
    before = threads()
    with Provider() as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply(chunks=["a", "b"], chunk_every=3600))
        with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
            provider.close()
            with pytest.raises(openai.APIConnectionError):
                next(stream)
    assert [(each.outcome, each.chunks) for each in provider.requests] == [("server_closed", 1)]
    assert threads() <= before


def test_closing_does_not_wait_for_a_clock_that_nobody_steps():
    """What is stuck there ends quietly when the clock moves."""
    clock = ManualClock(stepped=True)
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply(chunks=["a", "b"], chunk_every=1))
        with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
            provider.close()
            with pytest.raises(openai.APIConnectionError):
                next(stream)
    clock.step()
    assert [each.outcome for each in provider.settled()] == ["server_closed"]
    assert provider.failures == ()


def test_a_clock_that_breaks_after_the_end_is_no_failure():
    class Stuck(Clock):
        released = threading.Event()

        def sleep(self, seconds):
            assert self.released.wait(20)
            raise TimeoutError(seconds)

    clock = Stuck()
    with Provider(clock) as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        provider.script(Reply(chunks=["a", "b"], chunk_every=1))
        with client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
            provider.close()
    clock.released.set()
    assert [each.outcome for each in provider.settled()] == ["server_closed"]
    assert provider.failures == ()


def test_closing_ends_a_connection_that_waits_for_its_next_request():
    before = threads()
    with Provider() as provider, openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        client.chat.completions.create(model="gpt-x", messages=QUESTION)
        provider.close()
        assert threads() <= before
    assert len(provider.requests) == 1


def test_fifty_requests_at_once(provider):
    """They really are at once: none is answered before all have arrived."""
    together = threading.Barrier(50)

    def default(request):
        together.wait(20)
        return Reply(request.body["messages"][0]["content"])

    provider.default = default
    with openai.OpenAI(base_url=provider.base_url, api_key="k", timeout=30) as client, ThreadPoolExecutor(50) as pool:

        def ask(number):
            messages = [{"role": "user", "content": f"number {number}"}]
            return client.chat.completions.create(model="gpt-x", messages=messages).choices[0].message.content

        assert list(pool.map(ask, range(50))) == [f"number {number}" for number in range(50)]
    assert sorted(each.number for each in provider.requests) == list(range(1, 51))
    assert provider.ledger.total.by_outcome == {"answered": 50}
    assert provider.failures == ()


@pytest.mark.parametrize("transport", [openai.DefaultAsyncHttpxClient, openai.DefaultAioHttpClient])
def test_async_clients_are_served(provider, transport):
    """Over both transports of the SDK: answers, embeddings, retries, whole streams and broken ones."""
    if transport is openai.DefaultAioHttpClient:
        pytest.importorskip("aiohttp")

    async def use():
        async with openai.AsyncOpenAI(
            base_url=provider.base_url, api_key="k", timeout=20, http_client=transport()
        ) as client:
            create = client.chat.completions.create

            async def read(seen):
                async with await create(model="gpt-x", messages=QUESTION, stream=True) as stream:
                    async for chunk in stream:
                        seen.append(chunk.choices[0].delta.content)

            provider.script(*[Reply("Hello you")] * 11)
            answers = await asyncio.gather(*(create(model="gpt-x", messages=QUESTION) for _ in range(10)))
            assert {answer.choices[0].message.content for answer in answers} == {"Hello you"}

            seen = []
            await read(seen)
            assert seen == ["", "Hello", " you", None]

            vectors = await client.embeddings.create(model="emb", input=["a", "b"], dimensions=3)
            assert [len(item.embedding) for item in vectors.data] == [3, 3]

            provider.script(Reply("Hello you", drop_after_chunks=1))
            seen = []
            with pytest.raises(openai.APIConnectionError):
                await read(seen)
            assert seen == ["", "Hello"]

    asyncio.run(use())
    assert provider.ledger.total.by_outcome == {"answered": 12, "dropped": 1}


@pytest.mark.parametrize("transport", [openai.DefaultAsyncHttpxClient, openai.DefaultAioHttpClient])
def test_an_async_client_that_is_cancelled_is_noticed(provider, transport):
    provider.script(Reply(chunks=["a", "b"], chunk_every=3600))

    async def use():
        async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="k", http_client=transport()) as client:
            stream = await client.chat.completions.create(model="gpt-x", messages=QUESTION, stream=True)
            for _ in range(2):
                await anext(stream)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(stream), timeout=0.01)
            await stream.close()

    asyncio.run(use())
    assert [(each.outcome, each.chunks) for each in provider.settled()] == [("client_closed", 1)]
