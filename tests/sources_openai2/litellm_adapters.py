"""How the contract of sources talks to LiteLLM."""

from __future__ import annotations

import time
from types import SimpleNamespace

import litellm
import openai

from polymeter.sources import LiteLLMSource, OpenAISource
from polymeter.subscription import Subscription
from tests.sources.contract import Adapter

STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


class Both:
    """The sources of LiteLLM and of the SDK below it, of which the former tells of everything."""

    def __init__(self):
        self.outer, self.inner = LiteLLMSource(), OpenAISource()

    def install(self, events):
        return Subscription.of_all([self.inner.install(events), self.outer.install(events)])

    def health(self):
        inner = self.inner.health()
        assert (inner.started, inner.surprises) == (0, 0)
        return self.outer.health()


class Alone(Adapter):
    """LiteLLM's source only, and LiteLLM's own retries: the SDK below it has none."""

    source = LiteLLMSource
    broken = (openai.APIError,)
    sdk_retries = 0

    def client(self, base_url, *, timeout=None, api_key="test", headers=None):
        return openai.OpenAI(base_url=base_url, api_key=api_key, **self.options(timeout, headers))

    def aclient(self, base_url, *, timeout=None, api_key="test", headers=None):
        return openai.AsyncOpenAI(base_url=base_url, api_key=api_key, **self.options(timeout, headers))

    def options(self, timeout, headers):
        more = {} if timeout is None else {"timeout": timeout}
        return {"default_headers": headers, "max_retries": self.sdk_retries, **more}

    def asked(self, client, model, prompt, **more):
        return {
            "model": f"openai/{model}",
            "messages": [{"role": "user", "content": prompt}],
            "client": client,
            "api_key": client.api_key,
            "timeout": client.timeout,
            "max_retries": self.sdk_retries,
            **more,
        }

    def ask(self, client, model="m", prompt="How are you?"):
        return litellm.completion(**self.asked(client, model, prompt))

    def open(self, client, model="m", prompt="How are you?"):
        return litellm.completion(**self.asked(client, model, prompt, **STREAMED))

    async def aask(self, client, model="m", prompt="How are you?"):
        return await litellm.acompletion(**self.asked(client, model, prompt))

    async def aopen(self, client, model="m", prompt="How are you?"):
        return await litellm.acompletion(**self.asked(client, model, prompt, **STREAMED))

    def close(self, stream):
        """Such a stream has no ``close``; what is closed is the SDK's below it."""
        stream.completion_stream.close()


class Together(Alone):
    """Both sources, and the retries of the SDK."""

    source = Both
    sdk_retries = 2

    def wait_on(self, monkeypatch, sleep, asleep):
        monkeypatch.setattr("openai._base_client.time", SimpleNamespace(sleep=sleep, time=time.time))
        monkeypatch.setattr("openai._base_client.anyio.sleep", asleep)
