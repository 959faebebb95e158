"""The fixtures in 200 tests at once, in any order: nothing of one is seen by another, and nothing is left behind."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import os
import random
import threading

import pytest

from polymeter.events import NullDispatcher, activation, current
from polymeter.events.dispatcher import EventDispatcher
from polymeter.registries import AggregatingRegistry

CLASSES = (EventDispatcher, AggregatingRegistry)


def methods():
    return [{name: each for name, each in vars(cls).items() if callable(each)} for cls in CLASSES]


METHODS = methods()


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, required=True)


def pytest_collection_modifyitems(config, items):
    random.Random(config.getoption("--seed")).shuffle(items)


def state():
    files = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    return threading.active_count(), files and len(files), len(activation._of_process), type(current())


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    before = state()
    assert before[3] is NullDispatcher
    yield
    assert state() == before
    assert methods() == METHODS  # laws_hold puts others in their place, for its test
"""

TESTS = """
import asyncio
import os
import threading
from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.events import Event, current
from polymeter.testing import assert_approved

SHARED = Metrics()  # as of an app: used by all tests


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    number: int


class ChatMetrics(MetricsCollector):
    turns = measure.counter("chat.turns", on=TurnFinished, tags=("number",))


def answer(number):
    current().dispatch(TurnFinished(number=number))


def in_a_thread(number):
    thread = threading.Thread(target=answer, args=(number,))
    thread.start()
    thread.join()


async def in_a_task(number):
    await asyncio.gather(asyncio.to_thread(answer, number), asyncio.sleep(0))


@pytest.mark.parametrize("number", range(50))
class TestEach:
    def test_its_metrics_are_its_own(self, metrics, manual_clock, number):
        assert len(metrics.registry) == 0
        assert manual_clock.monotonic() == 0
        metrics.collect(ChatMetrics()).every(3600)
        manual_clock.advance(number)
        with metrics.expect("chat.turns", {"number": number}, by=3).expect("chat.turns", by=3):
            answer(number)
            in_a_thread(number)
            asyncio.run(in_a_task(number))
        assert [each.tags.get("number") for each in metrics.registry.all()] == [number]

    def test_what_is_shared_is_left_as_it_was(self, metrics_for, number):
        assert SHARED.health().listeners == []
        watched = metrics_for(SHARED)
        SHARED.registry.counter("calls", {"number": number})
        SHARED.events.dispatch(number)
        watched.check("calls", by=1)
        assert watched.events == [number]

    def test_the_laws_and_the_provider_are_its_own(self, laws_hold, metrics, captured_events, provider, number):
        metrics.collect(ChatMetrics())
        answer(number)
        assert [each.number for each in captured_events] == [number]
        assert provider.requests == ()
        laws_hold.check()

    def test_a_failure_leaves_nothing_either(self, metrics, number):
        with pytest.raises(AssertionError, match="expected by=2; found: by=1"), metrics.expect("calls", by=2):
            metrics.registry.counter("calls")
        metrics.registry.counter("calls", increment=9)
        assert_approved(metrics, "calls")  # all of them, beside each other
"""


@pytest.mark.parametrize(("seed", "workers"), [(1, 0), (2, 2)], ids=["one process", "xdist"])
def test_200_tests_leave_nothing_behind_in_any_order(pytester, seed, workers):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_many=TESTS)
    approved = pytester.mkdir("approved") / "test_many.calls.txt"
    options = ["-q", "-p", "no:cacheprovider", "-W", "error", f"--seed={seed}"]
    options += ["-n", str(workers)] if workers else ["-p", "no:xdist"]
    pytester.runpytest_subprocess(*options, "--polymeter-approve").assert_outcomes(passed=200)
    assert approved.read_text("utf-8") == "calls (counter)\n  {} 10\n"
    assert [each.name for each in approved.parent.iterdir()] == [approved.name]
