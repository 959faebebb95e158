"""Each run ends exactly once, whoever runs it, wherever, and however often at the same time."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections import Counter

import pytest

from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.events.timing import TimedCompleted, TimedStarted
from polymeter.timing import counted, timed
from polymeter.timing.runs import OPEN
from tests.interpreter import answer_of


def outcomes(told):
    return Counter(each.outcome for each in told if isinstance(each, TimedCompleted))


def started(told):
    return sum(isinstance(each, TimedStarted) for each in told)


def test_a_recursive_function_is_timed_at_each_level(metrics, clock):
    @timed("fall_ms")
    def fall(levels):
        clock.advance(0.01)
        return fall(levels - 1) if levels else None

    fall(3)
    [timer] = metrics.registry.find("fall_ms")
    assert (timer.count, timer.total_ms) == (4, pytest.approx(10 + 20 + 30 + 40))


def test_a_hundred_tasks_in_one_coroutine_function_are_told_apart(metrics, clock, told):
    @timed("wait_ms")
    async def wait(number):
        await gate.wait()
        if number % 4 == 1:
            raise ValueError
        return number

    async def main():
        tasks = [asyncio.ensure_future(wait(number)) for number in range(100)]
        await asyncio.sleep(0)
        assert started(told) == 100
        clock.advance(1)
        for task in tasks[::4]:
            task.cancel()
        gate.set()
        await asyncio.wait(tasks)
        assert [task.result() for task in tasks[2::4]] == list(range(2, 100, 4))
        assert all(task.exception() for task in tasks[1::4])

    gate = asyncio.Event()
    asyncio.run(main())
    assert outcomes(told) == {"ok": 50, "error": 25, "cancelled": 25}
    assert sum(timer.total_ms for timer in metrics.registry.find("wait_ms")) == pytest.approx(100_000)


def test_threads_in_one_function_lose_nothing():
    metrics = Metrics().collect(TimingMetricsCollector(active=True))

    @timed("work_ms", events=metrics.events)
    def work():
        return None

    @counted("work.calls", events=metrics.events)
    def run():
        for _ in range(500):
            work()

    threads = [threading.Thread(target=run) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert metrics.registry.find("work_ms")[0].count == 4000
    assert metrics.registry.find("work.active")[0].value == 0
    assert metrics.registry.total("work.calls") == 8


def test_one_timer_around_many_blocks_at_once_pairs_each_with_its_own(metrics, clock, told):
    timer = timed("block_ms")

    async def task(seconds, entered, leave):
        async with timer:
            with timer:
                entered.set()
                await leave.wait()

    async def main():
        events = [(asyncio.Event(), asyncio.Event()) for _ in range(3)]
        tasks = [asyncio.ensure_future(task(number, *pair)) for number, pair in enumerate(events)]
        for entered, _ in events:
            await entered.wait()
            clock.advance(1)
        for (_, leave), each in zip(events, tasks, strict=True):
            leave.set()
            await each

    asyncio.run(main())
    assert [each.duration_ms for each in told if isinstance(each, TimedCompleted)] == pytest.approx([3000] * 6)


def test_blocks_nest_and_interleave_in_generators(metrics, clock, told):
    timer = timed("block_ms")

    def inside(seconds):
        with timer:
            clock.advance(seconds)
            yield

    with timer:
        first, second = inside(1), inside(2)
        next(first), next(second)
        list(second), list(first)
    assert [each.duration_ms for each in told if isinstance(each, TimedCompleted)] == [2000, 3000, 3000]


def test_a_block_in_an_async_generator_ends_although_the_event_loop_closes_it_elsewhere(metrics, clock, told):
    timer = timed("block_ms")

    async def numbers():
        with timer:
            yield 1

    async def main():
        async for _ in numbers():
            break
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert outcomes(told) == {"abandoned": 1}


def test_a_context_manager_class_is_told_apart_by_its_objects(metrics, clock, told):
    @timed("block_ms")
    class Block:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return True

    first, second = Block(), Block()
    first.__enter__()
    clock.advance(1)
    second.__enter__()
    clock.advance(1)
    first.__exit__(None, None, None)
    with second:
        raise ValueError
    second.__exit__(None, None, None)
    ends = [(each.duration_ms, each.outcome) for each in told if isinstance(each, TimedCompleted)]
    assert ends == [(2000, "ok"), (0, "ok"), (1000, "ok")]


def test_a_class_that_inherits_its_block_is_timed_by_it_and_its_base_is_not(metrics, told):
    class Base:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    @timed("block_ms")
    class Block(Base): ...

    with Base(), Block():
        pass
    assert outcomes(told) == {"ok": 1}


def test_the_dispatcher_is_the_one_that_was_current_at_the_start(clock):
    first, second = (Metrics(clock=clock).collect(TimingMetricsCollector()) for _ in range(2))

    @timed("steps_ms")
    def steps():
        yield

    with first.active():
        generator = steps()
        next(generator)
    with second.active():
        list(generator)
        list(steps())
    assert [each.registry.find("steps_ms")[0].count for each in (first, second)] == [1, 1]


def test_a_function_follows_the_current_dispatcher_from_call_to_call(clock):
    first, second = (Metrics(clock=clock).collect(TimingMetricsCollector()) for _ in range(2))

    @timed("call_ms")
    def call(): ...

    for metrics in (first, second, first):
        with metrics.active():
            call()
    call()
    assert [each.registry.find("call_ms")[0].count for each in (first, second)] == [2, 1]


def test_what_began_before_anybody_counted_what_is_in_flight_does_not_lower_it(clock):
    metrics = Metrics(clock=clock)
    metrics.events.add_listener(TimedCompleted, lambda event: None)

    @timed("steps_ms", events=metrics.events)
    def steps():
        yield

    generator = steps()
    next(generator)
    metrics.collect(TimingMetricsCollector(active=True))
    list(generator)
    assert metrics.registry.find("steps.active") == []


def test_nothing_is_kept_of_runs_that_have_ended(metrics):
    @timed
    async def wait():
        await asyncio.sleep(0)

    asyncio.run(wait())
    gc.collect()
    before = len(OPEN)
    for _ in range(50):
        coroutine = wait()
        coroutine.send(None)
        coroutine.close()
    assert len(OPEN) == before


def test_a_listener_that_raises_does_not_reach_the_call(metrics):
    def broken(_event):
        raise ValueError

    metrics.events.add_listener(TimedStarted, broken)
    metrics.events.add_listener(TimedCompleted, broken, 1)

    assert timed("it")(lambda: 5)() == 5
    assert list(timed("it")(lambda: (yield 5))()) == [5]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_copy_in_a_forked_child_says_nothing_and_the_parent_says_it_once(tmp_path):
    code = """
import json, os, sys
from polymeter import Metrics
from polymeter.events.timing import TimingEvent
from polymeter.timing import counted, start, timed

metrics = Metrics()
told = []
metrics.events.add_listener(TimingEvent, told.append)
metrics.activate()

@timed("function")
@counted("function.calls")
def function():
    return os.fork()

@timed("generator")
def generator():
    yield os.fork()

def said():
    return sorted(type(each).__name__ + " " + each.name for each in told if hasattr(each, "outcome"))

def through(run):
    told.clear()
    child = run()
    if not child:
        with open(sys.argv[1], "a") as file:
            file.write(json.dumps(said()) + "\\n")
        os._exit(0)
    os.waitpid(child, 0)
    return said()

def block():
    with timed("block"):
        return os.fork()

def sample():
    sample = start()
    child = os.fork()
    sample.stop("sample")
    return child

print(json.dumps([through(each) for each in (function, lambda: list(generator())[0], block, sample)]))
"""
    path = tmp_path / "children"
    said = answer_of(f"import sys; sys.argv.append({str(path)!r}); exec({code!r})")
    assert said == [
        ["Counted function.calls", "TimedCompleted function"],
        ["TimedCompleted generator"],
        ["TimedCompleted block"],
        ["TimedCompleted sample"],
    ]
    assert path.read_text().splitlines() == ["[]"] * 4


@pytest.mark.parametrize("first", ["", "import weakref; weakref.finalize(type('C', (), {}), int); "])
def test_what_is_open_when_the_interpreter_exits_is_abandoned_and_exported(first):
    code = f"""{first}
import json
from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.exporters import CallbackExporter
from polymeter.timing import timed

def export(snapshot):
    print(json.dumps([[each.name, each.tags.get("outcome"), each.count] for each in snapshot if each.name == "steps"]))

metrics = Metrics().collect(TimingMetricsCollector()).export_to(CallbackExporter(export)).at_exit()
metrics.activate()

@timed("steps")
def steps():
    yield

kept = steps()
next(kept)
"""
    assert answer_of(code) == [["steps", "abandoned", 1]]
