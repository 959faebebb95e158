"""Clients of Anthropic instead of those of OpenAI."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import anthropic
import pytest

from polymeter.sources import AnthropicSource
from tests.sources.anthropic.sdk import HTTP, make, make_async, wait_on
from tests.sources.conftest import TLS


@pytest.fixture
def source(ear):
    """Give an installed source, which nothing may surprise."""
    source = AnthropicSource()
    with source.install(ear.dispatcher):
        yield source
    assert source.health().active == 0
    assert source.health().surprises == 0


@pytest.fixture
def client(provider):
    with make(provider.url) as client:
        yield client


@pytest.fixture
def run(provider):
    """Give a function that runs a coroutine function with an asynchronous client, in a loop of its own."""

    def run(job, **options):
        async def main():
            async with make_async(provider.url, **options) as client:
                return await job(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def stub():
    """Give a function that makes a client, with a transport that answers what no sane provider would."""
    with ExitStack() as clients:

        def stub(*answers, make=anthropic.Anthropic, **options):
            left = list(answers)
            transport = HTTP.MockTransport(lambda _: left.pop(0))
            http = HTTP.Client(transport=transport, verify=TLS)
            client = make(**{"base_url": "http://stub.invalid", "api_key": "test", "http_client": http} | options)
            return clients.enter_context(client)

        yield stub


@pytest.fixture
def at_once(monkeypatch, clock):
    """Let the SDK's back-off pass on the clock of the test, and take no time."""

    async def asleep(seconds):
        clock.sleep(seconds)

    wait_on(monkeypatch, clock.sleep, asleep)
