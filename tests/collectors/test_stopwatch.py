"""StopwatchMetricsCollector: periods of stopwatches as a timer."""

from __future__ import annotations

import pytest

from polymeter.collectors import StopwatchMetricsCollector
from polymeter.events.stopwatch import StopwatchPeriodEnded
from polymeter.testing import ManualClock
from polymeter.testing.contracts.collectors import CollectorContract
from polymeter.timing import Stopwatch


def events():
    return [
        StopwatchPeriodEnded(name="load", category="db", section="request", duration_ms=50.0, at=1_700_000_001.0),
        StopwatchPeriodEnded(name="load", category="db", section="__root__", duration_ms=10.0, memory=1000),
        StopwatchPeriodEnded(name="late", category="default", section=None, duration_ms=1.0),
        StopwatchPeriodEnded(name="__section__", category="section", section="request", duration_ms=60.0),
    ]


class TestContract(CollectorContract):
    def make_collector(self):
        return StopwatchMetricsCollector()

    def make_events(self):
        return events()[:-1]

    def expected_totals(self):
        return {"stopwatch.duration_ms": 61}


class TestContractWithSections(CollectorContract):
    def make_collector(self):
        return StopwatchMetricsCollector(sections=True)

    def make_events(self):
        return events()

    def expected_totals(self):
        return {"stopwatch.duration_ms": 121}


def found(metrics):
    return {str(timer.tags): (timer.count, timer.total_ms) for timer in metrics.registry.find("stopwatch.duration_ms")}


@pytest.fixture
def measured(metrics):
    def measure():
        for event in events():
            metrics.events.dispatch(event)
        return found(metrics)

    return measure


def test_periods_are_told_apart_by_name_and_category(metrics, measured):
    metrics.collect(StopwatchMetricsCollector())
    assert measured() == {'category="db",name="load"': (2, 60), 'category="default",name="late"': (1, 1)}


def test_sections_are_told_apart_where_that_is_asked(metrics, measured):
    metrics.collect(StopwatchMetricsCollector(sections=True))
    assert measured() == {
        'category="db",name="load",section="request"': (1, 50),
        'category="db",name="load",section="__root__"': (1, 10),
        'category="default",name="late",section="unnamed"': (1, 1),
        'category="section",name="__section__",section="request"': (1, 60),
    }


def test_what_a_stopwatch_measures_arrives(metrics):
    clock = ManualClock()
    metrics.collect(StopwatchMetricsCollector())
    stopwatch = Stopwatch(events=metrics.events, clock=clock)
    with stopwatch.section("request"), stopwatch.measure("load", "db"):
        clock.advance(0.25)
    assert found(metrics) == {'category="db",name="load"': (1, 250)}
