"""One script of what a provider does and a program asks, and the metrics that it gives, whatever library is between."""

from __future__ import annotations

import gc
from contextlib import contextmanager

import pytest

from polymeter import Metrics
from polymeter.collectors import InferenceMetricsCollector, MetricsCollector, measure
from polymeter.events.inference import InferenceCompleted
from polymeter.testing import ManualClock, Provider
from polymeter.testing.provider import RateLimited, Reply, ServerError, Tokens

USAGE = Tokens(input=8, output=3, cache_read=4)
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

WHOLE, STREAMED = {"model": "m", "streamed": "false"}, {"model": "m", "streamed": "true"}
EXPECTED = [
    ("inference.started", WHOLE, 4),
    ("inference.started", STREAMED, 2),
    ("inference.active", WHOLE, 0),
    ("inference.active", STREAMED, 0),
    ("inference.attempts", WHOLE, 8),
    ("inference.attempts", STREAMED, 2),
    ("inference.attempts.failed", {"http_status": "429", "will_retry": "true"}, 1),
    ("inference.attempts.failed", {"http_status": "500", "will_retry": "true"}, 3),
    ("inference.attempts.failed", {"http_status": "500", "will_retry": "false"}, 1),
    ("inference.completed", WHOLE | {"success": "true"}, 3),
    ("inference.completed", WHOLE | {"success": "false"}, 1),
    ("inference.completed", STREAMED | {"success": "true"}, 1),
    ("inference.completed", STREAMED | {"success": "false"}, 1),
    ("inference.usage.missing", WHOLE, 1),
    ("inference.tokens.input", WHOLE | {"success": "true"}, (2, 24)),
    ("inference.tokens.output", WHOLE | {"success": "true"}, (2, 6)),
    ("inference.tokens.total", WHOLE | {"success": "true"}, (2, 30)),
    ("inference.tokens.input", STREAMED | {"success": "true"}, (1, 12)),
    ("inference.tokens.output", STREAMED | {"success": "true"}, (1, 3)),
    ("inference.tokens.total", STREAMED | {"success": "true"}, (1, 15)),
]
"""Name, tags, and value, or count and sum."""

OUTCOMES = {"ok": 4, "error": 1, "cancelled": 1}
STREAM_MS = 450  # what the provider is told to take for the stream that is read to its end

WORDS = {"finish_reason", "error_type"}
"""Tags whose values are those of the provider."""
TIMES = {"inference.duration_ms", "inference.ttfc_ms", "inference.ttft_ms", "inference.mean_chunk_gap_ms"}
RATES = {"inference.throughput", "inference.throughput.tokens_per_sec", "inference.decode.tokens_per_sec"}
MAYBE = {"inference.usage.tokens", "inference.usage.missing"} | {name for name, *_ in EXPECTED if ".tokens." in name}
"""Also of the stream that was closed early: some providers had reported usage by then."""


class _Providers(MetricsCollector):
    calls = measure.counter("calls", on=InferenceCompleted, tags=("provider", "outcome"))


@contextmanager
def played(adapter, monkeypatch):
    """Run the script through the library of ``adapter``; gives what was measured."""
    clock = ManualClock()

    async def asleep(seconds):
        clock.advance(seconds)

    adapter.wait_on(monkeypatch, clock.advance, asleep)
    with Metrics(clock=clock) as metrics, Provider(clock=clock) as provider:
        metrics.watch(adapter.source()).collect(InferenceMetricsCollector()).collect(_Providers())
        provider.script(*STEPS)
        with adapter.client(provider.base_url) as client:
            _ask(adapter, client)
        gc.collect()
        assert len(provider.settled()) == len(STEPS)
        yield metrics


def _ask(adapter, client):
    adapter.ask(client)
    adapter.ask(client)
    with pytest.raises(Exception, match=r"."):  # each library has a class of its own
        adapter.ask(client)
    adapter.ask(client)
    assert list(adapter.open(client))
    stream = adapter.open(client)
    next(iter(stream))
    adapter.close(stream)


def check_figures(metrics, provider):
    """Calls, attempts, retries, tokens and what is missing are those of the script, and nothing else is there.

    :param provider: the value of its tag.
    """
    measured = _figures(metrics)
    expected = {(name, tuple(tags.items())): figure for name, tags, figure in EXPECTED}
    assert {key: measured.get(key) for key in expected} == expected
    assert {name for name, _ in measured.keys() - expected.keys()} <= MAYBE
    assert {str(each.tags): each.value for each in metrics.registry.find("calls")} == {
        f'outcome="{outcome}",provider="{provider}"': calls for outcome, calls in OUTCOMES.items()
    }


def check_times(metrics):
    """The whole stream took what the provider was told to take."""
    (whole,) = metrics.registry.find("inference.duration_ms", {"streamed": True, "success": True})
    assert whole.quantile_ms(1) == pytest.approx(STREAM_MS)


def _figures(metrics):
    """Give value, or count and sum, of everything that is no time, by name and those tags that are ours."""
    found = {}
    for metric in metrics.registry.all():
        if metric.name in RATES | TIMES | {"calls"}:
            continue
        key = metric.name, tuple((tag, text) for tag, text in metric.tags.canonical if tag not in WORDS)
        figure, before = (metric.count, metric.sum) if metric.kind.is_distribution else metric.value, found.get(key)
        if before is not None:  # they differ in such a word
            figure = tuple(map(sum, zip(before, figure, strict=True))) if isinstance(figure, tuple) else before + figure
        found[key] = figure
    return found
