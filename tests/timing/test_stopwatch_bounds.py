"""How much a stopwatch keeps, what it says of memory, and whom it tells."""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
import weakref
from pathlib import Path

import pytest

from polymeter import Metrics
from polymeter.events import NullDispatcher, active
from polymeter.events.stopwatch import StopwatchPeriodEnded
from polymeter.timing import Stopwatch, StopwatchError


def stopped(stopwatch, name):
    with stopwatch.measure(name) as event:
        pass
    return event


@pytest.fixture
def told(metrics):
    events = []
    metrics.events.add_listener(StopwatchPeriodEnded, events.append)
    return events


def test_the_oldest_periods_fall_out_and_sums_know_them_still(clock):
    stopwatch = Stopwatch(clock=clock, max_periods=3, memory=iter([9, 1, 1, 1, 1]).__next__)
    event = stopwatch.start("loop")
    for _ in range(5):
        clock.advance(0.01)
        event.lap()
    assert [period.start_time for period in event.periods] == [20, 30, 40]
    assert (event.count, event.dropped, event.duration) == (5, 2, 50)
    assert (event.start_time, event.end_time, event.memory) == (0, 50, 9)


def test_events_share_that_bound_in_the_order_in_which_periods_end():
    stopwatch = Stopwatch(max_periods=2)
    for name in ("a", "b", "a"):
        stopped(stopwatch, name)
    assert [len(stopwatch.event(name).periods) for name in ("a", "b")] == [1, 1]
    assert stopwatch.event("a").dropped == 1


def test_what_restart_forgets_makes_room():
    stopwatch = Stopwatch(max_periods=3)
    other = stopped(stopwatch, "other")
    for _ in range(20):
        stopwatch.restart("work").stop()
    stopped(stopwatch, "work")
    event = stopwatch.event("work")
    assert (len(other.periods), other.dropped, len(event.periods), event.dropped) == (1, 0, 2, 0)
    stopped(stopwatch, "work")
    assert (len(other.periods), other.dropped, len(event.periods)) == (0, 1, 3)


def test_names_beyond_the_bound_are_measured_together(clock):
    stopwatch = Stopwatch(clock=clock, max_events=2)
    for number in range(5):
        stopwatch.start(f"work {number}")
    for number in reversed(range(5)):
        clock.advance(0.001)
        assert stopwatch.is_started(f"work {number}")
        stopwatch.stop(f"work {number}")
    found = {name: event.count for name, event in stopwatch.root_section_events.items()}
    assert found == {"work 0": 1, "work 1": 1, "__other__": 3}
    assert stopwatch.event("__other__").duration == 1 + 2 + 3
    with pytest.raises(StopwatchError, match="__other__"):
        stopwatch.stop("work 4")


def test_starts_without_a_stop_have_a_bound_and_their_stops_raise_nothing():
    stopwatch = Stopwatch(max_periods=2)
    for _ in range(5):
        event = stopwatch.start("work")
    assert (event.running, event.lost) == (2, 3)
    for _ in range(5):
        stopwatch.stop("work")
    assert (event.running, event.lost, event.count) == (0, 3, 2)
    with pytest.raises(StopwatchError):
        stopwatch.stop("work")


def test_the_oldest_sections_fall_out_but_not_those_that_are_open():
    stopwatch = Stopwatch(max_sections=2)
    with stopwatch.section("open"):
        for name in "abc":
            with stopwatch.section(name):
                stopped(stopwatch, "work")
        assert list(stopwatch.sections) == ["__root__", "c"]
    assert (list(stopwatch.sections), stopwatch.dropped_sections) == (["__root__", "c", "open"], 2)
    assert stopwatch.section_events("a") == {}


def test_sections_without_end_need_no_more_memory():
    stopwatch = Stopwatch(memory=None, max_periods=20, max_sections=5)

    def grown(rounds):
        for number in range(rounds):
            with stopwatch.section(f"{rounds}-{number}"):
                stopped(stopwatch, f"work {number}")
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = grown(100)
        assert grown(1000) - before < 10_000
    finally:
        tracemalloc.stop()
    assert stopwatch.dropped_sections == 1095


def test_a_stopwatch_that_nobody_has_is_gone():
    stopwatch = Stopwatch()
    event = weakref.ref(stopwatch.start("never stopped"))
    with stopwatch.section("a"):
        stopped(stopwatch, "work")
    del stopwatch
    gc.collect()
    assert event() is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_memory_is_that_of_the_process():
    event = stopped(Stopwatch(), "work")
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    assert event.memory == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.1)
    assert event.periods[0].memory == event.memory


def test_memory_is_read_by_psutil_where_there_is_no_proc(monkeypatch, tmp_path):
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr("polymeter.timing.stopwatch.memory._STATM", tmp_path / "nothing")
    event = stopped(Stopwatch(), "work")
    assert event.memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


def test_memory_is_not_known_where_nothing_says_it(monkeypatch, tmp_path):
    monkeypatch.setattr("polymeter.timing.stopwatch.memory._STATM", tmp_path / "nothing")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert stopped(Stopwatch(), "work").memory is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_memory_that_cannot_be_read_any_more_is_not_known(monkeypatch, tmp_path):
    stopwatch = Stopwatch()
    monkeypatch.setattr("polymeter.timing.stopwatch.memory._STATM", tmp_path / "nothing")
    event = stopped(stopwatch, "work")
    assert (event.count, event.memory) == (1, None)


def test_memory_can_be_what_python_has_allocated_and_is_unknown_where_that_is_not_traced():
    stopwatch = Stopwatch(memory="tracemalloc")
    assert stopped(stopwatch, "untraced").memory is None
    tracemalloc.start()
    try:
        held = bytearray(1_000_000)
        assert stopped(stopwatch, "traced").memory >= len(held)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("read", [None, lambda: None, lambda: 1 / 0, lambda: "much", lambda: -1, lambda: 0.5])
def test_memory_that_is_not_known_is_none_and_harms_nothing(read):
    event = stopped(Stopwatch(memory=read), "work")
    assert (event.memory, event.count) == (None, 1)
    assert str(event) == f"default/work: {event.duration} ms"


def test_the_memory_of_an_event_is_the_most_of_its_periods():
    stopwatch = Stopwatch(memory=iter([5, 7, 6]).__next__)
    for _ in range(3):
        event = stopped(stopwatch, "work")
    assert (event.memory, [period.memory for period in event.periods]) == (7, [5, 7, 6])


def test_a_period_that_ends_is_told_with_its_exact_duration(metrics, told, clock):
    stopwatch = Stopwatch(clock=clock, memory=lambda: 123)
    with stopwatch.section("request"), stopwatch.measure("load", "db"):
        clock.advance(0.0567891)
    load, section = told
    assert (load.name, load.category, load.section, load.memory) == ("load", "db", "request", 123)
    assert load.duration_ms == pytest.approx(56.7891, abs=1e-9)
    assert load.at == clock.wall()
    assert (section.name, section.category, section.section) == ("__section__", "section", "request")


def test_the_dispatcher_that_was_given_is_told_and_lends_its_clock(told, metrics, clock):
    stopwatch = Stopwatch(events=metrics.events)
    with active(NullDispatcher()), stopwatch.measure("work"):
        clock.advance(0.005)
    assert [(event.name, event.duration_ms) for event in told] == [("work", 5)]


def test_else_the_current_one_is_told_when_the_period_ends():
    heard = {"a": [], "b": []}
    stopwatch = Stopwatch()
    for name in ("a", "b", "a"):
        metrics = Metrics()
        metrics.events.add_listener(StopwatchPeriodEnded, heard[name].append)
        stopwatch.start("work")
        with metrics.active():
            stopwatch.stop("work")
    assert (len(heard["a"]), len(heard["b"])) == (2, 1)


def test_no_event_is_built_where_nobody_listens(metrics, monkeypatch):
    class Refused(StopwatchPeriodEnded):
        def __init__(self, **kwargs):
            raise AssertionError

    monkeypatch.setattr("polymeter.timing.stopwatch.telling.StopwatchPeriodEnded", Refused)
    assert stopped(Stopwatch(), "work").count == 1
    metrics.events.add_listener(StopwatchPeriodEnded, lambda event: None)
    with pytest.raises(AssertionError):
        stopped(Stopwatch(), "work")


def test_a_section_without_an_id_is_told_as_none(told):
    stopwatch = Stopwatch()
    stopwatch.open_section()
    stopped(stopwatch, "work")
    stopwatch.stop_section("late")
    assert [event.section for event in told] == [None, "late"]
