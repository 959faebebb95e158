"""The Google GenAI source keeps the contract of all sources: ways to end, storms of retries, secrets."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import tenacity

from polymeter.events.usage import Usage
from polymeter.sources import GoogleGenAISource
from polymeter.testing.provider import Disconnect, Hang, Tokens
from tests.sources.contract import Adapter, AsyncStreamEndings, Canaries, RetryStorm, StreamEndings
from tests.sources.contract.storm import FATES
from tests.sources.google_genai.sdk import HTTP, RETRIES, ask, making, making_async, quiet, recent, stream, types

aiohttp = pytest.importorskip("aiohttp")
pytestmark = quiet


class Contents(Adapter):
    """Contents; asynchronous calls go over aiohttp."""

    source = GoogleGenAISource
    broken = (HTTP.TransportError, aiohttp.ClientError)
    tokens = Tokens(input=8, output=3, cache_read=4, reasoning=2)
    usage = Usage(input=8, output=3, cache_read=4, reasoning=2)
    usage_comes_early = True
    lazy = True
    httpx = False

    def options(self, base_url, timeout, api_key, headers):
        more = {} if timeout is None else {"timeout": int(timeout * 1000)}
        here = {"url": base_url.removesuffix("/v1"), "api_key": api_key, "headers": headers, "httpx": self.httpx}
        return here | {"retry_options": RETRIES} | more

    def client(self, base_url, *, timeout=None, api_key="test", headers=None):
        return making(**self.options(base_url, timeout, api_key, headers))

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        return making_async(**self.options(base_url, timeout, api_key, headers))

    def ask(self, client, model="m", prompt="How are you?"):
        return ask(client, model, prompt)

    def open(self, client, model="m", prompt="How are you?"):
        return stream(client, model, prompt)

    async def aask(self, client, model="m", prompt="How are you?"):
        return await ask(client, model, prompt)

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await stream(client, model, prompt)

    def wait_on(self, monkeypatch, sleep, asleep):
        monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=sleep))
        init = tenacity.AsyncRetrying.__init__
        monkeypatch.setattr(init, "__defaults__", (asleep, *init.__defaults__[1:]))


class OverHttpx(Contents):
    """Asynchronous calls over the library of the synchronous ones."""

    httpx = True


class Chats(Contents):
    """Messages of chats, whose streams have more generators around them."""

    def ask(self, client, model="m", prompt="How are you?"):
        return client.chats.create(model=model).send_message(prompt)

    def open(self, client, model="m", prompt="How are you?"):
        return client.chats.create(model=model).send_message_stream(prompt)

    async def aask(self, client, model="m", prompt="How are you?"):
        return await self.ask(client, model, prompt)

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await self.open(client, model, prompt)


class Functions(Contents):
    """Contents with a function that the SDK would call by itself."""

    def config(self):
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            return a + b

        return types.GenerateContentConfig(tools=[add])

    def open(self, client, model="m", prompt="How are you?"):
        return client.models.generate_content_stream(model=model, contents=prompt, config=self.config())

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await self.open(client, model, prompt)


class TestContents(StreamEndings):
    adapter = Contents()


class TestAsyncContents(AsyncStreamEndings):
    adapter = Contents()


@recent
class TestAsyncContentsOverHttpx(AsyncStreamEndings):
    adapter = OverHttpx()


class TestContentsCanaries(Canaries):
    adapter = Contents()


class TestChats(StreamEndings):
    adapter = Chats()


class TestAsyncChats(AsyncStreamEndings):
    adapter = Chats()


class TestChatsCanaries(Canaries):
    adapter = Chats()


class TestFunctions(StreamEndings):
    adapter = Functions()
    test_the_interpreter_exits = None  # as with contents, and the SDK takes long to import


class TestAsyncFunctions(AsyncStreamEndings):
    adapter = Functions()


class Storm(RetryStorm):
    """What the SDK repeats depends on the library below: httpx breaks and it gives up, aiohttp waits and it does."""

    @pytest.fixture
    def fates(self, provider, request):
        over_aiohttp = "tasks" in request.function.__name__ and not self.adapter.httpx
        final = Hang if over_aiohttp else Disconnect
        weights, kinds = zip(*FATES, strict=True)
        fates = {}
        for number, makes in enumerate(random.Random(5).choices(kinds, weights, k=self.calls)):
            steps = [make() for make in makes]
            last = next((place for place, step in enumerate(steps) if isinstance(step, final)), len(steps))
            fates[f"m{number}"] = steps[: last + 1]
        for model, steps in fates.items():
            provider.script(*steps, model=model)
        return fates


class TestContentsStorm(Storm):
    adapter = Contents()


@recent
class TestContentsStormOverHttpx(Storm):
    adapter = OverHttpx()
