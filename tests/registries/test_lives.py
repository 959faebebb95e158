"""Series that end and begin again, and those who follow them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import DefinitionError, Metrics
from polymeter.exporters import CallbackExporter
from polymeter.registries import AggregatingRegistry
from polymeter.testing import ManualClock


@pytest.fixture
def registry(clock):
    return AggregatingRegistry(clock=clock, expire_after=60)


def test_a_series_that_nobody_records_on_ends(registry, clock):
    """Its total stays in the total of the name."""
    registry.counter("calls", {"user": "a"}, 5)
    len(registry)  # idle time is counted from when a record was first read
    clock.advance(30)
    registry.counter("calls", {"user": "b"}, 2)
    len(registry)
    clock.advance(45)
    assert [str(metric.tags) for metric in registry.find("calls")] == ['user="b"']
    assert registry.total("calls") == 7


def test_recorded_on_again_it_begins_anew(registry, clock):
    """With a later start, also if it was bound before."""
    series = registry.bind("counter", "calls", {"user": "a"})
    series.add(5)
    before = series.freeze().start
    clock.advance(100)
    assert registry.find("calls") == []
    series.add()
    again = registry.get("calls", {"user": "a"})
    assert (again.value, again.start > before) == (1, True)
    assert registry.total("calls") == 6


def test_a_definition_says_when_its_series_end(clock):
    """Those of others stay."""
    registry = AggregatingRegistry(clock=clock)
    registry.define("short", "gauge", expire_after=10)
    registry.gauge("short", 1)
    registry.gauge("long", 1)
    len(registry)
    clock.advance(11)
    assert [metric.name for metric in registry.all()] == ["long"]


def test_forget_ends_the_series_that_match(registry):
    """It tells how many those were; a bound series lives again with the next record."""
    for user in "abc":
        registry.counter("calls", {"user": user, "ok": True})
    assert registry.forget("calls", {"user": "a"}) == 1
    assert registry.forget("calls", {"ok": True}) == 2
    assert registry.forget("calls") == 0
    assert (registry.find("calls"), registry.total("calls")) == ([], 3)


def test_a_place_in_the_budget_becomes_free(clock):
    """For series that come later."""
    registry = AggregatingRegistry(clock=clock, budget=10, expire_after=60)
    for user in range(10):
        registry.counter("calls", {"user": f"old{user}"})
    len(registry)
    clock.advance(61)
    len(registry)
    registry.counter("calls", {"user": "new"})
    assert registry.get("calls", {"user": "new"}).value == 1


def test_a_series_that_lives_again_takes_its_place_in_the_budget(clock):
    """However often it ends: the budget does not grow."""
    registry = AggregatingRegistry(clock=clock, budget=10)
    series = registry.bind("counter", "calls", {"user": "bound"})
    for _ in range(50):
        series.add()
        registry.forget("calls")
    for user in range(100):
        registry.counter("calls", {"user": f"u{user}"})
    assert len(registry) == 11


def test_an_exporter_is_shown_the_last_value_of_a_series_that_ended(clock):
    """Once, whatever became of it in between."""
    metrics = Metrics(registry=AggregatingRegistry(clock=clock), clock=clock)
    seen = []
    metrics.export_to(CallbackExporter(lambda snapshot: seen.append([m.value for m in snapshot.by_name("calls")])))
    metrics.registry.counter("calls", increment=5)
    metrics.registry.forget("calls")
    for _ in range(3):
        metrics.export()
    assert seen == [[5], [], []]


def test_what_could_not_be_delivered_is_shown_again(clock):
    """An end is seen when it was delivered, not when it was tried."""
    metrics = Metrics(registry=AggregatingRegistry(clock=clock), clock=clock)
    seen, faults = [], [OSError(), OSError()]

    def deliver(snapshot):
        if faults:
            raise faults.pop()
        seen.append([metric.value for metric in snapshot.by_name("calls")])

    metrics.export_to(CallbackExporter(deliver, temporality="delta"))
    metrics.registry.counter("calls", increment=5)
    metrics.registry.forget("calls")
    for _ in range(2):
        with pytest.raises(Exception, match="could not export"):
            metrics.export()
    metrics.export()
    assert seen == [[5]]


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_time_to_expire_that_is_none_is_an_error(seconds):
    """Which names it."""
    with pytest.raises(DefinitionError, match="cannot expire after"):
        AggregatingRegistry(expire_after=seconds)


STEPS = st.one_of(
    st.tuples(st.just("record"), st.sampled_from("abcdef"), st.integers(1, 9)),
    st.tuples(st.just("bound"), st.sampled_from("ab"), st.integers(1, 9)),
    st.tuples(st.just("forget"), st.sampled_from("abcdef")),
    st.tuples(st.just("wait"), st.sampled_from([0, 5, 61])),
    st.tuples(st.just("read"), st.sampled_from(["cumulative", "delta"])),
)


@given(st.lists(STEPS, max_size=60))
def test_for_every_reader_the_increases_add_up_to_the_truth(steps):
    """Across budget, expiry, forget and new lives, at whatever pace each of them reads."""
    clock = ManualClock()
    registry = AggregatingRegistry(clock=clock, budget=3, expire_after=60)
    bound = {name: registry.bind("counter", "calls", {"k": name}) for name in "ab"}
    readers = {kind: registry.reader() for kind in ("cumulative", "delta")}
    lives, deltas, before, truth = {}, [0], None, 0

    def read(kind):
        nonlocal before
        snapshot = readers[kind].over(registry.snapshot())
        readers[kind].commit()
        if kind == "cumulative":
            lives.update({(metric.tags, metric.start): metric.value for metric in snapshot.by_name("calls")})
        else:
            deltas.append(sum(metric.value for metric in snapshot.since(before).by_name("calls")))
            before = snapshot

    for step, *what in steps:
        match step:
            case "record":
                registry.counter("calls", {"k": what[0]}, what[1])
                truth += what[1]
            case "bound":
                bound[what[0]].add(what[1])
                truth += what[1]
            case "forget":
                registry.forget("calls", {"k": what[0]})
            case "wait":
                clock.advance(what[0])
            case _:
                read(what[0])
    for _ in range(len(steps) + 1):  # a series may have ended more than once since the last read
        read("cumulative")
        read("delta")
    assert sum(lives.values()) == truth
    assert sum(deltas) == truth
    assert registry.total("calls") == truth
