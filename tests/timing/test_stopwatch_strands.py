"""One stopwatch in many threads and tasks: each has its own section and its own starts."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import multiprocessing
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from polymeter.events.stopwatch import StopwatchPeriodEnded
from polymeter.timing import Stopwatch, StopwatchError


@pytest.fixture
def stopwatch(clock):
    return Stopwatch(clock=clock, memory=None)


def in_thread(function, name="worker"):
    """Run in a thread of its own, and give what came of it."""
    with ThreadPoolExecutor(1, thread_name_prefix=name) as pool:
        return pool.submit(function).result()


def test_each_thread_has_its_own_starts(stopwatch, clock):
    stopwatch.start("work")

    def other():
        assert not stopwatch.is_started("work")
        with pytest.raises(StopwatchError, match="not started in worker_0, but in 'MainThread'"):
            stopwatch.stop("work")
        stopwatch.start("work")
        clock.advance(0.005)
        return stopwatch.stop("work")

    event = in_thread(other)
    assert event is stopwatch.event("work")
    assert (event.is_started, event.count, event.last_period.where) == (True, 1, "worker_0")
    clock.advance(0.005)
    assert [period.duration for period in stopwatch.stop("work").periods] == [5, 10]


def test_a_new_thread_begins_in_the_root_and_one_with_the_context_in_its_section(stopwatch):
    with stopwatch.section("a"):
        context = contextvars.copy_context()
        assert in_thread(lambda: stopwatch.start("work").section.id) == "__root__"
        assert in_thread(lambda: context.run(lambda: stopwatch.start("work").section.id)) == "a"


def test_each_task_has_its_own_section_and_begins_in_that_of_its_parent(stopwatch):
    async def child(identity, both):
        assert stopwatch.start("work").section.id == "parent"
        with stopwatch.section(identity):
            await both.wait()
            stopwatch.start("work")
            await both.wait()
            stopwatch.stop("work")
        stopwatch.stop("work")
        with pytest.raises(StopwatchError, match="section 'parent' was opened by Task-main"):
            stopwatch.stop_section("parent")

    async def main():
        asyncio.current_task().set_name("Task-main")
        with stopwatch.section("parent"):
            both = asyncio.Barrier(2)
            await asyncio.gather(child("a", both), child("b", both))
            assert stopwatch.event("work").count == 2

    asyncio.run(main())
    assert {*stopwatch.section_events("a")} == {*stopwatch.section_events("b")} == {"__section__", "work"}
    assert stopwatch.sections["a"].path == ("parent", "a")


def test_the_starts_of_a_parent_are_not_those_of_its_child(stopwatch):
    async def child():
        assert not stopwatch.is_started("work")
        with pytest.raises(StopwatchError, match="not started in Task-child, but in 'Task-main'"):
            stopwatch.stop("work")
        with stopwatch.measure("work"):
            assert stopwatch.is_started("work")

    async def main():
        asyncio.current_task().set_name("Task-main")
        stopwatch.start("work")
        await asyncio.create_task(child(), name="Task-child")
        stopwatch.stop("work")

    asyncio.run(main())
    assert stopwatch.event("work").count == 2


def test_tasks_that_take_turns_measure_one_name_each_for_itself(stopwatch, clock):
    async def task(turns):
        with stopwatch.measure("work"):
            for _ in range(turns):
                clock.advance(0.001)
                await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*[task(turns) for turns in (1, 2, 3)])

    asyncio.run(main())
    event = stopwatch.event("work")
    assert event.count == 3
    assert len({period.where for period in event.periods}) == 3
    assert [period.duration for period in event.periods] == [3, 4, 4]


def test_a_child_keeps_the_section_that_its_parent_closes_meanwhile(stopwatch):
    async def child(closed):
        stopwatch.start("work")
        await closed.wait()
        stopwatch.stop("work")

    async def main():
        closed = asyncio.Event()
        with stopwatch.section("a"):
            task = asyncio.create_task(child(closed))
            await asyncio.sleep(0)
        closed.set()
        assert stopwatch.start("after").section.id == "__root__"
        await task

    asyncio.run(main())
    assert stopwatch.section_events("a")["work"].count == 1


def test_a_task_may_stop_in_a_copy_of_its_context_what_it_started_outside(stopwatch):
    async def main():
        stopwatch.start("work")
        contextvars.copy_context().run(stopwatch.stop, "work")

    asyncio.run(main())
    assert stopwatch.event("work").count == 1


def test_callbacks_of_a_loop_start_and_stop_what_belongs_to_no_task(stopwatch):
    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_soon(stopwatch.start, "work")
        loop.call_soon(stopwatch.stop, "work")
        loop.call_soon(done.set_result, None)
        await done

    asyncio.run(main())
    assert stopwatch.event("work").count == 1


def test_tasks_of_trio_are_told_apart_too(stopwatch):
    async def child(name, started):
        with stopwatch.measure("work"):
            assert stopwatch.event("work").is_started
            await started.wait()

    async def main():
        async with trio.open_nursery() as nursery:
            started = trio.Event()
            for name in ("a", "b"):
                nursery.start_soon(child, name, started, name=name)
            await trio.testing.wait_all_tasks_blocked()
            assert not stopwatch.is_started("work")
            started.set()

    trio.run(main)
    assert {period.where for period in stopwatch.event("work").periods} == {"a", "b"}


def test_a_block_may_be_left_by_another_thread(stopwatch, clock):
    block = stopwatch.measure("work")
    event = block.__enter__()
    clock.advance(0.003)
    in_thread(lambda: block.__exit__(None, None, None))
    assert (event.running, event.duration, event.last_period.where) == (0, 3, "MainThread")


def test_a_section_may_be_left_in_another_context(stopwatch):
    block = stopwatch.section("a")
    contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert stopwatch.section_events("a")["__section__"].count == 1
    assert stopwatch.start("work").section.id == "__root__"


def test_an_async_generator_that_the_loop_closes_ends_what_it_opened(stopwatch):
    async def chunks():
        with stopwatch.section("stream"), stopwatch.measure("chunks"):
            yield 1

    async def main():
        generator = chunks()
        assert await anext(generator) == 1
        return generator  # closed by the loop's end, in a task of its own

    asyncio.run(main())
    assert stopwatch.section_events("stream")["chunks"].count == 1


def test_many_threads_lose_nothing():
    stopwatch = Stopwatch(memory=None, max_periods=100)
    rounds, workers = 500, 6

    def work():
        for _ in range(rounds):
            with stopwatch.section("shared"), stopwatch.measure("a"):
                stopwatch.start("b")
                stopwatch.lap("b")
                stopwatch.stop("b")

    threads = [threading.Thread(target=work) for _ in range(workers)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    events = stopwatch.section_events("shared")
    assert {name: event.count for name, event in events.items()} == {
        "__section__": rounds * workers,
        "a": rounds * workers,
        "b": rounds * workers * 2,
    }
    assert sum(event.running + event.lost for event in events.values()) == 0
    everything = [*events.values(), *stopwatch.root_section_events.values()]
    assert sum(len(event.periods) for event in everything) == 100
    assert sum(event.dropped for event in everything) == rounds * workers * 5 - 100


def test_a_thread_or_task_that_ends_leaves_no_start_behind_and_it_is_counted(stopwatch):
    async def main():
        await asyncio.create_task(asyncio.to_thread(stopwatch.start, "work"))
        await asyncio.create_task(started())

    async def started():
        stopwatch.start("work")

    in_thread(lambda: stopwatch.start("work"))
    asyncio.run(main())
    gc.collect()
    event = stopwatch.event("work")
    assert (event.running, event.lost, event.count, event.duration) == (0, 3, 0, 0)


def test_a_finaliser_may_measure_while_something_else_is_entered():
    """What is read or stopped from inside of an entry neither waits nor loses anything."""
    inside = []

    def read_memory():
        if not inside:
            inside.append(True)
            with stopwatch.measure("inner"):
                pass

    stopwatch = Stopwatch(memory=read_memory)
    with stopwatch.measure("outer"):
        pass
    assert (stopwatch.event("outer").count, stopwatch.event("inner").count) == (1, 1)

    book = stopwatch.event("outer")._parts.book
    with book._lock:  # as if this thread had been interrupted in an entry
        book._is_busy = True
        with stopwatch.measure("inner"):
            pass
        assert stopwatch.event("inner").count == 1  # as it was last
        book._is_busy = False
    assert stopwatch.event("inner").count == 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_a_signal_handler_may_measure_at_any_moment():
    stopwatch = Stopwatch(memory=None)
    stopwatch.start("ticks").stop()
    ticks, rounds = 0, 0

    def handler(signum, frame):
        nonlocal ticks
        ticks += 1
        with stopwatch.measure("ticks") as event:
            stopwatch.start("work")
            stopwatch.stop("work")
            assert event.running == 1
            assert event.count <= ticks
        signal.setitimer(signal.ITIMER_REAL, 0.0002)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
    try:
        while ticks < 200:
            with stopwatch.measure("work") as event:
                rounds += 1
            assert event.count
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stopwatch.event("ticks").count == ticks + 1
    assert stopwatch.event("work").count == rounds + ticks


def stop_in_child(stopwatch, told, answers):
    stopwatch.stop("work")
    with stopwatch.measure("child"):
        pass
    answers.put((stopwatch.event("work").count, stopwatch.event("child").count, [event.name for event in told]))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_measures_on_whoever_held_the_lock_and_tells_what_it_began(metrics):
    told = []
    metrics.events.add_listener(StopwatchPeriodEnded, told.append)
    stopwatch = Stopwatch(events=metrics.events)
    stopwatch.start("work")
    forking = multiprocessing.get_context("fork")
    answers = forking.SimpleQueue()
    with stopwatch.event("work")._parts.book._lock:
        process = forking.Process(target=stop_in_child, args=(stopwatch, told, answers))
        process.start()
    assert answers.get() == (1, 1, ["child"])
    process.join()
    assert stopwatch.is_started("work")
