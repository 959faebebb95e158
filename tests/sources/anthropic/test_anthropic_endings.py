"""The Anthropic source keeps the contract of all sources: ways to end, storms of retries, secrets."""

from __future__ import annotations

import inspect

from polymeter.sources import AnthropicSource
from tests.sources.anthropic.sdk import BROKEN, make, make_async, needs_middleware, wait_on
from tests.sources.contract import Adapter, AsyncStreamEndings, Canaries, RetryStorm, StreamEndings


class Messages(Adapter):
    """Messages."""

    source = AnthropicSource
    broken = BROKEN
    usage_comes_early = True

    def options(self, base_url, timeout, api_key, headers):
        more = {} if timeout is None else {"timeout": timeout}
        more |= {"api_key": api_key, "default_headers": headers, "max_retries": self.retries}
        return {"url": base_url.removesuffix("/v1")} | more

    def client(self, base_url, *, timeout=None, api_key="test", headers=None):
        return make(**self.options(base_url, timeout, api_key, headers))

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        return make_async(**self.options(base_url, timeout, api_key, headers))

    def create(self, client):
        return client.messages.create

    def ask(self, client, model="m", prompt="How are you?", **options):
        messages = [{"role": "user", "content": prompt}]
        return self.create(client)(model=model, max_tokens=100, messages=messages, **options)

    def open(self, client, model="m", prompt="How are you?"):
        return self.ask(client, model, prompt, stream=True)

    async def aask(self, client, model="m", prompt="How are you?"):
        return await self.ask(client, model, prompt)

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await self.open(client, model, prompt)

    def wait_on(self, monkeypatch, sleep, asleep):
        wait_on(monkeypatch, sleep, asleep)


class RawMessages(Messages):
    """Messages whose raw responses come first."""

    def create(self, client):
        return client.messages.with_raw_response.create

    def open(self, client, model="m", prompt="How are you?"):
        return super().open(client, model, prompt).parse()

    async def aopen(self, client, model="m", prompt="How are you?"):
        stream = (await self.ask(client, model, prompt, stream=True)).parse()
        return await stream if inspect.isawaitable(stream) else stream


class MiddlewareMessages(Messages):
    """Messages of a client with a middleware, for which the SDK takes other ways inside."""

    def client(self, base_url, *, timeout=None, api_key="test", headers=None):
        def passes(request, call_next):
            return call_next(request)

        return make(**self.options(base_url, timeout, api_key, headers), middleware=[passes])

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        async def passes(request, call_next):
            return await call_next(request)

        return make_async(**self.options(base_url, timeout, api_key, headers), middleware=[passes])


class TestMessages(StreamEndings):
    adapter = Messages()


class TestAsyncMessages(AsyncStreamEndings):
    adapter = Messages()


class TestMessagesStorm(RetryStorm):
    adapter = Messages()


class TestMessagesCanaries(Canaries):
    adapter = Messages()


class TestRawMessages(StreamEndings):
    adapter = RawMessages()
    test_the_interpreter_exits = None  # as above


class TestAsyncRawMessages(AsyncStreamEndings):
    adapter = RawMessages()


@needs_middleware
class TestMiddlewareMessages(StreamEndings):
    adapter = MiddlewareMessages()
    test_the_interpreter_exits = None


@needs_middleware
class TestAsyncMiddlewareMessages(AsyncStreamEndings):
    adapter = MiddlewareMessages()


@needs_middleware
class TestMiddlewareMessagesStorm(RetryStorm):
    adapter = MiddlewareMessages()
