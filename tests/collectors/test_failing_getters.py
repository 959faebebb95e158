"""A getter that fails fails its own metric alone."""

from __future__ import annotations

import pytest

from polymeter.collectors import MetricsCollector, measure
from tests.collectors.vocabulary import TurnFinished, Untyped


def boom(_event):
    raise ValueError("secret")


class Failing(MetricsCollector):
    first = measure.counter("first", on=TurnFinished, tags=("model",))
    value = measure.histogram("value", on=TurnFinished, value=boom, tags=("model",))
    when = measure.counter("when", on=TurnFinished, when=boom, tags=("model",))
    tag = measure.counter("tag", on=TurnFinished, tags={"model": "model", "tag": boom})
    path = measure.counter("path", on=TurnFinished, value="tag.missing", tags=("model",))
    unhashable = measure.counter("unhashable", on=TurnFinished, tags=("tag",))
    last = measure.timer("last", on=TurnFinished, value="duration_ms", tags=("model",))


@pytest.fixture
def registry(metrics):
    metrics.collect(Failing())
    for _ in range(3):
        metrics.events.dispatch(TurnFinished(tag=["a list"]))
    return metrics.registry


def test_the_others_are_recorded(registry):
    """Those before and after, with the same tags or others."""
    assert {metric.name for metric in registry.all()} == {"first", "last"}
    assert registry.total("first") == 3
    assert registry.get("last", {"model": "m"}).count == 3


def test_each_failure_is_counted_under_its_metric(registry):
    """With the reason."""
    invalid = dict(registry.health().invalid_by)
    assert {name: count for (name, reason), count in invalid.items() if reason == "getter"} == {
        "value": 3,
        "when": 3,
        "tag": 3,
        "path": 3,
    }
    assert invalid["unhashable", "tags"] == 3


def test_the_listener_did_not_fail(metrics, registry):
    """So it is never held back; the failures are among the self-metrics."""
    (health,) = metrics.health().listeners
    assert (health.handled, health.failed) == (3, 0)
    invalid = {metric.tags: metric.value for metric in metrics.snapshot().by_name("polymeter.records.invalid")}
    assert {(tags["metric"], tags["reason"]) for tags in invalid} >= {("value", "getter"), ("tag", "getter")}


def test_a_field_that_only_some_events_have_fails_for_the_others(metrics):
    """Where the class does not say what there is."""
    metrics.collect(type("C", (MetricsCollector,), {"size": measure.counter("size", on=Untyped, value="size")})())
    event = Untyped()
    metrics.events.dispatch(event)
    event.size = 7
    metrics.events.dispatch(event)
    assert metrics.registry.total("size") == 7
    assert dict(metrics.registry.health().invalid_by) == {("size", "getter"): 1}


def test_what_interrupts_passes_through(metrics):
    """A getter is no place to catch Ctrl-C."""

    def interrupted(_event):
        raise KeyboardInterrupt

    metrics.collect(
        type("C", (MetricsCollector,), {"size": measure.counter("size", on=TurnFinished, value=interrupted)})()
    )
    with pytest.raises(KeyboardInterrupt):
        metrics.events.dispatch(TurnFinished())


def test_a_time_that_cannot_be_read_is_one_that_is_not_said(metrics):
    """The metrics are recorded as those of now."""

    class Timeless:
        """An event whose clock is broken."""

        level: int = 3

        @property
        def at(self) -> float:
            raise ValueError

    declared = {
        "level": measure.gauge("level", on=Timeless, value="level"),
        "count": measure.counter("count", on=Timeless),
    }
    metrics.collect(type("C", (MetricsCollector,), declared)())
    metrics.events.dispatch(Timeless())
    assert (metrics.registry.total("count"), metrics.registry.total("level")) == (1, 3)
    assert metrics.registry.health().invalid == 0
