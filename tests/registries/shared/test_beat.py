"""Beat: it publishes every so often while there is something to publish, takes little of a CPU, and ends when idle."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries.shared import beat as beats
from polymeter.registries.shared.beat import Beat
from polymeter.registries.shared.own import OwnRegistry
from tests.registries.shared.workers import opened

PATIENCE = 10


class Turn:
    def __init__(self, name):
        self.name = name


class TurnMetrics(MetricsCollector):
    turns = measure.counter("turns", on=Turn, tags=("name",))


def wait_until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.002)


class Work:
    """Counts its calls, and says that there was something to do as often as it is told."""

    def __init__(self, busy=0, does=lambda: None):
        self.calls = self.rests = 0
        self.busy = busy
        self.does = does

    def __call__(self):
        self.calls += 1
        self.does()
        return self.calls <= self.busy

    def rest(self):
        self.rests += 1


def running():
    """Count the threads of beats: others come and go too, in the process of a test."""
    return sum(has_begun_with(frame, Beat._run.__code__) for frame in sys._current_frames().values())


def has_begun_with(frame, code):
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


@pytest.fixture(autouse=True)
def calm():
    """Begin and end without a beat that goes on."""
    wait_until(lambda: running() == 0)
    yield
    wait_until(lambda: running() == 0)


# -- the thread


def test_it_ends_when_there_was_nothing_to_do_for_a_while_and_looks_once_more():
    work = Work(busy=3)
    beat = Beat(0.0005, work, work.rest)
    threads = running()
    beat.start()
    beat.start()
    wait_until(lambda: running() == threads + 1)
    wait_until(lambda: running() == threads)
    assert (work.calls, work.rests) == (3 + beats._IDLE + 1, 1)
    beat.start()
    wait_until(lambda: running() == threads and work.rests == 2)


def test_it_stops_when_it_is_told_to():
    work = Work(busy=10**9)
    beat = Beat(0.0005, work, work.rest)
    threads = running()
    beat.start()
    wait_until(lambda: work.calls > 3)
    beat.stop()
    wait_until(lambda: running() == threads)
    assert work.rests == 0


def test_work_that_takes_long_is_done_more_rarely():
    """Two percent of one CPU, whatever the interval says."""

    def burn():
        end = time.thread_time() + 0.004
        while time.thread_time() < end:
            pass

    work = Work(busy=10**9, does=burn)
    beat = Beat(0.001, work, work.rest)
    began = time.monotonic()
    beat.start()
    wait_until(lambda: work.calls >= 4)
    took = time.monotonic() - began
    beat.stop()
    assert took >= 3 * 0.004 / beats._SHARE
    assert beats._SHARE == 0.02


def test_waiting_is_no_work():
    """A slow disk takes time and no CPU."""
    work = Work(busy=10**9, does=lambda: time.sleep(0.01))
    beat = Beat(0.001, work, work.rest)
    began = time.monotonic()
    beat.start()
    wait_until(lambda: work.calls >= 20)
    beat.stop()
    assert time.monotonic() - began < 5


def test_something_that_is_raised_into_its_thread_does_not_keep_the_next_record_from_starting_another(capsys):
    def fail():
        raise MemoryError

    work = Work(busy=10**9, does=fail)
    beat = Beat(0.0005, work, work.rest)
    threads = running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda _: None)
        beat.start()
        wait_until(lambda: work.rests == 1 and running() == threads)
    work.does = lambda: None
    beat.start()
    wait_until(lambda: work.calls > 3)
    beat.stop()
    capsys.readouterr()


def test_where_no_thread_can_be_had_the_next_record_tries_again(monkeypatch):
    def none(*_):
        message = "can't start new thread"
        raise RuntimeError(message)

    work = Work()
    beat = Beat(0.001, work, work.rest)
    monkeypatch.setattr(beats, "start_new_thread", none)
    beat.start()
    assert work.rests == 1
    monkeypatch.undo()
    beat.start()
    wait_until(lambda: work.calls > 0)
    beat.stop()


def test_many_that_start_it_at_once_start_one_thread():
    work = Work(busy=10**9)
    beat = Beat(0.05, work, work.rest)
    threads, gate = running(), threading.Barrier(8)

    def start():
        gate.wait()
        for _ in range(100):
            beat.start()

    starters = [threading.Thread(target=start) for _ in range(8)]
    for each in starters:
        each.start()
    for each in starters:
        each.join()
    wait_until(lambda: running() == threads + 1)
    beat.stop()


# -- as part of a registry


WAYS = {
    "verb": lambda mine, _bound, _metrics: mine.counter("turns", {"name": "a"}),
    "bound": lambda _mine, bound, _metrics: bound.add(),
    "row": lambda _mine, _bound, metrics: metrics.events.dispatch(Turn("a")),
}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(beats, "_IDLE", 2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("quick")
def test_the_first_record_starts_it_and_after_a_rest_the_next_one_does(tmp_path, way):
    with opened(tmp_path, interval=0.002) as mine, opened(tmp_path) as other:
        metrics = Metrics(registry=mine).collect(TurnMetrics())
        bound = mine.bind("counter", "turns", {"name": "a"})
        threads = running()
        for times in range(1, 6):
            assert running() == threads, "no thread before there is a record"
            WAYS[way](mine, bound, metrics)
            wait_until(lambda times=times: other.total("turns") == times)
            wait_until(lambda: running() == threads)
        metrics.close()


def test_reading_alone_starts_no_thread(tmp_path):
    threads = running()
    with opened(tmp_path, interval=0.002) as mine:
        mine.find("calls")
        mine.snapshot()
        mine.define("calls", "counter")
        mine.publish()
        assert running() == threads


@pytest.mark.usefixtures("quick")
def test_records_while_it_is_about_to_end_are_published_all_the_same(tmp_path):
    """Whatever the moment: records come at times that sweep over its end."""
    with opened(tmp_path, interval=0.001) as mine, opened(tmp_path) as other:
        for number in range(1, 80):
            mine.counter("calls")
            wait_until(lambda number=number: other.total("calls") == number)
            time.sleep(0.0001 * (number % 40))


def test_a_record_that_comes_while_it_is_being_awaited_is_not_missed():
    """It must not open the short way again that all others then take."""

    class Racing(OwnRegistry):
        def _go_the_long_way(self):
            super()._go_the_long_way()
            self.counter("calls")  # as another thread might

    registry, woken = Racing(), []
    registry.counter("calls")
    registry.on_next_record(lambda: woken.append(1))
    registry.counter("calls")
    assert woken == [1]


def test_what_waits_in_other_threads_is_published_within_an_interval(tmp_path):
    with opened(tmp_path, interval=0.02) as mine, opened(tmp_path) as other:
        thread = threading.Thread(target=lambda: [mine.counter("calls") for _ in range(3)])
        thread.start()
        thread.join()
        wait_until(lambda: other.total("calls") == 3)


def test_what_publishes_is_the_clock_of_the_machine_and_no_other(tmp_path):
    from polymeter.testing import ManualClock

    with opened(tmp_path, interval=0.01, clock=ManualClock()) as mine, opened(tmp_path) as other:
        mine.counter("calls")
        wait_until(lambda: other.total("calls") == 1)


def test_a_registry_that_is_closed_leaves_no_thread_behind_and_may_be_recorded_on_again(tmp_path):
    threads = running()
    with opened(tmp_path, interval=50) as mine, opened(tmp_path) as other:
        mine.counter("calls")
        wait_until(lambda: running() == threads + 1)
        mine.close()
        wait_until(lambda: running() == threads)
        assert other.total("calls") == 1
        mine.counter("calls")
        wait_until(lambda: running() == threads + 1)
        mine.publish()
        assert other.total("calls") == 2
