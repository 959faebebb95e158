"""Events of a stopwatch: starts, stops, laps, and what can be read of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.clock import Clock
from polymeter.errors import DefinitionError, PolymeterError
from polymeter.testing import ManualClock
from polymeter.timing import Stopwatch, StopwatchError


@pytest.fixture
def stopwatch(clock):
    return Stopwatch(clock=clock, memory=None)


@pytest.fixture
def passing(clock):
    """Let milliseconds pass."""
    return lambda milliseconds: clock.advance(milliseconds / 1000)


def spans(event):
    return [(period.start_time, period.end_time) for period in event.periods]


def test_what_is_between_start_and_stop_is_a_period(stopwatch, passing):
    assert stopwatch.start("load", "db").is_started
    passing(56)
    event = stopwatch.stop("load")
    assert (event.name, event.category, event.duration, spans(event)) == ("load", "db", 56, [(0, 56)])
    assert event is stopwatch.event("load")
    assert not event.is_started


def test_a_category_that_nobody_said_is_the_default_and_the_first_one_stays(stopwatch):
    assert stopwatch.start("load").category == "default"
    assert stopwatch.start("load", "db").category == "default"


def test_is_started_says_so_from_start_to_stop_and_knows_unknown_names(stopwatch):
    assert not stopwatch.is_started("load")
    stopwatch.start("load")
    assert stopwatch.is_started("load")
    stopwatch.stop("load")
    assert not stopwatch.is_started("load")


def test_times_count_from_the_first_start_in_the_root(stopwatch, clock, passing):
    clock.advance(100)
    stopwatch.start("first")
    passing(10)
    event = stopwatch.start("second")
    passing(5)
    assert spans(event.stop()) == [(10, 15)]
    assert event.origin == stopwatch.event("first").origin == 1_700_000_100_000.0


def test_a_lap_ends_a_period_and_begins_the_next(stopwatch, passing):
    stopwatch.start("loop")
    passing(10)
    event = stopwatch.lap("loop")
    assert event.is_started
    passing(20)
    assert spans(stopwatch.stop("loop")) == [(0, 10), (10, 30)]


def test_no_time_is_lost_between_laps():
    readings = iter(range(100))
    clock = Clock(monotonic=lambda: next(readings) / 1000)
    stopwatch = Stopwatch(clock=clock, memory=None)
    event = stopwatch.start("loop").lap().lap()
    periods = event.stop().periods
    assert all(before.end_time == after.start_time for before, after in pairwise(periods))


def test_starting_again_adds_a_period_to_the_same_event(stopwatch, passing):
    for _ in range(2):
        stopwatch.start("load")
        passing(10)
        stopwatch.stop("load")
        passing(5)
    event = stopwatch.event("load")
    assert (event.duration, event.count, spans(event)) == (20, 2, [(0, 10), (15, 25)])


def test_restart_forgets_what_was_and_begins_anew(stopwatch, passing):
    stopwatch.start("load", "db")
    passing(10)
    stopwatch.stop("load")
    stopwatch.start("load")
    passing(10)
    event = stopwatch.restart("load")
    passing(3)
    assert spans(stopwatch.stop("load")) == [(20, 23)]
    assert (event.duration, event.category, event.is_started, event.lost) == (3, "db", False, 0)


def test_restart_takes_another_category_and_starts_what_is_unknown(stopwatch):
    assert stopwatch.restart("load", "db").category == "db"
    assert stopwatch.restart("load", "http").category == "http"
    assert stopwatch.is_started("load")


def test_starts_of_one_name_nest_and_the_last_one_stops_first(stopwatch, passing):
    stopwatch.start("work")
    passing(10)
    stopwatch.start("work")
    passing(5)
    event = stopwatch.stop("work")
    assert event.is_started
    passing(5)
    stopwatch.stop("work")
    assert spans(event) == [(10, 15), (0, 20)]
    assert (event.start_time, event.end_time, event.duration) == (10, 20, 25)


def test_duration_counts_what_is_running_until_now(stopwatch, passing):
    event = stopwatch.start("work")
    passing(10)
    event.lap()
    passing(5)
    event.start()
    passing(1)
    assert (event.duration, event.running, event.count) == (10 + 6 + 1, 2, 1)


def test_start_time_is_the_first_period_else_the_first_open_start(stopwatch, passing):
    stopwatch.start("origin")
    passing(7)
    event = stopwatch.start("work")
    passing(1)
    event.start()
    assert (event.start_time, event.end_time, event.last_period) == (7, 0, None)
    passing(1)
    event.stop()
    assert (event.start_time, event.end_time) == (8, 9)


def test_an_event_without_starts_begins_and_ends_at_zero(stopwatch):
    event = stopwatch.start("work")
    stopwatch.reset()
    event.clear(None)
    assert (event.start_time, event.end_time, event.duration, event.periods) == (0, 0, 0, ())
    assert (event.last_period, event.memory) == (None, None)


def test_the_last_period_is_the_one_that_ended_last(stopwatch, passing):
    event = stopwatch.start("work")
    passing(4)
    event.lap()
    passing(6)
    event.stop()
    assert (event.last_period.start_time, event.last_period.duration) == (4, 6)


def test_ensure_stopped_ends_all_starts_and_none_is_fine(stopwatch, passing):
    event = stopwatch.start("work").start().start()
    passing(2)
    assert [period.duration for period in event.ensure_stopped().periods] == [2, 2, 2]
    assert event.ensure_stopped().count == 3


def test_times_are_whole_milliseconds(stopwatch, passing):
    stopwatch.start("work")
    passing(56.94)
    event = stopwatch.stop("work")
    assert (event.duration, type(event.duration), type(event.end_time)) == (56, int, int)


def test_with_more_precision_they_are_rounded_to_a_tenth(clock, passing):
    stopwatch = Stopwatch(more_precision=True, clock=clock)
    stopwatch.start("origin")
    passing(0.04)
    stopwatch.start("work")
    passing(56.96)
    event = stopwatch.stop("work")
    assert (event.start_time, event.end_time, event.duration) == (0.0, 57.0, 57.0)
    assert isinstance(event.start_time, float)


def test_a_tenth_is_rounded_before_whole_milliseconds_are_taken(stopwatch, passing):
    stopwatch.start("work")
    passing(0.96)
    assert stopwatch.stop("work").duration == 1


@given(
    st.lists(st.tuples(st.sampled_from(["start", "stop", "lap"]), st.floats(0, 1000))),
    st.booleans(),
)
def test_whatever_is_started_and_stopped_the_sums_agree(steps, more_precision):
    clock = ManualClock()
    stopwatch = Stopwatch(clock=clock, memory=None, more_precision=more_precision)
    event, depth, ended = stopwatch.start("work"), 1, 0
    for verb, milliseconds in steps:
        clock.advance(milliseconds / 1000)
        if verb == "start" or depth:
            getattr(stopwatch, verb)("work")
            depth += {"start": 1, "stop": -1, "lap": 0}[verb]
            ended += verb != "start"
        else:
            stop = getattr(stopwatch, verb)
            with pytest.raises(StopwatchError):
                stop("work")
    assert (event.running, event.count, len(event.periods), event.lost) == (depth, ended, ended, 0)
    event.ensure_stopped()
    assert event.duration == pytest.approx(sum(period.duration for period in event.periods))
    assert all(period.duration == pytest.approx(period.end_time - period.start_time) for period in event.periods)


def test_a_block_is_a_period(stopwatch, passing):
    with stopwatch.measure("load", category="db") as event:
        passing(5)
        assert event.is_started
    assert (spans(event), event.category) == ([(0, 5)], "db")


def test_a_block_that_raises_is_one_too(stopwatch, passing):
    def fail():
        with stopwatch.measure("load"):
            passing(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert stopwatch.event("load").duration == 5


def test_a_block_may_be_entered_inside_itself_and_again(stopwatch, passing):
    block = stopwatch.measure("load")
    with block:
        passing(1)
        with block:
            passing(2)
    with block:
        passing(4)
    assert [period.duration for period in stopwatch.event("load").periods] == [2, 3, 4]


def test_laps_in_a_block_end_with_it(stopwatch, passing):
    with stopwatch.measure("loop") as event:
        for milliseconds in (1, 2, 3):
            passing(milliseconds)
            event.lap()
        passing(4)
    assert ([period.duration for period in event.periods], event.running) == ([1, 2, 3, 4], 0)


def test_a_block_ends_what_it_began_and_nothing_else(stopwatch, passing):
    with stopwatch.measure("work") as event:
        passing(1)
        stopwatch.start("work")
        passing(1)
    assert ([period.duration for period in event.periods], event.running) == ([2], 1)
    with stopwatch.measure("work"):
        stopwatch.stop("work")
        stopwatch.stop("work")
    assert (event.count, event.running) == (3, 0)


@pytest.mark.parametrize("verb", ["stop", "lap", "event"])
def test_an_unknown_event_is_an_error_that_names_those_there_are(verb, stopwatch):
    stopwatch.start("load")
    with pytest.raises(StopwatchError, match=rf"{verb}\('laod'\).*no such event.*'__root__'.*it has 'load'"):
        getattr(stopwatch, verb)("laod")


@pytest.mark.parametrize("verb", ["stop", "lap"])
def test_a_stop_without_a_start_is_an_error_that_names_what_is_started(verb, stopwatch):
    stopwatch.start("load").stop()
    stopwatch.start("render")
    with pytest.raises(StopwatchError, match=r"'load'.*not started in MainThread; started here: 'render'"):
        getattr(stopwatch, verb)("load")
    with pytest.raises(PolymeterError):
        getattr(stopwatch.event("load"), verb)()


@pytest.mark.parametrize(
    "use",
    [
        lambda stopwatch: stopwatch.start(""),
        lambda stopwatch: stopwatch.start(3),
        lambda stopwatch: stopwatch.start([]),
        lambda stopwatch: stopwatch.start("x", ""),
        lambda stopwatch: stopwatch.restart(None),
        lambda stopwatch: stopwatch.measure(None),
        lambda stopwatch: stopwatch.measure("x", 5),
        lambda stopwatch: stopwatch.section(""),
        lambda stopwatch: stopwatch.stop_section(None),
        lambda stopwatch: stopwatch.to_svg(width=10),
        lambda _: Stopwatch(memory="all"),
        lambda _: Stopwatch(events=object()),
        lambda _: Stopwatch(clock=object()),
        lambda _: Stopwatch(max_periods=0),
        lambda _: Stopwatch(max_events=1.5),
        lambda _: Stopwatch(max_sections=True),
    ],
)
def test_what_cannot_work_is_refused(use, stopwatch):
    with pytest.raises(DefinitionError):
        use(stopwatch)


def test_reset_forgets_everything_and_begins_anew(stopwatch, clock, passing):
    with stopwatch.section("a"), stopwatch.measure("load"):
        passing(5)
        stopwatch.reset()
        assert stopwatch.root_section_events == {}
        stopwatch.start("after")
    assert list(stopwatch.sections) == ["__root__"]
    assert list(stopwatch.root_section_events) == ["after"]
    assert stopwatch.stop("after").origin == clock.wall() * 1000
