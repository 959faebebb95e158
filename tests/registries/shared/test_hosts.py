"""What a host program does in the middle of ours: signal handlers, finalisers, threads, clocks that are stepped."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from contextlib import ExitStack

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries import SharedRegistry
from polymeter.testing import ManualClock
from tests.registries.shared.interrupted import Calling, Interrupted, RaisingAt
from tests.registries.shared.workers import Worker, damaged, failed, opened

SERIES = 3

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def scene(tmp_path):
    """Give what makes three registries anew: of this process, of one that lives, and a third one's counts, dead."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def make():
            here = tmp_path / str(next(numbers))
            scene = stack.enter_context(ExitStack())
            mine, other = (scene.enter_context(opened(here)) for _ in range(2))
            with opened(here) as dead:
                record(dead)
            record(other)
            other.publish()
            record(mine)
            return mine, other, scene

        yield make


def record(registry):
    for number in range(SERIES):
        registry.counter("calls", {"n": number})
    registry.timer("took_ms", 5.0)
    registry.up_down("level", 1)


def whole(registry):
    return (
        registry.total("calls"),
        registry.get("took_ms").count,
        registry.get("level").value,
        len(registry.find("calls")),
    )


TIMES_THREE = (3 * SERIES, 3, 2, SERIES)

WORK = {
    "publish": lambda mine: mine.publish(),
    "total": lambda mine: mine.total("calls"),
    "snapshot": lambda mine: mine.snapshot(),
}


def _interrupted(scene, work, stride, check):
    """Do ``work`` with an interruption at each ``stride``-th place, until there is none left."""
    interrupted, left = 0, 0
    for reached in itertools.count(1, stride):
        if left > 0:
            break
        mine, other, parts = scene()
        try:
            with RaisingAt(reached) as raising:
                work(mine)
        except Interrupted:
            interrupted += 1
        check(mine, other, reached)
        parts.close()
        left = raising.left
    return interrupted


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("stride", [pytest.param(131), pytest.param(1, marks=pytest.mark.long)])
def test_a_signal_handler_that_raises_anywhere_loses_and_doubles_nothing(scene, work, stride):
    def check(mine, other, reached):
        mine.publish()
        assert whole(other) == TIMES_THREE, reached
        assert whole(mine) == TIMES_THREE, reached
        record(mine)
        mine.publish()
        assert whole(other) == (4 * SERIES, 4, 3, SERIES), reached
        assert damaged(mine) == damaged(other) == 0, reached

    assert _interrupted(scene, WORK[work], stride, check) > 5


@pytest.mark.parametrize("stride", [pytest.param(11), pytest.param(1, marks=pytest.mark.long)])
def test_what_changed_while_a_drain_was_interrupted_is_published_next(scene, stride):
    """Of series that others have seen before: their change alone says that there is something to publish."""
    interrupted = 0
    for reached in itertools.count(1, stride):
        mine, other, parts = scene()
        mine.publish()
        record(mine)
        try:
            with RaisingAt(reached) as raising:
                mine.publish()
        except Interrupted:
            interrupted += 1
        mine.publish()
        assert (other.total("calls"), other.get("took_ms").count) == (4 * SERIES, 4), reached
        parts.close()
        if raising.left > 0:
            break
    assert interrupted > 10


@pytest.mark.parametrize("stride", [pytest.param(131), pytest.param(1, marks=pytest.mark.long)])
def test_an_order_to_forget_that_is_interrupted_anywhere_keeps_every_total(scene, stride):
    def check(mine, other, reached):
        assert mine.total("calls") == 3 * SERIES, reached
        assert other.total("calls") == 3 * SERIES, reached
        mine.forget("calls", {"n": 1})
        other.publish()
        assert mine.total("calls") == other.total("calls") == 3 * SERIES, reached
        assert mine.find("calls", {"n": 1}) == other.find("calls", {"n": 1}) == [], reached

    assert _interrupted(scene, lambda mine: mine.forget("calls", {"n": 1}), stride, check) > 10


@pytest.mark.parametrize("stride", [pytest.param(11), pytest.param(1, marks=pytest.mark.long)])
def test_a_clear_that_is_interrupted_anywhere_can_be_done_again(scene, stride):
    def check(mine, other, reached):
        mine.clear()
        record(mine)
        mine.publish()
        assert whole(other) == whole(mine) == (SERIES, 1, 1, SERIES), reached

    assert _interrupted(scene, lambda mine: mine.clear(), stride, check) > 5


@pytest.mark.parametrize("stride", [pytest.param(37), pytest.param(1, marks=pytest.mark.long)])
def test_one_that_obeys_a_clear_and_is_interrupted_anywhere_obeys_it_once(scene, stride):
    def check(mine, other, reached):
        assert mine.total("calls") == 0, reached
        record(mine)
        mine.publish()
        assert whole(other) == whole(mine) == (SERIES, 1, 1, SERIES), reached

    interrupted = 0
    for reached in itertools.count(1, stride):
        mine, other, parts = scene()
        with opened(mine._path.parent) as third:
            third.clear()
        try:
            with RaisingAt(reached) as raising:
                mine.publish()
        except Interrupted:
            interrupted += 1
        check(mine, other, reached)
        parts.close()
        if raising.left > 0:
            break
    assert interrupted > 5


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("stride", [pytest.param(131), pytest.param(1, marks=pytest.mark.long)])
def test_a_finaliser_that_records_and_reads_anywhere_is_counted_and_answered(scene, work, stride):
    """A garbage collection may run code of the program's in the middle of whatever we do."""
    for reached in itertools.count(1, stride):
        mine, other, parts = scene()
        told = []

        def finaliser(mine=mine, told=told):
            record(mine)
            told.append(mine.total("calls"))
            mine.publish()
            told.append(len(mine.snapshot()))

        with Calling(reached, finaliser) as calling:
            WORK[work](mine)
        times = 4 if told else 3
        assert mine.total("calls") == times * SERIES, reached
        mine.publish()
        assert other.total("calls") == times * SERIES, reached
        assert failed(mine) == 0
        parts.close()
        if calling.left > 0:
            return
        assert told, reached
        assert told[0] <= 4 * SERIES


def test_real_finalisers_may_record_and_read_while_it_publishes_and_reads(tmp_path):
    with opened(tmp_path, interval=0.01) as mine, opened(tmp_path) as other:
        ended = itertools.count()

        class Ending:
            def __init__(self):
                self.me = self  # only a collection finds it

            def __del__(self):
                next(ended)
                mine.counter("ends")
                mine.total("ends")

        before = gc.get_threshold()
        gc.set_threshold(50, 2, 2)
        try:
            for number in range(300):
                Ending()
                mine.counter("calls", {"n": number % 20})
                mine.find("calls")
        finally:
            gc.set_threshold(*before)
            gc.collect()
        mine.publish()
        assert other.total("ends") == next(ended) == 300
        assert other.total("calls") == 300
        assert failed(mine) == 0


# -- threads


def test_threads_read_at_once_and_each_sees_no_less_than_before(tmp_path):
    with ExitStack() as stack:
        mine = stack.enter_context(opened(tmp_path, interval=0.005))
        worker = stack.enter_context(Worker(tmp_path, interval=0.005))
        worker.begin(
            "import time; [(registry.counter('calls', {'n': n % 50}), time.sleep(0.0005)) for n in range(900)]"
        )
        wrong, done = [], threading.Event()

        def read(ask):
            before = 0
            while not done.is_set():
                now = ask()
                if now < before:
                    wrong.append((before, now))
                before = now

        def churn():
            """Series that come and go change what others walk over."""
            for number in range(200):
                mine.counter("short", {"n": number})
                mine.forget("short", {"n": number})

        asks = [
            lambda: mine.total("calls"),
            lambda: sum(each.value for each in mine.find("calls")),
            lambda: sum(each.value for each in mine.snapshot() if each.name == "calls"),
            lambda: mine.total("short"),
        ]
        threads = [threading.Thread(target=read, args=(ask,)) for ask in asks]
        for thread in threads:
            thread.start()
        churn()
        worker.told()
        done.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        worker.do("registry.publish()")
        assert mine.total("calls") == 900
        assert mine.total("short") == 200
        assert failed(mine) == 0


@pytest.mark.parametrize("threads", [8])
def test_many_threads_record_while_others_read_and_nothing_is_lost(tmp_path, threads):
    class Done:
        def __init__(self, name):
            self.name, self.took = name, 1.5

    class DoneMetrics(MetricsCollector):
        done = measure.counter("done", on=Done, tags=("name",))
        took = measure.histogram("took", on=Done, value="took", tags=("name",))

    with opened(tmp_path, interval=0.005) as mine, opened(tmp_path) as other:
        metrics = Metrics(registry=mine).collect(DoneMetrics())
        bound = mine.bind("counter", "bound")

        def work(number):
            for n in range(500):
                mine.counter("calls", {"thread": number, "n": n % 7})
                bound.add()
                metrics.events.dispatch(Done(f"{n % 3}"))

        all_of_them = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for thread in all_of_them:
            thread.start()
        while any(thread.is_alive() for thread in all_of_them):
            assert mine.total("calls") >= 0
            assert other.total("done") >= 0
        for thread in all_of_them:
            thread.join()
        metrics.close()
        mine.publish()
        for name in ("calls", "bound", "done"):
            assert mine.total(name) == other.total(name) == threads * 500
        assert sum(each.count for each in other.find("took")) == threads * 500


def test_a_clear_by_one_thread_loses_nothing_of_what_is_recorded_after_it(tmp_path):
    with opened(tmp_path, interval=0.002) as mine:
        for _ in range(60):
            mine.counter("calls")
            mine.clear()
            mine.counter("calls")
            time.sleep(0.001)
            assert mine.total("calls") == 1


# -- registries


def test_two_apps_of_one_name_in_two_directories_never_meet(tmp_path):
    with opened(tmp_path / "a") as one, opened(tmp_path / "b") as other:
        one.counter("calls")
        one.publish()
        assert other.find("calls") == []
        other.counter("calls", {"mine": True})
        other.clear()
        other.forget("calls")
        assert one.total("calls") == 1


def test_two_apps_of_different_names_never_meet(tmp_path):
    with opened(tmp_path, "shop") as one, opened(tmp_path, "shop2") as other:
        one.counter("calls")
        one.publish()
        assert other.find("calls") == []
        other.clear()
        assert one.total("calls") == 1


def test_two_registries_of_one_app_in_one_process_are_two_writers(tmp_path):
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.counter("calls")
        other.counter("calls", increment=2)
        one.gauge("level", 5)
        one.publish()
        assert other.total("calls") == 3
        other.publish()
        assert one.total("calls") == 3
        one.close()
        assert other.total("calls") == 3
        assert other.find("level") == []
        one.counter("calls")  # as another one, from nothing
        one.publish()
        assert other.total("calls") == 4


def test_a_registry_that_nobody_holds_lets_go_of_its_slot(tmp_path):
    """Whoever throws one away without closing it has lost what it had not published, and blocks nobody."""
    with opened(tmp_path) as other:
        one = SharedRegistry("shop", directory=tmp_path, interval=1000)
        one.counter("calls")
        one.publish()
        one.counter("calls")
        one.close()
        del one
        gc.collect()
        assert other.total("calls") == 2


# -- clocks

YEAR = 365 * 24 * 3600.0


def test_clocks_that_are_stepped_by_years_change_no_count(tmp_path):
    clocks = [ManualClock(), ManualClock(), ManualClock(1_000_000.0)]
    with ExitStack() as stack:
        writers = [stack.enter_context(opened(tmp_path, clock=clock, expire_after=60)) for clock in clocks]
        counts = 0
        for number, years in enumerate((0, 30, -40, 10, -50, 50, 0)):
            clocks[number % 2].set_wall(1_700_000_000.0 + years * YEAR)
            for writer in writers:
                writer.counter("calls", {"n": number % 2})
                writer.timer("took_ms", 5.0)
                writer.gauge("level", number)
                counts += 1
                writer.publish()
            for reader in writers:
                assert reader.total("calls") == counts
                assert reader.total("took_ms") == 5.0 * counts
                assert len(reader.find("level")) == 1
                for metric in reader.all():
                    assert metric.start <= metric.timestamp
        writers[2].close()
        clocks[0].set_wall(0.0)
        assert writers[0].total("calls") == writers[1].total("calls") == counts


def test_what_the_dead_counted_expires_by_the_clock_of_the_registry(tmp_path):
    clock = ManualClock()
    with opened(tmp_path, clock=clock, expire_after=60) as mine:
        with opened(tmp_path, clock=clock, expire_after=60) as dead:
            dead.counter("calls")
        assert len(mine.find("calls")) == 1
        clock.advance(61)
        assert mine.find("calls") == []
        assert mine.total("calls") == 1
        clock.set_wall(clock.wall() - 10 * YEAR)
        assert mine.total("calls") == 1
