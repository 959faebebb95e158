"""ManualClock: time that moves when a test says so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from polymeter.clock import Clock
from polymeter.testing import ManualClock
from polymeter.testing.contracts.registry.together import together

PATIENCE = 60


def test_it_stands_still():
    """Both readings, for as long as nobody moves them."""
    clock = ManualClock(start=1000.0)
    assert isinstance(clock, Clock)
    assert [clock.wall(), clock.monotonic(), clock.wall(), clock.monotonic()] == [1000.0, 0.0, 1000.0, 0.0]


def test_advancing_moves_both_readings():
    """By nothing, too."""
    clock = ManualClock(start=1000.0)
    clock.advance(2.5)
    clock.advance(0)
    assert (clock.wall(), clock.monotonic()) == (1002.5, 2.5)


def test_it_cannot_be_advanced_backwards():
    """The message says what can."""
    clock = ManualClock()
    with pytest.raises(ValueError, match=r"cannot be advanced by -1 s; .* use set_wall\(\)"):
        clock.advance(-1)
    assert clock.monotonic() == 0.0


def test_the_wall_clock_can_be_stepped_alone():
    """In either direction; what passes afterwards comes on top."""
    clock = ManualClock(start=1000.0)
    clock.advance(5)
    clock.set_wall(10.0)
    assert (clock.wall(), clock.monotonic()) == (10.0, 5.0)
    clock.advance(1)
    assert (clock.wall(), clock.monotonic()) == (11.0, 6.0)


def test_sleeping_takes_the_time_it_was_asked_for_at_once():
    """No time or less is none."""
    clock = ManualClock(start=1000.0)
    clock.sleep(3600)
    clock.sleep(0)
    clock.sleep(-5)
    assert (clock.wall(), clock.monotonic()) == (4600.0, 3600.0)


def test_threads_lose_no_time():
    """However many of them sleep."""
    clock = ManualClock()

    def work(_):
        for _ in range(1000):
            clock.sleep(1)

    together(work)
    assert clock.monotonic() == 8000


def test_a_stepped_clock_lets_one_sleep_go_on_per_step():
    """A test can so let a thread go on exactly when it is ready."""
    clock = ManualClock(stepped=True, patience=PATIENCE)
    slept = threading.Semaphore(0)

    def work():
        for _ in range(3):
            clock.sleep(10)
            slept.release()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        for step in (1, 2):
            clock.step()
            assert slept.acquire(timeout=PATIENCE)
            assert not slept.acquire(blocking=False)
            assert clock.monotonic() == step * 10
        clock.step()
        working.result(PATIENCE)
    assert clock.monotonic() == 30


def test_steps_can_be_given_in_advance():
    """Several at a time."""
    clock = ManualClock(stepped=True)
    clock.step(2)
    clock.sleep(1)
    clock.sleep(1)
    assert clock.monotonic() == 2


def test_a_step_that_never_comes_is_an_error():
    """After the patience it was given; no time has passed on the clock."""
    clock = ManualClock(stepped=True, patience=0.01)
    with pytest.raises(TimeoutError, match=r"nobody called step\(\) within 0.01 s"):
        clock.sleep(1)
    assert clock.monotonic() == 0


def test_only_a_stepped_clock_can_be_stepped():
    """The message says how to make one."""
    with pytest.raises(ValueError, match=r"ManualClock\(stepped=True\)"):
        ManualClock().step()
