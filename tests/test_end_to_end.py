"""The main job: real calls through the unmodified SDK become metrics that equal the script's ledger."""

from __future__ import annotations

import openai
import pytest

from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector
from polymeter.exporters import PrometheusExporter
from polymeter.sources import OpenAISource
from polymeter.testing import ManualClock, Provider
from polymeter.testing.provider import RateLimited, Reply, ServerError, Tokens, Unauthorized

QUESTION = [{"role": "user", "content": "Hi"}]
PARTS = ("input", "cache_read", "cache_write", "output", "reasoning")
WITH_USAGE = {"stream_options": {"include_usage": True}}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def metrics(clock):
    with Metrics(clock=clock).watch(OpenAISource()).collect(InferenceMetricsCollector()) as metrics:
        yield metrics


@pytest.fixture
def provider(clock):
    with Provider(clock=clock) as provider:
        yield provider


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=provider.base_url, api_key="test", max_retries=2) as client:
        yield client


def ask(client, model="a", **options):
    return client.chat.completions.create(model=model, messages=QUESTION, **options)


def test_a_scripted_run_is_counted_exactly(metrics, provider, client):
    """Calls, attempts, retries, tokens by class and errors by type."""
    provider.script(
        Reply("plain", usage=Tokens(input=10, output=5)),
        RateLimited(retry_after=0.01),
        ServerError(),
        Reply("third time lucky", usage=Tokens(input=20, cache_read=8, output=6, reasoning=4)),
        Unauthorized(),
        ServerError(),
        ServerError(),
        ServerError(),
        Reply("one two three", usage=Tokens(input=30, output=7)),
        Reply("one two three", usage=None),
        Reply("one two three four", usage=Tokens(input=1, output=1), drop_after_chunks=2),
    )
    ask(client)
    ask(client)
    with pytest.raises(openai.AuthenticationError):
        ask(client)
    with pytest.raises(openai.InternalServerError):
        ask(client)
    list(ask(client, stream=True, **WITH_USAGE))
    list(ask(client, stream=True))
    with pytest.raises(openai.APIConnectionError):
        list(ask(client, stream=True))
    client.embeddings.create(model="e", input="text")

    total = metrics.registry.total
    assert (total("inference.started"), total("inference.completed"), total("inference.active")) == (8, 8, 0)
    ends = {reason: total("inference.completed", {"finish_reason": reason}) for reason in ("stop", "error", "ok")}
    assert ends == {"stop": 4, "error": 3, "ok": 1}
    assert total("inference.attempts") == len(provider.requests) == provider.ledger.total.requests == 12
    assert {str(metric) for metric in metrics.registry.find("inference.attempts.failed")} == {
        'inference.attempts.failed{error_type="RateLimitError",http_status="429",will_retry="true"} 1',
        'inference.attempts.failed{error_type="InternalServerError",http_status="500",will_retry="true"} 3',
        'inference.attempts.failed{error_type="InternalServerError",http_status="500",will_retry="false"} 1',
        'inference.attempts.failed{error_type="AuthenticationError",http_status="401",will_retry="false"} 1',
    }
    tokens = {part: total("inference.usage.tokens", {"model": "a", "token_class": part}) for part in PARTS}
    assert tokens == {"input": 60, "cache_read": 8, "cache_write": 0, "output": 18, "reasoning": 4}
    assert total("inference.tokens.input", {"model": "a"}) == 68
    assert total("inference.tokens.output", {"model": "a"}) == 22
    assert total("inference.usage.missing", {"model": "a"}) == 2  # not asked for, and cut off before it came
    assert metrics.health().is_well


def test_times_follow_the_scripted_pace(metrics, provider, client):
    """To the millisecond: no reading depends on how fast the machine is."""
    provider.script(
        Reply("one two", first_chunk_after=0.25),
        Reply("one two", respond_after=1.5),
    )
    list(ask(client, stream=True))
    ask(client)
    [first_chunk] = metrics.registry.find("inference.ttfc_ms")
    assert (first_chunk.count, first_chunk.mean_ms) == (1, 250)
    durations = {metric.tags["streamed"]: metric.mean_ms for metric in metrics.registry.find("inference.duration_ms")}
    assert durations == {True: 250, False: 1500}


def test_the_scrape_says_the_same(metrics, provider, client):
    """In base units, under Prometheus' names."""
    exporter = PrometheusExporter()
    metrics.export_to(exporter)
    provider.script(Reply("Hello", usage=Tokens(input=10, output=5), respond_after=1.5))
    ask(client)
    tags = '{finish_reason="stop",model="a",streamed="false",success="true"}'
    lines = exporter.render().splitlines()
    assert f"inference_completed_total{tags} 1" in lines
    assert f"inference_duration_seconds_sum{tags} 1.5" in lines
    assert f"inference_input_tokens_sum{tags} 10" in lines
