"""Any records, split over any writers that tell in any order, are what one registry has that heard all of them."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Kind
from polymeter.registries import AggregatingRegistry
from polymeter.registries.redis.registry import RedisRegistry
from polymeter.registries.redis.wire import identity_of, metric_of, to_json, whole_of
from polymeter.testing import ManualClock
from tests.strategies import KINDS, numbers

COUNTS = [Kind.COUNTER, Kind.UP_DOWN, Kind.HISTOGRAM, Kind.TIMER]
records = st.lists(
    st.one_of(
        st.tuples(st.just("flush"), st.integers(0, 2), st.none(), st.none()),
        st.tuples(st.sampled_from(COUNTS), st.integers(0, 2), numbers, st.sampled_from(["a", "b"])),
        st.tuples(st.sampled_from(COUNTS), st.integers(0, 2), st.integers(0, 5), st.sampled_from(["a", "b"])),
    ),
    max_size=25,
)


def close_to(ours, theirs, scale):
    return ours == theirs or abs(ours - theirs) <= 1e-12 * scale


@pytest.mark.parametrize("keep", [None, True])
@given(records=records)
def test_however_records_are_split_the_view_is_that_of_one_registry(redis, records, keep):
    clock = ManualClock()
    alone = AggregatingRegistry(clock=clock)
    app = uuid.uuid4().hex
    writers = [RedisRegistry(redis.url, app=app, interval=3600, clock=clock) for _ in range(3)]
    for registry in (alone, *writers):
        registry.define("histogram", "histogram", buckets=(1, 5))
        registry.define("up_down", "up_down", keep=keep)
    try:
        scale = 1.0 + sum(record_into(alone, writers, *record) for record in records)
        for writer in writers:
            assert writer.flush()
        for writer in writers[:2]:
            theirs = {metric.key: metric for metric in writer.all()}
            assert theirs.keys() == {metric.key for metric in alone.all()}
            for metric in alone.all():
                assert_same(metric, theirs[metric.key], scale)
    finally:
        for writer in writers:
            writer.close()


def record_into(alone, writers, kind, writer, value, tag):
    """Do what is drawn; give the magnitude of the value."""
    if kind == "flush":
        writers[writer].flush()
        return 0
    for registry in (alone, writers[writer]):
        if kind is Kind.COUNTER:
            registry.counter("counter", {"tag": tag}, value)
        else:
            getattr(registry, kind)(str(kind), value, {"tag": tag})
    return abs(float(value))


def assert_same(metric, other, scale):
    if metric.kind.is_distribution:
        mine, theirs = metric.distribution, other.distribution
        assert close_to(mine.sum, theirs.sum, scale)
        assert mine.replaced(total=theirs.total) == theirs
    else:
        assert close_to(metric.value, other.value, scale)
        assert metric.total.integers == other.total.integers


@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_is_read_as_it_was_written(kind, data):
    """As a process says it for itself: exactly."""
    registry = AggregatingRegistry(clock=ManualClock())
    registry.define("metric", kind, buckets=(1, 5) if kind.is_distribution else None)
    for value in data.draw(st.lists(numbers, max_size=8)):
        if kind is Kind.COUNTER:
            registry.counter("metric", {"a": 1}, value)
            registry.exemplar("counter", "metric", value, {"trace_id": "é"}, {"a": 1})
        else:
            getattr(registry, kind)("metric", value, {"a": 1})
            registry.exemplar(kind, "metric", value, {"trace_id": "a"}, {"a": 1})
    for metric in registry.all():
        assert metric_of(identity_of(metric), to_json(whole_of(metric))) == metric
