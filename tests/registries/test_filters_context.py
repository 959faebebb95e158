"""Tags from the context: on the metrics that ask for them, and nowhere else."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from dataclasses import dataclass

import pytest

from polymeter import InvalidTagsError, Metrics, context_tags
from polymeter.collectors import MetricsCollector, measure, on
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.registries.filters import CommonTags, ContextTags, Deny, DropTags, RenameTag
from polymeter.registries.series import CounterSeries
from polymeter.testing.clock import ManualClock

REGISTRIES = {
    "aggregating": AggregatingRegistry,
    "in_memory": InMemoryRegistry,
    "windowed": WindowedRegistry,
    "composite": lambda filters: CompositeRegistry(AggregatingRegistry(), WindowedRegistry(), filters=filters),
}
KEEPING = pytest.mark.parametrize("make", REGISTRIES.values(), ids=REGISTRIES.keys())


@dataclass(slots=True, kw_only=True)
class Served:
    route: str
    took_ms: float
    trace_id: str | None = None
    at: float | None = None


class Collector(MetricsCollector):
    served = measure.counter("served", on=Served, tags=("route",), exemplar="trace_id")
    took = measure.timer("took", on=Served, value="took_ms", tags=("route",))
    plain = measure.counter("plain", on=Served, tags=("route",))

    @on(Served)
    def by_hand(self, event):
        self.gauge("last", event.took_ms, {"route": event.route})


def shown(registry, *names):
    return sorted(
        str(metric) for metric in registry.snapshot() if metric.name in (names or {metric.name}) and metric.value
    )


@KEEPING
def test_a_tag_of_the_context_is_on_the_metrics_that_allow_it(make):
    registry = make(filters=[ContextTags("tenant", metrics=["calls", "wait"])])
    with context_tags(tenant="acme", request_id="r1"):
        registry.counter("calls", {"ok": True})
        registry.counter("other", {"ok": True})
    registry.counter("calls", {"ok": True})
    assert shown(registry, "calls", "other") == [
        'calls{ok="true",tenant="acme"} 1',
        'calls{ok="true"} 1',
        'other{ok="true"} 1',
    ]


@KEEPING
def test_what_is_not_allowed_adds_no_series(make):
    registry = make(filters=[ContextTags("tenant", metrics="calls")])
    for number in range(50):
        with context_tags(request_id=number):
            registry.counter("calls")
            registry.counter("other")
    assert {(metric.name, str(metric.tags)) for metric in registry.snapshot() if metric.name in {"calls", "other"}} == {
        ("calls", ""),
        ("other", ""),
    }


def test_where_no_metric_asks_nothing_is_any_different():
    registry = AggregatingRegistry(filters=[ContextTags("tenant", metrics="http.*")])
    assert type(registry.bind("counter", "calls")) is CounterSeries
    assert type(registry.bind("counter", "http.calls")) is not CounterSeries


@KEEPING
def test_inner_blocks_hold_and_a_record_knows_best(make):
    registry = make(filters=[ContextTags("tenant", "zone"), CommonTags({"tenant": "nobody"})])
    with context_tags(tenant="a", zone=1):
        with context_tags({"tenant": "b"}):
            registry.counter("calls")
        registry.counter("calls", {"tenant": "c"})
        registry.counter("calls")
    registry.counter("calls")
    assert shown(registry, "calls") == [
        'calls{tenant="a",zone="1"} 1',
        'calls{tenant="b",zone="1"} 1',
        'calls{tenant="c",zone="1"} 1',
        'calls{tenant="nobody"} 1',
    ]


@KEEPING
def test_filters_after_it_see_tags_of_the_context_like_all_others(make):
    registry = make(filters=[ContextTags("tenant"), RenameTag("tenant", "who"), Deny("*", tags={"who": "test*"})])
    for tenant in ("acme", "tests"):
        with context_tags(tenant=tenant):
            registry.counter("calls")
    assert shown(registry, "calls") == ['calls{who="acme"} 1']
    assert registry.health().denied == 1


@KEEPING
def test_what_is_bound_records_in_the_context_of_each_record(make):
    registry = make(filters=[ContextTags("tenant")])
    calls, wait = registry.bind("counter", "calls", {"k": 1}), registry.bind("timer", "wait")
    level = registry.bind("gauge", "level")
    assert shown(registry, "calls", "wait", "level") == []
    for tenant in "ab":
        with context_tags(tenant=tenant):
            calls.add(2)
            wait.record(3)
            level.set(4, at=1.0)
            calls.exemplar(1, {"trace_id": tenant})
            assert (calls.value, calls.name, calls.kind, dict(calls.tags)) == (
                2,
                "calls",
                "counter",
                {"k": 1, "tenant": tenant},
            )
            assert str(calls.freeze()) == f'calls{{k="1",tenant="{tenant}"}} 2'
            assert registry.get("calls", {"k": 1, "tenant": tenant}).exemplars[0].labels == {"trace_id": tenant}
    calls.add()
    assert shown(registry, "calls", "wait", "level") == [
        'calls{k="1",tenant="a"} 2',
        'calls{k="1",tenant="b"} 2',
        'calls{k="1"} 1',
        'level{tenant="a"} 4',
        'level{tenant="b"} 4',
        'wait{tenant="a"} 3.0',
        'wait{tenant="b"} 3.0',
    ]


@KEEPING
def test_events_are_measured_in_the_context_in_which_they_were_dispatched(make):
    """Whatever the context is when their rows are drained."""
    metrics = Metrics(
        registry=make(filters=[ContextTags("tenant", metrics=["served", "last"]), DropTags("route", metrics="took")])
    )
    metrics.collect(Collector())
    for tenant in ("a", "b", "a"):
        with context_tags(tenant=tenant, request_id=object()):
            metrics.events.dispatch(Served(route="/", took_ms=5, trace_id=f"of {tenant}", at=1e9))
    with context_tags(tenant="reader"):
        assert shown(metrics.registry, "served", "took", "plain", "last") == [
            'last{route="/",tenant="a"} 5',
            'last{route="/",tenant="b"} 5',
            'plain{route="/"} 3',
            'served{route="/",tenant="a"} 2',
            'served{route="/",tenant="b"} 1',
            "took 5.0",
        ]
        (exemplar,) = metrics.registry.get("served", {"route": "/", "tenant": "b"}).exemplars
        assert exemplar.labels == {"trace_id": "of b"}


def test_records_of_a_time_keep_it():
    clock = ManualClock(1000.0)
    registry = WindowedRegistry(seconds=10, clock=clock, filters=[ContextTags("tenant")])
    record = registry.recorder_at("counter", "calls")
    clock.advance(100)
    with context_tags(tenant="a"):
        record(3, 1005.0)
    (first, *_) = registry.windows("calls", {"tenant": "a"})
    assert (first.start, first.metric.value) == (1000.0, 3)


@KEEPING
def test_threads_and_tasks_do_not_mix(make):
    registry = make(filters=[ContextTags("tenant")])
    metrics = Metrics(registry=registry).collect(Collector())
    bound = registry.bind("counter", "bound")
    workers, times = 8, 50

    async def task(tenant):
        with context_tags(tenant=tenant):
            for _ in range(times):
                registry.counter("by_name")
                await asyncio.sleep(0)
                bound.add()
                metrics.events.dispatch(Served(route="/", took_ms=1))

    async def tasks(thread):
        await asyncio.gather(*(task(f"{thread}.{number}") for number in range(3)))

    threads = [threading.Thread(target=lambda number=number: asyncio.run(tasks(number))) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("by_name", "bound", "served"):
        counts = {str(metric.tags["tenant"]): metric.value for metric in registry.snapshot() if metric.name == name}
        assert counts == {f"{thread}.{number}": times for thread in range(workers) for number in range(3)}


@KEEPING
@pytest.mark.parametrize("value", [object(), [1], float("nan")])
def test_a_value_that_no_tag_can_have_raises_nowhere_and_is_counted(make, value):
    registry = make(filters=[ContextTags("tenant", metrics=["calls", "bound", "served"])])
    metrics = Metrics(registry=registry).collect(Collector())
    bound = registry.bind("counter", "bound")
    with context_tags(tenant=value):
        registry.counter("calls")
        registry.counter("other")
        bound.add()
        metrics.events.dispatch(Served(route="/", took_ms=1))
    health = registry.health()
    assert dict(health.invalid_by) == {("calls", "tags"): 1, ("bound", "tags"): 1, ("served", "tags"): 1}
    assert registry.total("other") == registry.total("plain") == 1


def test_names_are_checked_where_they_are_written():
    with pytest.raises(InvalidTagsError, match="tag name 3 is not"):
        context_tags({3: "x"})
    with pytest.raises(InvalidTagsError, match="use context_tags"):
        context_tags("tenant")


def test_one_block_may_be_entered_again_and_inside_of_itself():
    registry = AggregatingRegistry(filters=[ContextTags("tenant")])
    block = context_tags(tenant="a")
    with block, block:
        pass
    with block:
        registry.counter("calls")
    registry.counter("calls")
    assert shown(registry, "calls") == ["calls 1", 'calls{tenant="a"} 1']


def test_a_block_that_ends_in_another_context_harms_nobody():
    def generator():
        with context_tags(tenant="a"):
            yield

    begun = generator()
    contextvars.copy_context().run(next, begun)
    begun.close()


def test_ever_new_values_of_the_context_are_bound_by_the_budget():
    registry = AggregatingRegistry(filters=[ContextTags("tenant")], budget=10)
    for number in range(100):
        with context_tags(tenant=number):
            registry.counter("calls")
    assert registry.total("calls") == 100
    assert registry.total("calls", {"tenant": "__other__"}) == 90


@pytest.mark.parametrize("make", [AggregatingRegistry, WindowedRegistry])
def test_declared_domains_may_name_what_the_context_has(make):
    registry = make(filters=[ContextTags("tenant")])
    registry.define("calls", "counter", domains={"tenant": ("a", "b")})
    with context_tags(tenant="b"):
        registry.counter("calls")
    assert [(metric.tags["tenant"], metric.value) for metric in registry.all()] == [("a", 0), ("b", 1)]
