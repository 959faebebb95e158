"""The same happens through three client libraries: the metrics are the same, but for the provider and its words."""

from __future__ import annotations

import gc

import pytest

from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector, MetricsCollector, measure
from polymeter.events.inference import InferenceCompleted
from polymeter.testing import ManualClock, Provider
from polymeter.testing.provider import RateLimited, Reply, ServerError, Tokens
from tests.sources.anthropic.test_anthropic_endings import Messages
from tests.sources.google_genai.test_google_genai_endings import Contents
from tests.sources.test_openai_endings import Chat

ADAPTERS = {"openai": Chat, "anthropic": Messages, "gcp.gemini": Contents}
WORDS = {"finish_reason", "error_type"}
"""Tags whose values are those of the provider."""
USAGE = Tokens(input=8, output=3, cache_read=4)
TIMES = {"inference.duration_ms", "inference.ttfc_ms", "inference.ttft_ms", "inference.mean_chunk_gap_ms"}
RATES = {"inference.throughput", "inference.throughput.tokens_per_sec", "inference.decode.tokens_per_sec"}
STEPS = [
    Reply("All is well.", usage=USAGE),
    RateLimited(0.001),
    ServerError(retry_after=0.001),
    Reply("All is well again.", usage=USAGE),
    *[ServerError(retry_after=0.001)] * 3,
    Reply(usage=None),
    Reply(chunks=["All ", "is ", "well."], usage=USAGE, first_chunk_after=0.25, chunk_every=0.1),
    Reply(chunks=["All "] * 50, usage=USAGE),
]


class Providers(MetricsCollector):
    calls = measure.counter("calls", on=InferenceCompleted, tags=("provider", "outcome"))


@pytest.fixture(params=list(ADAPTERS))
def through(request, monkeypatch):
    """Run the script through one library; gives the provider's name and what was measured."""
    clock = ManualClock()
    adapter = ADAPTERS[request.param]()

    async def asleep(seconds):
        clock.advance(seconds)

    adapter.wait_on(monkeypatch, clock.advance, asleep)
    with Metrics(clock=clock) as metrics, Provider(clock=clock) as provider:
        metrics.watch(adapter.source()).collect(InferenceMetricsCollector()).collect(Providers())
        provider.script(*STEPS)
        run(adapter, provider.base_url)
        gc.collect()
        assert len(provider.settled()) == len(STEPS)
        yield request.param, metrics


def run(adapter, base_url):
    with adapter.client(base_url) as client:
        adapter.ask(client)
        adapter.ask(client)
        with pytest.raises(Exception, match=r"."):  # each library has a class of its own
            adapter.ask(client)
        adapter.ask(client)
        assert list(adapter.open(client))
        stream = adapter.open(client)
        next(iter(stream))
        adapter.close(stream)


def figures(metrics):
    """Give count and sum of everything by name and the tags that are ours."""
    found = {}
    for metric in metrics.registry.all():
        tags = tuple((tag, text) for tag, text in metric.tags.canonical if tag not in WORDS)
        if metric.name in RATES | TIMES | {"calls"}:
            continue
        figure = (metric.count, metric.sum) if metric.kind.is_distribution else (metric.value,)
        before = found.get((metric.name, tags), (0,) * len(figure))
        found[metric.name, tags] = tuple(a + b for a, b in zip(before, figure, strict=True))
    return found


EXPECTED = {
    ("inference.started", (("model", "m"), ("streamed", "false"))): (4,),
    ("inference.started", (("model", "m"), ("streamed", "true"))): (2,),
    ("inference.active", (("model", "m"), ("streamed", "false"))): (0,),
    ("inference.active", (("model", "m"), ("streamed", "true"))): (0,),
    ("inference.attempts", (("model", "m"), ("streamed", "false"))): (8,),
    ("inference.attempts", (("model", "m"), ("streamed", "true"))): (2,),
    ("inference.attempts.failed", (("http_status", "429"), ("will_retry", "true"))): (1,),
    ("inference.attempts.failed", (("http_status", "500"), ("will_retry", "true"))): (3,),
    ("inference.attempts.failed", (("http_status", "500"), ("will_retry", "false"))): (1,),
    ("inference.completed", (("model", "m"), ("streamed", "false"), ("success", "true"))): (3,),
    ("inference.completed", (("model", "m"), ("streamed", "false"), ("success", "false"))): (1,),
    ("inference.completed", (("model", "m"), ("streamed", "true"), ("success", "true"))): (1,),
    ("inference.completed", (("model", "m"), ("streamed", "true"), ("success", "false"))): (1,),
    ("inference.usage.missing", (("model", "m"), ("streamed", "false"))): (1,),
    ("inference.tokens.input", (("model", "m"), ("streamed", "false"), ("success", "true"))): (2, 24),
    ("inference.tokens.output", (("model", "m"), ("streamed", "false"), ("success", "true"))): (2, 6),
    ("inference.tokens.total", (("model", "m"), ("streamed", "false"), ("success", "true"))): (2, 30),
    ("inference.tokens.input", (("model", "m"), ("streamed", "true"), ("success", "true"))): (1, 12),
    ("inference.tokens.output", (("model", "m"), ("streamed", "true"), ("success", "true"))): (1, 3),
    ("inference.tokens.total", (("model", "m"), ("streamed", "true"), ("success", "true"))): (1, 15),
}


PARTS = ("input", "output", "total")


def test_the_same_script_gives_the_same_metrics(through):
    """Calls, attempts, retries, tokens and what is missing; a stream that was closed early may have reported some."""
    provider, metrics = through
    measured = figures(metrics)
    for key, figure in EXPECTED.items():
        assert measured.get(key) == figure, key
    assert {str(each.tags): each.value for each in metrics.registry.find("calls")} == {
        f'outcome="{outcome}",provider="{provider}"': calls
        for outcome, calls in {"ok": 4, "error": 1, "cancelled": 1}.items()
    }
    extra = {name for name, _ in measured.keys() - EXPECTED.keys()}
    assert extra <= {"inference.usage.tokens", "inference.usage.missing", *(f"inference.tokens.{n}" for n in PARTS)}


def test_times_are_those_of_the_script(through):
    """The whole stream took what the provider was told to take."""
    _, metrics = through
    (whole,) = metrics.registry.find("inference.duration_ms", {"streamed": True, "success": True})
    assert whole.quantile_ms(1) == pytest.approx(450)
