"""What runs now can be read while it runs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.events.timing import LongTasksSampled
from polymeter.timing import LongTasks, timed


@pytest.fixture
def watched(clock):
    with Metrics(clock=clock).watch(LongTasks()).collect(TimingMetricsCollector()) as metrics, metrics.active():
        yield metrics


def now(metrics, name):
    metrics.snapshot()
    return tuple(
        metrics.registry.get(f"{name}.running{suffix}", {"queue": "day"}).value
        for suffix in ("", ".longest_ms", ".total_ms")
    )


def test_how_many_run_and_for_how_long_is_told_before_each_snapshot(watched, clock):
    @timed("jobs.run_ms", tags={"queue": "day"}, long_task=True)
    def run():
        yield

    first, second = run(), run()
    next(first)
    clock.advance(3)
    next(second)
    clock.advance(1)
    assert now(watched, "jobs.run") == (2, 4000, 5000)
    list(first)
    assert now(watched, "jobs.run") == (1, 1000, 1000)
    second.close()
    assert now(watched, "jobs.run") == (0, 0, 0)


def test_plain_functions_in_other_threads_are_seen_too(watched, clock):
    begun, go_on = threading.Event(), threading.Event()

    @timed("jobs.run_ms", tags={"queue": "day"}, long_task=True, events=watched.events)
    def run():
        begun.set()
        go_on.wait(10)

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(10)
    clock.advance(2)
    try:
        assert now(watched, "jobs.run") == (1, 2000, 2000)
    finally:
        go_on.set()
        thread.join()


def test_blocks_and_coroutines_are_seen_too(watched, clock):
    @timed("jobs.run_ms", tags={"queue": "day"}, long_task=True)
    async def run():
        async with timed("jobs.step_ms", tags={"queue": "day"}, long_task=True):
            clock.advance(1)
            return now(watched, "jobs.run"), now(watched, "jobs.step")

    assert asyncio.run(run()) == ((1, 1000, 1000), (1, 1000, 1000))


def test_once_the_last_has_ended_that_is_told_once(watched):
    told = []
    watched.events.add_listener(LongTasksSampled, told.append)
    with timed("jobs.run_ms", long_task=True):
        watched.snapshot()
    for _ in range(3):
        watched.snapshot()
    assert [each.active for each in told] == [1, 0]


def test_a_dispatcher_hears_only_of_its_own(watched, clock):
    other = Metrics(clock=clock).watch(LongTasks()).collect(TimingMetricsCollector())
    with timed("jobs.run_ms", tags={"queue": "day"}, long_task=True):
        assert now(watched, "jobs.run")[0] == 1
        other.snapshot()
    assert other.registry.find("jobs.run.running") == []


def test_what_is_not_called_a_long_task_is_not_told(watched):
    with timed("jobs.run_ms"):
        watched.snapshot()
    assert watched.registry.find("jobs.run.running") == []
