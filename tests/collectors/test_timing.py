"""TimingMetricsCollector: the metrics of timed and counted code, under the names that it was given."""

from __future__ import annotations

import logging

import pytest

from polymeter import DefinitionError, Kind, Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.events.timing import Counted, LongTasksSampled, TimedCompleted, TimedStarted
from polymeter.registries import CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock
from polymeter.testing.contracts.collectors import CollectorContract


def completed(name="it_ms", duration_ms=1500.0, outcome="ok", **more):
    return TimedCompleted(name=name, duration_ms=duration_ms, outcome=outcome, **more)


def events():
    return [
        TimedStarted(name="it_ms", tags=(("shop", "north"),), at=1_700_000_001.0),
        completed(tags=(("shop", "north"),), at=1_700_000_002.0, is_start_told=True),
        completed(duration_ms=0, outcome="error", error_type="ValueError"),
        completed("other_seconds", outcome="cancelled"),
        Counted(name="calls", outcome="ok"),
        Counted(name="calls", outcome="error", error_type="OSError", tags=(("n", 1),)),
        LongTasksSampled(name="jobs_ms", active=2, longest_ms=40.0, total_ms=60.0),
    ]


class TestContract(CollectorContract):
    def make_collector(self):
        return TimingMetricsCollector(active=True, error_type=True)

    def make_events(self):
        return events()

    def expected_totals(self):
        return {"calls": 2, "it.active": 0}


class TestContractOfTheDefault(TestContract):
    def make_collector(self):
        return TimingMetricsCollector()

    def make_events(self):
        return [event for event in events() if not isinstance(event, TimedStarted)]

    def expected_totals(self):
        return {"calls": 2}


def dispatched(metrics, *events):
    for event in events:
        metrics.events.dispatch(event)
    return metrics


@pytest.fixture
def collected(metrics):
    return metrics.collect(TimingMetricsCollector())


@pytest.mark.parametrize("name", ["it_ms", "it_seconds", "it", "it.us", "it_bytes"])
def test_the_unit_at_the_end_of_a_name_is_that_of_its_times(name, collected):
    [timer] = dispatched(collected, completed(name)).registry.find(name)
    assert timer.mean_ms == pytest.approx(1500)


def test_the_unit_of_a_definition_wins(collected):
    collected.registry.define("it", Kind.TIMER, "min", "What we call it.")
    [timer] = dispatched(collected, completed("it")).registry.find("it")
    assert timer.mean_ms == pytest.approx(1500)
    assert collected.snapshot().definitions["it"].help == "What we call it."


def test_a_timer_has_the_tags_that_were_given_and_the_outcome(collected):
    dispatched(collected, completed(tags=(("shop", "north"),)), completed(outcome="abandoned"))
    tags = [timer.tags.to_dict() for timer in collected.registry.find("it_ms")]
    assert tags == [{"shop": "north", "outcome": "ok"}, {"outcome": "abandoned"}]


def test_errors_are_told_apart_where_that_is_asked(metrics):
    metrics.collect(TimingMetricsCollector(error_type=True))
    errors = ["ValueError", "OSError", "ValueError", None]
    dispatched(metrics, *(completed(outcome="error", error_type=each) for each in errors), completed())
    found = {
        timer.tags.to_dict()["error_type"]: timer.count
        for timer in metrics.registry.find("it_ms", {"outcome": "error"})
    }
    assert found == {"ValueError": 2, "OSError": 1, "none": 1}
    assert metrics.registry.get("it_ms", {"outcome": "ok", "error_type": "none"}).count == 1


def test_tag_values_that_python_calls_equal_are_not_mixed_up(collected):
    values = [1, True, 1.0, "1", 1, True]
    dispatched(collected, *(completed(tags=(("n", value),)) for value in values))
    found = {str(timer.tags): timer.count for timer in collected.registry.find("it_ms")}
    assert found == {'n="1",outcome="ok"': 3, 'n="true",outcome="ok"': 2, 'n="1.0",outcome="ok"': 1}


@pytest.mark.parametrize(
    ("name", "level"),
    [("it_ms", "it.active"), ("it_seconds", "it.active"), ("it", "it.active"), ("it.ms", "it.active")],
)
def test_what_is_in_flight_goes_by_the_name_without_its_unit(name, level, metrics):
    metrics.collect(TimingMetricsCollector(active=True))
    dispatched(metrics, TimedStarted(name=name), TimedStarted(name=name), completed(name, is_start_told=True))
    assert metrics.registry.get(level).value == 1


def test_starts_are_not_asked_for_unless_what_is_in_flight_is_kept(collected):
    assert not collected.events.emitter(TimedStarted).listening


def test_long_tasks_are_gauges_of_now(collected):
    dispatched(collected, LongTasksSampled(name="jobs_ms", active=2, longest_ms=40.0, total_ms=60.0))
    found = {metric.name: metric.value for metric in collected.snapshot() if metric.name.startswith("jobs")}
    assert found == {"jobs.running": 2, "jobs.running.longest_ms": 40, "jobs.running.total_ms": 60}


def test_of_several_processes_the_longest_is_the_longest_of_all(collected):
    dispatched(collected, LongTasksSampled(name="jobs_ms", active=2, longest_ms=40.0, total_ms=60.0))
    rules = {
        name: each.rule.value for name, each in collected.snapshot().definitions.items() if name.startswith("jobs")
    }
    assert rules == {"jobs.running": "sum", "jobs.running.longest_ms": "max", "jobs.running.total_ms": "sum"}


def test_a_name_that_means_something_else_is_counted_as_refused_and_harms_no_other(collected, caplog):
    collected.registry.counter("it_ms")
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            dispatched(collected, completed(), completed("other_ms"), Counted(name="other_ms", outcome="ok"))
    assert collected.registry.find("other_ms", {"outcome": "ok"})[0].count == 10
    assert sum(each.failed for each in collected.health().listeners) == 0
    assert collected.health().registry.invalid == 20


@pytest.mark.parametrize("tags", [(("a", []),), (("a", object()),), (("", "x"),)])
def test_tags_that_are_none_are_counted_as_refused(tags, collected):
    dispatched(collected, completed(tags=tags), completed(tags=tags), completed())
    assert collected.registry.find("it_ms")[0].count == 1
    assert collected.health().registry.invalid == 2


@pytest.mark.parametrize(
    "make",
    [
        WindowedRegistry,
        InMemoryRegistry,
        lambda clock: CompositeRegistry(WindowedRegistry(clock=clock), InMemoryRegistry(clock=clock)),
    ],
    ids=["windowed", "in memory", "composite"],
)
def test_every_registry_takes_it_at_the_time_of_the_event(make):
    clock = ManualClock(1_700_000_000.0)
    metrics = Metrics(registry=make(clock=clock), clock=clock).collect(TimingMetricsCollector())
    dispatched(metrics, completed(at=1_699_999_990.0), Counted(name="calls", outcome="ok", at=1_699_999_990.0))
    assert metrics.registry.total("calls") == 1
    assert [each.tags.get("outcome") for each in metrics.registry.find("it_ms")] == ["ok"]


def test_series_that_are_remembered_have_a_bound(collected, monkeypatch):
    monkeypatch.setattr("polymeter.collectors.timing._MOST", 3)
    dispatched(collected, *(completed(f"it{number}", tags=(("n", "x"),)) for number in range(10)))
    dispatched(collected, *(completed(f"it{number}", tags=(("n", "x"),)) for number in range(10)))
    assert all(collected.registry.find(f"it{number}")[0].count == 2 for number in range(10))


def test_one_collector_serves_one_facade(collected):
    collector = TimingMetricsCollector()
    collected.remove(collector).collect(collector)
    with pytest.raises(DefinitionError, match="registered already"):
        Metrics().collect(collector)
