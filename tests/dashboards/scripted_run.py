"""A run in which everything happens that a panel shows or an alert warns of."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import openai

from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector
from polymeter.errors import ExportError
from polymeter.events.inference import InferenceStarted
from polymeter.exporters import CallbackExporter, PrometheusExporter
from polymeter.sources import OpenAISource
from polymeter.testing import ManualClock, Provider
from polymeter.testing.provider import BadRequest, RateLimited, Reply, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_USAGE = {"stream_options": {"include_usage": True}}
SLOW = 90.0
"""Seconds that the slow model takes, on a clock that is moved by hand."""


class Run:
    """An application with calls of every kind, and with everything broken that can break beside them.

    :ivar exporter: renders what is known by now.
    """

    def __init__(self, metrics: Metrics, provider: Provider, client: openai.OpenAI) -> None:
        self.exporter = PrometheusExporter()
        self._metrics = metrics.export_to(self.exporter).export_to(CallbackExporter(_break))
        self._provider = provider
        self._client = client
        self._users = 0
        metrics.registry.define("logins", "counter", budget=2)
        metrics.events.add_listener(InferenceStarted, _break)
        metrics.watch(_BrokenSource())

    def go_on(self) -> None:
        """Do as much of everything as each alert needs to be sure: each kind of call twelve times."""
        for _ in range(12):
            self._call("good", Reply("a b", usage=Tokens(input=20, output=10, cache_read=5), finish_reason="stop"))
            self._call("bad", BadRequest())
            self._call("busy", RateLimited(retry_after=0.01), RateLimited(retry_after=0.01), Reply("c"))
            self._call("slow", Reply("d e", usage=Tokens(input=8, output=6, reasoning=2), respond_after=SLOW))
            self._stream("good", Reply("f g h", usage=Tokens(input=9, output=3), first_chunk_after=0.5), **WITH_USAGE)
            self._stream("silent", Reply("i j", usage=None))
            self._users += 1
            self._metrics.registry.counter("logins", {"user": f"user {self._users}"})
            self._metrics.registry.counter("logins", increment=-1)
            self._metrics.registry.exemplar("counter", "logins", 1, {"trace_id": "too long" * 20})
            with suppress(ExportError):
                self._metrics.export()

    @contextmanager
    def stuck_call(self) -> Iterator[None]:
        """Have a call in flight during a ``with`` block."""
        self._provider.script(Reply("k l m"))
        with self._client.chat.completions.create(model="stuck", messages=[], stream=True):
            yield

    def _call(self, model: str, *steps: object) -> None:
        self._provider.script(*steps)
        with suppress(openai.APIError):
            self._client.chat.completions.create(model=model, messages=[])

    def _stream(self, model: str, reply: Reply, **options: object) -> None:
        self._provider.script(reply)
        for _ in self._client.chat.completions.create(model=model, messages=[], stream=True, **options):
            pass


@contextmanager
def running() -> Iterator[Run]:
    """Give a run for a ``with`` block."""
    clock = ManualClock()
    with ExitStack() as stack:
        provider = stack.enter_context(Provider(clock=clock))
        client = stack.enter_context(openai.OpenAI(base_url=provider.base_url, api_key="test", max_retries=2))
        metrics = stack.enter_context(Metrics(clock=clock))
        yield Run(metrics.watch(OpenAISource()).collect(InferenceMetricsCollector()), provider, client)


def _break(_: object) -> None:
    raise OSError


class _BrokenSource:
    """A polled source whose library does not answer."""

    def poll(self, events: object) -> None:
        raise OSError
