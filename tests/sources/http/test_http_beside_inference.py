"""An inference source and the HTTP source at once: attempts there, requests here, and as many of each."""

from __future__ import annotations

import asyncio

import openai
import pytest

from polymeter import Metrics
from polymeter.collectors import HttpMetricsCollector, InferenceMetricsCollector
from polymeter.sources import HttpSource, OpenAISource
from polymeter.testing.provider import Provider, RateLimited, Reply
from tests.sources.http.adapters import TLS

QUESTION = {"model": "gpt-x", "messages": [{"role": "user", "content": "CANARY"}]}


@pytest.fixture
def metrics():
    with Metrics() as metrics:
        metrics.watch(OpenAISource()).watch(HttpSource())
        yield metrics.collect(InferenceMetricsCollector()).collect(HttpMetricsCollector())


@pytest.fixture
def provider():
    with Provider() as provider:
        provider.script(RateLimited(retry_after=0.01), Reply("one two three"))
        yield provider


def ask(provider, streamed):
    http = openai.DefaultHttpxClient(verify=TLS)
    with openai.OpenAI(base_url=provider.base_url, api_key="CANARY", http_client=http) as client:
        answer = client.chat.completions.create(**QUESTION, stream=streamed)
        if streamed:
            list(answer)


def ask_over_aiohttp(provider, streamed):
    async def main():
        http = openai.DefaultAioHttpClient()
        async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="CANARY", http_client=http) as client:
            answer = await client.chat.completions.create(**QUESTION, stream=streamed)
            if streamed:
                async for _ in answer:
                    pass

    asyncio.run(main())


@pytest.mark.parametrize("ask", [ask, ask_over_aiohttp])
@pytest.mark.parametrize("streamed", [False, True])
def test_attempts_are_requests_and_neither_counts_twice(metrics, provider, ask, streamed):
    ask(provider, streamed)
    total = metrics.registry.total
    assert total("inference.completed") == 1
    assert total("inference.attempts") == total("http.client.requests") == len(provider.settled()) == 2
    assert total("http.client.active") == 0
    assert total("http.client.errors") == 1
    assert [each.tags["error_type"] for each in metrics.registry.find("http.client.errors")] == ["429"]
    assert "CANARY" not in str(list(map(str, metrics.registry.all())))
