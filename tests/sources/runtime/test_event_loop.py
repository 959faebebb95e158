"""How late event loops come to what is due."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import weakref
from contextvars import ContextVar

import pytest

from polymeter.errors import DefinitionError
from polymeter.events.runtime import EventLoopSampled, EventLoopTicked
from polymeter.metrics import Metrics
from polymeter.sources import EventLoopSource
from tests.interpreter import answer_of, bare_environment
from tests.sources.runtime.hearing import Ear


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time a test moves."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0

    def time(self):
        return self.now

    async def blocked_for(self, seconds):
        """Let so much time pass without a turn, then have one."""
        self.now += seconds
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def lags(ear):
    return [round(each.lag_ms, 6) for each in ear.heard]


def test_a_timer_is_late_by_what_blocked_the_loop(loop):
    """Minus the time that it was not yet due."""
    ear = Ear(EventLoopTicked)

    async def main():
        with EventLoopSource(interval_ms=20, slow_ms=100).install(ear):
            await loop.blocked_for(0.02)
            await loop.blocked_for(0.1)
            await loop.blocked_for(0.095)
            await loop.blocked_for(0.01)
            await loop.blocked_for(0.01)

    loop.run_until_complete(main())
    assert lags(ear) == [0, 80, 75, 0]
    assert [each.is_stalled for each in ear.heard] == [False, True, False, False]


BLOCKING = """
import asyncio, json, time
from polymeter import Metrics
from polymeter.collectors import RuntimeMetricsCollector
from polymeter.sources import EventLoopSource

metrics = Metrics().collect(RuntimeMetricsCollector())

async def blocks():
    time.sleep(0.1)

async def main():
    metrics.watch(EventLoopSource())
    await asyncio.sleep(0.05)
    await asyncio.create_task(blocks())
    await asyncio.sleep(0.05)
    await asyncio.to_thread(metrics.snapshot)
    (lag,) = metrics.registry.find("asyncio.loop.lag_ms")
    (tasks,) = metrics.registry.find("asyncio.tasks")
    return [lag.distribution.max * 1000, metrics.registry.total("asyncio.loop.stalls"), tasks.value,
            dict(lag.tags)]

answer = asyncio.run(main())
metrics.close()
print(json.dumps(answer))
"""


def test_a_task_that_blocks_for_100_ms_is_seen_in_a_real_process():
    worst, stalls, tasks, tags = answer_of(BLOCKING)
    assert worst >= 79
    assert stalls >= 1
    assert tasks == 1
    assert tags == {"loop": "MainThread"}


def test_it_is_watched_where_a_loop_runs():
    with pytest.raises(DefinitionError, match="startup or lifespan"):
        Metrics().watch(EventLoopSource())


@pytest.mark.parametrize("times", [{"interval_ms": 0}, {"interval_ms": 100}, {"slow_ms": float("nan")}])
def test_times_that_make_no_sense_are_refused(times):
    with pytest.raises(DefinitionError, match="the interval the smaller one"):
        EventLoopSource(**times)


def test_a_loop_ends_and_goes_as_if_nobody_watched_it():
    ear, source = Ear(EventLoopTicked), EventLoopSource()
    loop = asyncio.new_event_loop()

    async def main():
        source.install(ear)

    loop.run_until_complete(main())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_several_loops_one_after_the_other_and_side_by_side():
    ear, source = Ear(EventLoopTicked), EventLoopSource(interval_ms=1)

    async def main():
        ticked, here = asyncio.Event(), threading.current_thread().name

        def heard(event):
            if event.loop == here:
                ticked.set()

        with source.install(ear), ear.add_listener(EventLoopTicked, heard):
            await ticked.wait()

    asyncio.run(main())
    asyncio.run(main())
    others = [threading.Thread(target=asyncio.run, args=(main(),), name=name) for name in ("left", "right")]
    for each in others:
        each.start()
    for each in others:
        each.join()
    assert {each.loop for each in ear.heard} == {"MainThread", "left", "right"}


def test_an_end_stops_the_timer_at_once(loop):
    ear, source = Ear(EventLoopTicked), EventLoopSource()

    async def main():
        subscription = source.install(ear)
        await loop.blocked_for(0.02)
        subscription.cancel()
        await loop.blocked_for(1)

    loop.run_until_complete(main())
    assert lags(ear) == [0]


def test_an_end_on_another_thread_stops_it_when_it_is_due(loop):
    ear, source = Ear(EventLoopTicked), EventLoopSource()

    async def main():
        subscription = source.install(ear)
        await loop.blocked_for(0.02)
        other = threading.Thread(target=subscription.cancel)
        other.start()
        other.join()
        await loop.blocked_for(1)
        assert not [each for each in loop._scheduled if not each.cancelled()]

    loop.run_until_complete(main())
    assert lags(ear) == [0]


def test_an_end_after_the_loop_is_closed_is_harmless():
    subscriptions = []

    async def main():
        subscriptions.append(EventLoopSource().install(Ear()))

    asyncio.run(main())
    subscriptions[0].cancel()


def test_one_dispatcher_is_told_once_of_a_loop(loop):
    ear = Ear(EventLoopTicked)

    async def main():
        first, second = EventLoopSource().install(ear), EventLoopSource().install(ear)
        await loop.blocked_for(0.02)
        first.cancel()
        await loop.blocked_for(0.02)
        second.cancel()

    loop.run_until_complete(main())
    assert lags(ear) == [0, 0]


def test_nobody_listens_and_no_event_is_made(loop):
    """Who listens later hears of what is later."""
    metrics = Metrics()
    heard = []

    async def main():
        with EventLoopSource().install(metrics.events):
            await loop.blocked_for(0.5)
            with metrics.events.add_listener(EventLoopTicked, heard.append):
                await loop.blocked_for(0.05)

    loop.run_until_complete(main())
    assert [round(each.lag_ms, 6) for each in heard] == [30]


def test_a_listener_that_raises_stops_nothing(loop):
    ear = Ear(EventLoopTicked, on_error="raise")
    loop.set_exception_handler(lambda *_: None)

    def fails(_):
        raise ValueError

    async def main():
        with EventLoopSource().install(ear), ear.add_listener(EventLoopTicked, fails):
            await loop.blocked_for(0.02)
            await loop.blocked_for(0.02)

    loop.run_until_complete(main())
    assert lags(ear) == [0, 0]


def test_what_the_installing_task_had_in_its_context_does_not_live_on(loop):
    request = ContextVar("request")
    source, ear = EventLoopSource(), Ear(EventLoopTicked)

    class Request:
        pass

    async def handles():
        request.set(Request())
        source.install(ear)
        return weakref.ref(request.get())

    async def main():
        gone = await asyncio.create_task(handles())
        await loop.blocked_for(0.02)
        gc.collect()
        assert gone() is None

    loop.run_until_complete(main())
    assert ear.heard[0].unit_of_work is None


def test_tasks_are_counted_and_none_is_left_when_the_loop_has_ended():
    ear, source = Ear(EventLoopSampled), EventLoopSource(name="jobs")

    async def main():
        source.install(ear)
        sleepers = [asyncio.create_task(asyncio.sleep(60)) for _ in range(5)]
        (sampled,) = await asyncio.to_thread(ear.polled, source)
        assert (sampled.loop, sampled.tasks) == ("jobs", 6)
        for each in sleepers:
            each.cancel()

    asyncio.run(main())
    assert [(each.loop, each.tasks) for each in ear.polled(source)] == [("jobs", 0)]
    assert ear.polled(source) == []


def test_tasks_of_one_loop_count_once_however_often_it_is_watched():
    ear, source = Ear(EventLoopSampled), EventLoopSource()

    async def main():
        with source.install(ear), source.install(ear):
            return await asyncio.to_thread(ear.polled, source)

    (sampled,) = asyncio.run(main())
    assert sampled.tasks == 1


def test_a_dispatcher_hears_of_its_own_loops_alone():
    source, one, other = EventLoopSource(), Ear(EventLoopSampled), Ear(EventLoopSampled)

    async def main():
        with source.install(one):
            return await asyncio.to_thread(other.polled, source)

    assert asyncio.run(main()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_a_forked_child_does_not_tell_of_the_loops_of_its_parent():
    code = """
import asyncio, json, os
from polymeter.events import EventDispatcher
from polymeter.sources import EventLoopSource

heard = []
events = EventDispatcher()
events.add_listener(object, heard.append)
source = EventLoopSource()

async def main():
    source.install(events)
    child = os.fork()
    if not child:
        source.poll(events)
        os._exit(len(heard))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print(json.dumps(asyncio.run(main())))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code], env=bare_environment(), capture_output=True, check=True
    )
    assert json.loads(done.stdout) == 0
