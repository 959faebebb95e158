"""Exemplars in the registries: beside the contract, how they live, end, and are counted."""

from __future__ import annotations

import gc
import math
import threading
import weakref

import pytest

from polymeter.contracts import CanKeepExemplars
from polymeter.data import Counter, Exemplar
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry

ALL = (AggregatingRegistry, InMemoryRegistry, WindowedRegistry)

each_registry = pytest.mark.parametrize("registry_class", ALL)


def traces(metric):
    return [each.labels["trace_id"] for each in metric.exemplars]


def refused(registry):
    return {
        (metric.tags["metric"], metric.tags["reason"]): metric.value
        for metric in registry.snapshot().by_name("polymeter.exemplars.refused")
    }


# -- what could not be used


@each_registry
def test_what_is_refused_is_counted_by_metric_and_reason(registry_class, clock):
    registry = registry_class(clock=clock)
    registry.gauge("level", 1)
    for name, kind, value, labels, at in [
        ("calls", "counter", math.nan, {"trace_id": "a"}, None),
        ("calls", "counter", -1, {"trace_id": "a"}, None),
        ("calls", "counter", -1, {"trace_id": "a"}, None),
        ("calls", "counter", 1, {"trace_id": "a" * 121}, None),
        ("calls", "counter", 1, ["trace_id"], None),
        ("calls", "counter", 1, {"trace_id": "a"}, "now"),
        ("wait_hours", "timer", 1e307, {"trace_id": "a"}, None),
        ("level", "gauge", 1, {"trace_id": "a"}, None),
        ("level", "counter", 1, {"trace_id": "a"}, None),
    ]:
        registry.exemplar(kind, name, value, labels, at=at)
    assert refused(registry) == {
        ("calls", "nan"): 1,
        ("calls", "negative"): 2,
        ("calls", "length"): 1,
        ("calls", "labels"): 1,
        ("calls", "at"): 1,
        ("wait_hours", "infinite"): 1,
        ("level", "kind"): 1,
        ("level", "series"): 1,
    }
    assert refused(registry) == registry.refused_exemplars
    assert registry.snapshot().definitions["polymeter.exemplars.refused"].help
    assert registry.health().records == 1
    registry.clear()
    assert refused(registry) == {}


@each_registry
def test_who_notes_none_sees_no_metric_of_them(registry_class, clock):
    registry = registry_class(clock=clock)
    registry.counter("calls")
    assert "polymeter.exemplars.refused" not in registry.snapshot().definitions


def test_labels_that_raise_when_looked_at_are_refused():
    class Hostile(dict):
        def __bool__(self):
            raise ZeroDivisionError

    registry = AggregatingRegistry()
    registry.counter("calls").exemplar(1, Hostile(a="b"))
    registry.exemplar("counter", "calls", 1, Hostile(a="b"))
    assert sum(registry.refused_exemplars.values()) == 2


def test_a_refused_series_has_none():
    series = AggregatingRegistry().bind("counter", "")
    series.exemplar(1, {"trace_id": "a"})
    assert series.exemplars == ()


# -- live series


def test_the_series_that_a_verb_gives_takes_them(clock):
    registry = AggregatingRegistry(clock=clock)
    series = registry.timer("wait_ms", 250)
    series.exemplar(250, {"trace_id": "a"})
    assert series.exemplars == (Exemplar({"trace_id": "a"}, 0.25, clock.wall()),)
    assert series.to_dict()["exemplars"] == [{"labels": {"trace_id": "a"}, "value": 250, "at": clock.wall()}]


@pytest.mark.parametrize("kind", ["counter", "timer"])
def test_a_series_that_ends_shows_them_for_the_last_time(kind, clock):
    registry = AggregatingRegistry(clock=clock, expire_after=60)
    reader = registry.reader()
    series = registry.bind(kind, "metric")
    getattr(series, "add" if kind == "counter" else "record")(1)
    series.exemplar(1, {"trace_id": "a"})
    len(registry)
    clock.advance(61)
    snapshot = registry.snapshot()
    assert snapshot.by_name("metric") == []
    assert [traces(each) for each in reader.over(snapshot).by_name("metric")] == [["a"]]


@pytest.mark.parametrize("kind", ["counter", "timer"])
def test_a_series_that_lives_again_has_none_of_before(kind, clock):
    registry = AggregatingRegistry(clock=clock)
    series = registry.bind(kind, "metric")
    record = series.add if kind == "counter" else series.record
    record(1)
    series.exemplar(1, {"trace_id": "before"})
    assert registry.forget("metric") == 1
    record(1)
    assert traces(registry.get("metric")) == []
    registry.forget("metric")
    record(1)
    series.exemplar(1, {"trace_id": "after"})
    assert traces(registry.get("metric")) == traces(series) == ["after"]


def test_one_noted_on_a_series_that_has_ended_is_shown_by_the_one_in_its_place(clock):
    registry = AggregatingRegistry(clock=clock)
    old = registry.bind("counter", "calls")
    old.add()
    registry.forget("calls")
    registry.counter("calls")
    old.exemplar(1, {"trace_id": "a"})
    assert traces(registry.get("calls")) == ["a"]


def test_one_noted_on_a_series_that_has_ended_and_is_not_recorded_on_is_let_go(clock):
    registry = AggregatingRegistry(clock=clock)
    series = registry.bind("counter", "calls")
    registry.forget("calls")
    series.exemplar(1, {"trace_id": "a"})
    series.add()
    assert traces(registry.get("calls")) == []


def test_a_series_that_is_gone_is_not_held_by_its_exemplars(clock):
    registry = AggregatingRegistry(clock=clock)
    series = registry.bind("counter", "calls")
    series.exemplar(1, {"trace_id": "a"})
    gone = weakref.ref(series)
    registry.forget("calls")
    series.exemplar(1, {"trace_id": "b"})
    del series
    clock.advance(3600)
    len(registry)
    gc.collect()
    assert gone() is None


def test_series_that_end_while_they_are_noted_on_leave_nothing_behind():
    registry = AggregatingRegistry()
    done = threading.Event()

    def forget():
        while not done.is_set():
            registry.forget("calls")
            registry.clear()

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        for number in range(3000):
            registry.exemplar("counter", "calls", 1, {"trace_id": str(number)})
    finally:
        done.set()
        thread.join()
    registry.forget("calls")
    registry.counter("calls")
    assert traces(registry.get("calls")) == []


def test_beyond_the_budget_they_go_where_the_records_go():
    registry = AggregatingRegistry(budget=3)
    for user in range(20):
        tags = {"user": str(user)}
        registry.counter("calls", tags)
        registry.exemplar("counter", "calls", 1, {"trace_id": str(user)}, tags, at=user)
    assert traces(registry.get("calls", {"user": "1"})) == ["1"]
    assert traces(registry.get("calls", {"user": "__other__"})) == ["19"]
    [folded] = registry.snapshot().by_name("polymeter.records.folded")
    assert folded.value == 17
    registry.exemplar("counter", "calls", 1, {"trace_id": "a"}, {"region": "new"})
    assert registry.find("calls", {"region": "new"}) == []


def test_a_snapshot_that_was_taken_stays_as_it_was(clock):
    registry = AggregatingRegistry(clock=clock)
    registry.counter("calls").exemplar(1, {"trace_id": "a"})
    before = registry.get("calls")
    clock.advance(1)
    registry.counter("calls").exemplar(1, {"trace_id": "b"})
    assert (traces(before), traces(registry.get("calls"))) == (["a"], ["b"])
    assert registry.get("calls").since(before).exemplars == registry.get("calls").exemplars


# -- points


def test_points_that_are_folded_keep_them(clock):
    registry = InMemoryRegistry(max_points=1, clock=clock)
    for number in range(5):
        registry.timer("wait_ms", 2**number)
        registry.exemplar("timer", "wait_ms", 2**number, {"trace_id": str(number)})
    assert traces(registry.get("wait_ms")) == ["0", "1", "2", "3", "4"]
    assert registry.find("wait_ms")[0].exemplars == ()


def test_an_exemplar_makes_no_point():
    registry = InMemoryRegistry()
    registry.exemplar("counter", "calls", 1, {"trace_id": "a"})
    assert (len(registry), registry.all(), registry.snapshot().by_name("calls")) == (0, [], [])


# -- windows


def test_in_a_listener_they_are_of_the_time_of_its_event(clock):
    registry = WindowedRegistry(clock=clock)
    at = clock.wall() - 15
    with registry.placing(at):
        registry.counter("calls").exemplar(1, {"trace_id": "a"})
    assert [each.at for each in registry.get("calls").exemplars] == [at]


# -- several registries


def test_a_composite_gives_them_to_each_member_that_keeps_them(clock):
    class Plain(AggregatingRegistry):
        exemplar = None

    keeping = [each(clock=clock) for each in ALL]
    registry = CompositeRegistry(*keeping, Plain(clock=clock))
    assert isinstance(registry, CanKeepExemplars)
    registry.counter("calls")
    registry.exemplar("counter", "calls", 1, {"trace_id": "a"})
    assert [traces(member.get("calls")) for member in keeping] == [["a"]] * 3
    clock.advance(1)
    series = registry.bind("counter", "calls")
    series.exemplar(1, {"trace_id": "b"})
    assert [traces(member.get("calls")) for member in keeping] == [["b"]] * 3
    assert traces(series) == ["b"]
    registry.refuse_exemplar("calls", "getter")
    assert [member.refused_exemplars for member in keeping] == [{("calls", "getter"): 1}] * 3
    assert registry.health().failed == 0


def test_a_member_that_raises_keeps_no_other_from_noting(clock):
    class Broken(AggregatingRegistry):
        def exemplar(self, *_args, **_kwargs):
            raise ZeroDivisionError

    well = AggregatingRegistry(clock=clock)
    registry = CompositeRegistry(Broken(clock=clock), well)
    registry.counter("calls")
    registry.exemplar("counter", "calls", 1, {"trace_id": "a"})
    assert traces(well.get("calls")) == ["a"]
    assert registry.health().failed_by == {"0:Broken": 1}


def test_those_of_several_registries_merge(clock):
    """As those of several processes do."""
    metrics = []
    for number in range(3):
        registry = AggregatingRegistry(clock=clock)
        registry.counter("calls", {"model": "a"}).exemplar(1, {"trace_id": str(number)}, at=number)
        metrics.append(registry.get("calls", {"model": "a"}))
    first, second, third = metrics
    assert isinstance(first, Counter)
    assert traces(third.merge(first).merge(second)) == ["2"]
