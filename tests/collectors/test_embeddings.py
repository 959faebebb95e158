"""EmbeddingsMetricsCollector: by model and outcome, and of embeddings alone."""

from __future__ import annotations

import pytest

from polymeter import Kind
from polymeter.collectors import EmbeddingsMetricsCollector, InferenceMetricsCollector
from polymeter.events.inference import Usage
from tests.collectors.inference_script import calls, ended, written

OK = {"model": "embed-demo", "outcome": "ok"}
ERROR = {"model": "embed-demo", "outcome": "error"}


@pytest.fixture
def measured(metrics):
    metrics.collect(EmbeddingsMetricsCollector())
    more = {"model": "embed-demo", "operation": "embeddings", "duration_ms": 20}
    for event in (*calls(), ended(**more, usage=Usage(input=4), input_count=1, dimensions=256)):
        metrics.events.dispatch(event)
    assert metrics.health().is_well
    return metrics


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("embeddings.calls", Kind.COUNTER, [(OK, 2), (ERROR, 1)]),
        ("embeddings.duration_ms", Kind.TIMER, [(OK, (2, 100)), (ERROR, (1, 40))]),
        ("embeddings.tokens", Kind.HISTOGRAM, [(OK, (2, 260))]),
        ("embeddings.inputs", Kind.HISTOGRAM, [(OK, (2, 3))]),
        ("embeddings.dimensions", Kind.GAUGE, [(OK, 256)]),
    ],
)
def test_what_is_measured(measured, name, kind, expected):
    """What an event does not say is not recorded."""
    assert written(measured, name) == expected
    assert {metric.kind for metric in measured.registry.find(name)} == {kind}


def test_nothing_else(measured):
    """No other call is looked at."""
    names = {metric.name for metric in measured.registry.all()}
    assert names == {f"embeddings.{each}" for each in ("calls", "duration_ms", "tokens", "inputs", "dimensions")}


def test_the_collector_of_all_calls_counts_embeddings_too(metrics):
    """They are calls of a model: the two collectors overlap, and do not disagree."""
    metrics.collect(EmbeddingsMetricsCollector()).collect(InferenceMetricsCollector())
    for event in calls():
        metrics.events.dispatch(event)
    total = metrics.registry.total
    assert total("inference.completed", {"model": "embed-demo"}) == total("embeddings.calls") == 2
    assert total("inference.tokens.input", {"model": "embed-demo"}) == total("embeddings.tokens") == 256
