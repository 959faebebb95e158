"""The OpenAI source keeps the contract of all sources: ways to end, storms of retries, secrets."""

from __future__ import annotations

import time
from importlib.util import find_spec
from types import SimpleNamespace

import openai
import pytest

from polymeter.sources import OpenAISource
from tests.sources.conftest import TLS
from tests.sources.contract import Adapter, AsyncStreamEndings, Canaries, RetryStorm, StreamEndings
from tests.sources.openai_sdk import CLOSES_WHAT_IS_DROPPED, HTTP


class Chat(Adapter):
    """Chat completions."""

    source = OpenAISource
    broken = openai.APIConnectionError, HTTP.TransportError

    def client(self, base_url, *, timeout=None, api_key="test", headers=None):
        return openai.OpenAI(
            base_url=base_url,
            api_key=api_key,
            default_headers=headers,
            max_retries=self.retries,
            http_client=openai.DefaultHttpxClient(verify=TLS),
            **({} if timeout is None else {"timeout": timeout}),
        )

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        return openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            default_headers=headers,
            max_retries=self.retries,
            http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
            **({} if timeout is None else {"timeout": timeout}),
        )

    def ask(self, client, model="m", prompt="How are you?"):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])

    def open(self, client, model="m", prompt="How are you?"):
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        )

    async def aask(self, client, model="m", prompt="How are you?"):
        return await self.ask(client, model, prompt)

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await self.open(client, model, prompt)

    def wait_on(self, monkeypatch, sleep, asleep):
        monkeypatch.setattr("openai._base_client.time", SimpleNamespace(sleep=sleep, time=time.time))
        monkeypatch.setattr("openai._base_client.anyio.sleep", asleep)


class TestChat(StreamEndings):
    adapter = Chat()


class TestAsyncChat(AsyncStreamEndings):
    adapter = Chat()


class TestChatStorm(RetryStorm):
    adapter = Chat()


class TestChatCanaries(Canaries):
    adapter = Chat()


class Responses(Chat):
    """The Responses API."""

    def ask(self, client, model="m", prompt="How are you?"):
        return client.responses.create(model=model, input=prompt)

    def open(self, client, model="m", prompt="How are you?"):
        return client.responses.create(model=model, input=prompt, stream=True)


class TestResponses(StreamEndings):
    adapter = Responses()


class TestAsyncResponses(AsyncStreamEndings):
    adapter = Responses()


class TestResponsesStorm(RetryStorm):
    adapter = Responses()
    calls = 60


class TestResponsesCanaries(Canaries):
    adapter = Responses()


class Completions(Chat):
    """Legacy completions."""

    def ask(self, client, model="m", prompt="How are you?"):
        return client.completions.create(model=model, prompt=prompt)

    def open(self, client, model="m", prompt="How are you?"):
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return client.completions.create(model=model, prompt=prompt, **options)


class TestCompletions(StreamEndings):
    adapter = Completions()


class TestAsyncCompletions(AsyncStreamEndings):
    adapter = Completions()


class TestCompletionsCanaries(Canaries):
    adapter = Completions()


class ChatOverAiohttp(Chat):
    """Chat completions by another HTTP library."""

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        return openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            default_headers=headers,
            max_retries=self.retries,
            http_client=openai.DefaultAioHttpClient(),
            **({} if timeout is None else {"timeout": timeout}),
        )


@pytest.mark.skipif(
    find_spec("aiohttp") is None or not CLOSES_WHAT_IS_DROPPED,
    reason="openai[aiohttp] is not installed, or of a release that leaves connections open",
)
class TestAsyncChatOverAiohttp(AsyncStreamEndings):
    adapter = ChatOverAiohttp()
