"""A provider, the real SDK, and an ear for everything that the source says."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
from contextlib import ExitStack

import openai
import pytest

from polymeter.sources import OpenAISource
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider
from tests.sources.contract.ear import KINDS, SAME, Ear
from tests.sources.openai_sdk import HTTP

__all__ = ["KINDS", "SAME", "Ear"]

QUESTION = [{"role": "user", "content": "How are you today?"}]
TLS = ssl.create_default_context()  # nobody here speaks it, and each client would take 50 ms to make its own

EVENTS = {"content-type": "text/event-stream"}
BROKEN = openai.APIConnectionError, HTTP.TransportError  # older releases let the latter through
END = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def frozen():
    """Keep the garbage collector away from everything that is there already, so that it is quick."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def no_collection(frozen):
    """Collect garbage only when the test says so, and once after it."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def ear(clock):
    """Hear a dispatcher; at the end, all runs must have ended and kept the laws."""
    ear = Ear(clock)
    yield ear
    ear.check_laws()


@pytest.fixture
def source(ear):
    """Give an installed source that must be left as it was found."""
    source = OpenAISource()
    found = openai.OpenAI.request
    with source.install(ear.dispatcher):
        yield source
    assert openai.OpenAI.request is found
    assert source.health().active == 0
    assert source.health().surprises == 0


@pytest.fixture
def provider(clock):
    with Provider(clock=clock) as provider:
        yield provider


@pytest.fixture
def client(provider):
    http = openai.DefaultHttpxClient(verify=TLS)
    with openai.OpenAI(base_url=provider.base_url, api_key="test", http_client=http) as client:
        yield client


@pytest.fixture
def run(provider):
    """Give a function that runs a coroutine function with an asynchronous client, in a loop of its own."""

    def run(job, **options):
        async def main():
            http = openai.DefaultAsyncHttpxClient(verify=TLS)
            more = {"base_url": provider.base_url, "api_key": "test", "http_client": http} | options
            async with http, openai.AsyncOpenAI(**more) as client:
                return await job(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def stub():
    """Give a function that makes a client, with a transport that answers what no sane provider would."""
    with ExitStack() as clients:

        def stub(*answers, make=openai.OpenAI, **options):
            left = list(answers)
            transport = HTTP.MockTransport(lambda _: left.pop(0))
            client = make(
                **{"base_url": "http://stub.invalid/v1", "api_key": "test"} | options,
                http_client=HTTP.Client(transport=transport, verify=TLS),
            )
            return clients.enter_context(client)

        yield stub


def sse(*chunks):
    """Write chunks as the body of a stream, and its end."""
    lines = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return HTTP.Response(200, headers=EVENTS, content=b"".join([*lines, END]))


def piece(content=None, *, finish_reason=None, index=0, **more):
    """Make a chunk with one choice."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | more
