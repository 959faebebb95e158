"""What is nobody's business is in no event, no metric, no log line and no error of ours."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import pytest

from polymeter.collectors import InferenceMetricsCollector
from polymeter.events.inference import InferenceCompleted
from polymeter.registries import AggregatingRegistry
from polymeter.testing.provider import Reply, Unauthorized
from tests.sources.contract.base import Contract

SECRETS = {
    "prompt": "canary-prompt",
    "completion": "canary-completion",
    "key": "sk-canary-key",
    "header": "canary-header",
    "error": "canary-error",
}


class Canaries(Contract):
    """Secrets are planted where users have them, and looked for wherever we say anything."""

    registry_of = AggregatingRegistry

    @pytest.fixture
    def registry(self, ear):
        registry = self.registry_of()
        with InferenceMetricsCollector().register(ear.dispatcher, registry):
            yield registry

    @pytest.fixture
    def options(self):
        return {"api_key": SECRETS["key"], "headers": {"x-secret": SECRETS["header"]}}

    @pytest.fixture(autouse=True)
    def nothing_leaks(self, ear, source, provider, registry, caplog):
        caplog.set_level(logging.DEBUG, logger="polymeter")
        provider.script(
            Reply(SECRETS["completion"], usage=self.adapter.tokens),
            Reply(SECRETS["completion"], usage=self.adapter.tokens),
            Unauthorized(message=SECRETS["error"]),
        )
        yield
        assert ear.outcomes == ["ok", "ok", "error"]
        ours = [record.getMessage() for record in caplog.records if record.name.startswith("polymeter")]
        metrics = [metric.to_dict() for metric in registry.snapshot()]
        assert metrics
        said = "\n".join(map(repr, [ear.events, source.health(), source, metrics, ours]))
        assert {name for name, secret in SECRETS.items() if secret in said} == set()
        url = urlsplit(provider.base_url)
        assert provider.base_url not in said
        assert f":{url.port}" not in said
        assert {event.server_address for event in ear.all(InferenceCompleted)} <= {None, url.hostname}

    def test_synchronous_calls_keep_their_secrets(self, provider, options):
        with self.adapter.client(provider.base_url, **options) as client:
            self.adapter.ask(client, prompt=SECRETS["prompt"])
            list(self.adapter.open(client, prompt=SECRETS["prompt"]))
            with pytest.raises(Exception, match=SECRETS["error"]):
                self.adapter.ask(client, prompt=SECRETS["prompt"])

    def test_asynchronous_calls_keep_their_secrets(self, provider, options):
        async def job():
            async with self.adapter.aclient(provider.base_url, **options) as client:
                await self.adapter.aask(client, prompt=SECRETS["prompt"])
                async for _ in await self.adapter.aopen(client, prompt=SECRETS["prompt"]):
                    pass
                with pytest.raises(Exception, match=SECRETS["error"]):
                    await self.adapter.aask(client, prompt=SECRETS["prompt"])

        asyncio.run(job())
