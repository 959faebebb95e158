"""Clients of Google GenAI instead of those of OpenAI."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from polymeter.sources import GoogleGenAISource
from tests.sources.google_genai.sdk import HTTP, genai, making, making_async, types


@pytest.fixture
def source(ear):
    """Give an installed source, which nothing may surprise."""
    source = GoogleGenAISource()
    with source.install(ear.dispatcher):
        yield source
    assert source.health().active == 0
    assert source.health().surprises == 0


@pytest.fixture
def client(provider):
    with making(provider.url) as client:
        yield client


@pytest.fixture
def run(provider):
    """Give a function that runs a coroutine function with an asynchronous client, in a loop of its own."""

    def run(job, **options):
        async def main():
            async with making_async(provider.url, **options) as client:
                return await job(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def stub():
    """Give a function that makes a client, with a transport that answers what no sane provider would."""
    with ExitStack() as clients:

        def stub(*answers, **options):
            left = list(answers)
            http = clients.enter_context(HTTP.Client(transport=HTTP.MockTransport(lambda _: left.pop(0))))
            more = types.HttpOptions(base_url="http://stub.invalid", httpx_client=http)
            return genai.Client(**{"api_key": "test", "http_options": more} | options)

        yield stub
