"""Kinds of callables by ways to end: the time is right on a manual clock, and so is the outcome."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.events.timing import Counted, TimedCompleted, TimedStarted
from polymeter.timing import counted, timed
from tests.timing.kinds import CASES, OUTCOMES, SECONDS, Work

every_case = pytest.mark.parametrize(("kind", "end"), CASES, ids=[f"{kind.__name__}-{end}" for kind, end in CASES])


def decorator(verb, events):
    given = verb("it", events=events)

    def decorate(thing):
        return given(thing)

    decorate.block = given
    return decorate


def drive(kind, verb, end, metrics, clock):
    kind(decorator(verb, metrics.events), Work(clock, end))


@every_case
def test_what_is_timed_is_recorded_once_with_the_time_it_took_and_how_it_ended(kind, end, metrics, clock):
    drive(kind, timed, end, metrics, clock)
    [timer] = metrics.registry.find("it")
    assert timer.tags.get("outcome") == OUTCOMES[end]
    assert (timer.count, timer.total_ms) == (1, pytest.approx(SECONDS * 1000))


@every_case
def test_what_is_counted_is_counted_once_by_how_it_ended(kind, end, metrics, clock):
    drive(kind, counted, end, metrics, clock)
    [counter] = metrics.registry.find("it")
    assert (counter.tags.get("outcome"), counter.value) == (OUTCOMES[end], 1)


@every_case
def test_a_completion_repeats_what_its_start_said(kind, end, metrics, clock, told):
    drive(kind, timed, end, metrics, clock)
    started, completed = told
    assert isinstance(started, TimedStarted)
    assert isinstance(completed, TimedCompleted)
    assert (completed.name, completed.tags) == (started.name, started.tags)
    assert completed.is_start_told
    assert completed.at - started.at == pytest.approx(SECONDS)
    assert completed.duration_ms == pytest.approx(SECONDS * 1000)
    assert completed.error_type == ("ValueError" if end == "raise" else None)


@every_case
def test_in_flight_is_zero_again_however_it_ends(kind, end, clock):
    with Metrics(clock=clock).collect(TimingMetricsCollector(active=True)) as metrics:
        drive(kind, timed, end, metrics, clock)
        [level] = metrics.registry.find("it.active")
        assert level.value == 0
        assert metrics.registry.find("it")[0].count == 1


@every_case
def test_where_nobody_listens_nothing_is_told(kind, end, clock):
    with Metrics(clock=clock) as metrics:
        drive(kind, timed, end, metrics, clock)
        drive(kind, counted, end, metrics, clock)
        heard = []
        metrics.events.add_listener(TimedCompleted, heard.append)
        metrics.events.add_listener(Counted, heard.append)
    assert heard == []
