"""ABSENT: a tag that some of the series of a metric have, and others do not."""

from __future__ import annotations

import pytest

from polymeter.collectors import ABSENT, MetricsCollector, measure
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock
from tests.collectors.vocabulary import TurnFinished


def tag(event):
    return ABSENT if event.tag is None else event.tag


class ByTag(MetricsCollector):
    turns = measure.counter("turns", on=TurnFinished, tags={"model": "model", "tag": tag})
    wait = measure.timer("wait_ms", on=TurnFinished, value="duration_ms", tags={"model": "model", "tag": tag})
    bare = measure.counter("bare", on=TurnFinished, tags={"tag": tag}, exemplar="model")


REGISTRIES = [
    AggregatingRegistry,
    InMemoryRegistry,
    WindowedRegistry,
    lambda clock: CompositeRegistry(AggregatingRegistry(clock=clock), InMemoryRegistry(clock=clock)),
]


@pytest.mark.parametrize("make", REGISTRIES, ids=["aggregating", "in memory", "windowed", "composite"])
def test_a_tag_that_is_absent_is_no_tag_of_that_series(make):
    """In every registry; that is not the same as ``None``, which reads unknown, nor as an empty text."""
    clock = ManualClock()
    metrics = Metrics(registry=make(clock=clock), clock=clock).collect(ByTag())
    for value in (None, "a", "", None, "unknown"):
        metrics.events.dispatch(TurnFinished(model="m", duration_ms=10, tag=value))
    assert metrics.registry.total("turns") == metrics.registry.total("bare") == 5
    texts = sorted({str(metric.tags) for metric in metrics.registry.find("turns")})
    assert texts == ['model="m"', 'model="m",tag=""', 'model="m",tag="a"', 'model="m",tag="unknown"']
    assert "" in {str(metric.tags) for metric in metrics.registry.find("bare")}
    assert metrics.registry.total("wait_ms", {"model": "m"}) == 50
    assert metrics.health().is_well


def test_it_says_what_it_is():
    assert repr(ABSENT) == "ABSENT"
