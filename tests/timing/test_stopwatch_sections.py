"""Sections of a stopwatch: nested, named when they are stopped, opened again."""

from __future__ import annotations

import pytest

from polymeter.timing import Stopwatch, StopwatchError


@pytest.fixture
def stopwatch(clock):
    return Stopwatch(clock=clock, memory=None)


@pytest.fixture
def passing(clock):
    """Let milliseconds pass."""
    return lambda milliseconds: clock.advance(milliseconds / 1000)


def test_calls_act_on_the_innermost_open_section(stopwatch):
    stopwatch.start("work")
    stopwatch.open_section()
    assert not stopwatch.is_started("work")
    stopwatch.start("inner")
    stopwatch.stop("inner")
    stopwatch.stop_section("a")
    stopwatch.stop("work")
    assert {*stopwatch.root_section_events} == {"work", "__section__.child"}
    assert {*stopwatch.section_events("a")} == {"__section__", "inner"}


def test_an_event_of_a_section_around_is_named_in_the_error(stopwatch):
    stopwatch.start("work")
    with (
        stopwatch.section("a"),
        pytest.raises(StopwatchError, match=r"section 'a'.*section '__root__' around it has one"),
    ):
        stopwatch.stop("work")


def test_a_section_gets_its_id_when_it_is_stopped(stopwatch):
    section = stopwatch.open_section()
    assert (section.id, list(stopwatch.sections)) == (None, ["__root__"])
    assert stopwatch.stop_section("a") is section
    assert (section.id, stopwatch.sections["a"]) == ("a", section)


def test_a_section_can_be_opened_again_and_keeps_its_origin(stopwatch, passing):
    stopwatch.open_section()
    stopwatch.start("work")
    passing(5)
    stopwatch.stop("work")
    stopwatch.stop_section("a")
    passing(10)
    stopwatch.open_section("a")
    stopwatch.start("work")
    passing(1)
    stopwatch.stop("work")
    stopwatch.stop_section("a")
    periods = stopwatch.section_events("a")["work"].periods
    assert [(period.start_time, period.end_time) for period in periods] == [(0, 5), (15, 16)]
    assert stopwatch.section_events("a")["__section__"].duration == 6


def test_times_are_relative_to_the_origin_of_the_section(stopwatch, passing):
    stopwatch.start("first")
    passing(10)
    with stopwatch.section("a"):
        passing(3)
        with stopwatch.measure("work") as event:
            passing(2)
    assert (event.start_time, event.end_time) == (3, 5)
    assert event.origin == stopwatch.sections["a"].origin == stopwatch.event("first").origin + 10


def test_an_unknown_id_cannot_be_opened_and_the_error_names_those_there_are(stopwatch):
    with stopwatch.section("a"), stopwatch.section("b"):
        pass
    with pytest.raises(StopwatchError, match=r"open_section\('b'\).*'__root__'.*it has 'a'"):
        stopwatch.open_section("b")  # it is in a
    assert stopwatch.event("__section__.child").running == 0


def test_the_root_cannot_be_stopped(stopwatch):
    with pytest.raises(StopwatchError, match="no section is open that MainThread has opened"):
        stopwatch.stop_section("a")


def test_sections_measure_themselves(stopwatch, passing):
    stopwatch.open_section()
    passing(4)
    stopwatch.stop_section("a")
    own = stopwatch.section_events("a")["__section__"]
    child = stopwatch.root_section_events["__section__.child"]
    assert [(each.category, each.duration) for each in (own, child)] == [("section", 4), ("section", 4)]


def test_the_root_has_an_id_and_an_unknown_id_has_no_events(stopwatch):
    event = stopwatch.start("work")
    assert Stopwatch.ROOT == "__root__"
    assert stopwatch.section_events(Stopwatch.ROOT) == stopwatch.root_section_events == {"work": event}
    assert stopwatch.section_events("nothing") == {}


def test_stopping_under_another_id_renames(stopwatch):
    section = stopwatch.open_section()
    stopwatch.stop_section("a")
    stopwatch.open_section("a")
    stopwatch.stop_section("b")
    assert stopwatch.sections == {"__root__": stopwatch.sections["__root__"], "b": section}
    assert stopwatch.open_section("b") is section
    stopwatch.stop_section("b")
    assert stopwatch.dropped_sections == 0


def test_another_section_of_an_id_takes_its_place_and_that_is_counted(stopwatch):
    for name in ("first", "second"):
        stopwatch.open_section()
        stopwatch.start(name)
        stopwatch.stop_section("a")
    assert {*stopwatch.section_events("a")} == {"__section__", "second"}
    assert stopwatch.dropped_sections == 1


def test_a_block_opens_a_section_and_goes_on_with_the_one_that_is_there(stopwatch):
    for _ in range(2):
        with stopwatch.section("a") as section, stopwatch.section("b"), stopwatch.measure("work"):
            pass
    assert stopwatch.section_events("b")["work"].count == 2
    assert stopwatch.sections["a"] is section
    assert stopwatch.sections["b"].path == ("a", "b")


def test_a_block_may_be_entered_inside_itself(stopwatch):
    block = stopwatch.section("a")
    with block as outer, block as inner:
        stopwatch.start("work")
    assert (outer.path, inner.path) == (("a",), ("a", "a"))
    assert not stopwatch.is_started("work")


def test_a_block_that_raises_closes_what_was_opened_by_hand_in_it(stopwatch):
    def fail():
        stopwatch.open_section()
        stopwatch.open_section()
        raise KeyError

    with pytest.raises(KeyError), stopwatch.section("a") as section:
        fail()
    assert section.events["__section__.child"].running == 0
    assert stopwatch.start("work").section.id == "__root__"


def test_a_generator_in_a_section_does_not_close_a_block_that_came_later(stopwatch):
    def steps():
        with stopwatch.section("steps"):
            yield

    running = steps()
    next(running)
    with stopwatch.section("later"):
        assert list(running) == []
        stopwatch.start("work")
    assert "work" in stopwatch.section_events("later")
    assert stopwatch.start("work").section.id == "__root__"


def test_a_stopped_block_is_left_without_complaint(stopwatch):
    with stopwatch.section("a"):
        stopwatch.stop_section("b")
    assert list(stopwatch.sections) == ["__root__", "b"]
    assert stopwatch.section_events("b")["__section__"].count == 1


def test_stopwatches_do_not_share_sections(stopwatch, clock):
    other = Stopwatch(clock=clock)
    with stopwatch.section("a"), other.section("b"):
        assert stopwatch.start("work").section.id == "a"
        assert other.start("work").section.id == "b"
