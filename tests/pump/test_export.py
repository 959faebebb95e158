"""Exports by hand: everybody has a turn, and nothing is lost or sent twice."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polymeter.pump
from polymeter.errors import ExportError
from polymeter.metrics import Metrics
from polymeter.pump import Pump
from polymeter.registries import AggregatingRegistry
from polymeter.testing import ManualClock
from tests.events.interruptions import interrupted_everywhere
from tests.pump.exporters import PATIENCE, Blocking, Recording, Unhashable


def test_an_export_brings_a_snapshot_to_every_exporter(metrics, exporter):
    """The same one, in the order in which they were added."""
    other = Recording()
    metrics.export_to(other)
    metrics.registry.counter("calls", increment=3)
    metrics.export()
    assert exporter.snapshots == other.snapshots
    assert exporter.values("calls") == [3]


def test_an_exporter_that_fails_does_not_keep_the_others_from_their_turn(metrics, exporter):
    """Whether they come before or after it; then the error says who failed with what."""
    failing, last = Recording(), Recording()
    failing.error = ConnectionError("http://user:secret@host")
    metrics.export_to(failing).export_to(last)
    with pytest.raises(ExportError) as caught:
        metrics.export()
    assert len(exporter.snapshots) == len(last.snapshots) == 1
    assert str(caught.value) == "could not export to Recording: ConnectionError (the exceptions are in .failures)"
    assert caught.value.failures == ((failing, failing.error),)
    assert caught.value.__cause__ is failing.error


def test_all_failures_are_in_the_error(metrics, exporter):
    """One line for all of them."""
    other = Recording()
    metrics.export_to(other)
    exporter.error, other.error = ValueError(), OSError()
    with pytest.raises(ExportError, match="Recording: ValueError; Recording: OSError") as caught:
        metrics.export()
    assert {failed for failed, _ in caught.value.failures} == {exporter, other}


def test_a_failure_is_logged_once_per_minute_without_its_message(metrics, exporter, clock, caplog):
    """The counts say the rest."""
    exporter.error = ValueError("secret")
    for seconds in (0, 59, 1, 30):
        clock.advance(seconds)
        with pytest.raises(ExportError):
            metrics.export()
    assert [record.getMessage() for record in caplog.records] == [
        "export to Recording failed: ValueError (1 failures so far; logged at most once per 60 s)",
        "export to Recording failed: ValueError (3 failures so far; logged at most once per 60 s)",
    ]
    assert "secret" not in caplog.text


def test_a_log_handler_that_raises_keeps_nobody_from_their_turn(metrics, exporter):
    """Logging is the user's, and may do anything."""

    def refuse(_record):
        raise RuntimeError

    other = Recording()
    metrics.export_to(other)
    exporter.error = ValueError()
    logger = logging.getLogger("polymeter.pump")
    logger.addFilter(refuse)
    try:
        with pytest.raises(ExportError):
            metrics.export()
    finally:
        logger.removeFilter(refuse)
    assert len(other.snapshots) == 1


def test_health_says_what_became_of_the_exports(metrics, exporter, clock):
    """For each exporter."""
    (before,) = metrics.health().exporters
    assert (before.exporter, before.succeeded, before.failed, before.last_success_at) == ("Recording", 0, 0, None)
    metrics.export()
    succeeded_at = clock.wall()
    clock.advance(5)
    exporter.error = ValueError("secret")
    with pytest.raises(ExportError):
        metrics.export()
    (after,) = metrics.health().exporters
    assert (after.succeeded, after.failed) == (1, 1)
    assert (after.last_success_at, after.last_error) == (succeeded_at, "ValueError")


def test_without_exporters_nothing_is_exported():
    """Nor is a snapshot taken."""

    def read():
        raise AssertionError

    assert Pump(read).export() == []


def test_a_cumulative_exporter_gets_totals(metrics, exporter):
    """Each time all of it."""
    for _ in range(3):
        metrics.registry.counter("calls")
        metrics.export()
    assert exporter.values("calls") == [1, 2, 3]


def test_a_delta_exporter_gets_what_is_new(metrics):
    """And a cumulative one beside it is not disturbed."""
    delta, total = Recording("delta"), Recording()
    metrics.export_to(delta).export_to(total)
    for increment in (5, 7, 0):
        metrics.registry.counter("calls", increment=increment)
        metrics.registry.histogram("size", increment)
        metrics.export()
    assert delta.values("calls") == [5, 7, 0]
    assert [snapshot.by_name("size")[0].count for snapshot in delta.snapshots] == [1, 1, 1]
    assert total.values("calls") == [5, 12, 12]


def test_what_a_failed_export_carried_is_in_the_next_one(metrics):
    """The cursor moves on success only."""
    delta = Recording("delta")
    metrics.export_to(delta)
    metrics.registry.counter("calls", increment=1)
    metrics.export()
    delta.error = TimeoutError()
    for _ in range(2):
        metrics.registry.counter("calls", increment=10)
        with pytest.raises(ExportError):
            metrics.export()
    delta.error = None
    metrics.registry.counter("calls", increment=100)
    metrics.export()
    assert delta.values("calls") == [1, 120]


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans(), st.booleans()), max_size=15))
def test_the_deltas_add_up_to_the_total_whatever_fails(steps):
    """Each exporter has a cursor of its own."""
    metrics = Metrics(clock=ManualClock())
    deltas = Recording("delta"), Recording("delta")
    for each in deltas:
        metrics.export_to(each)
    for number, (increment, *fails) in enumerate(steps):
        metrics.registry.counter("calls", {"new": number % 4}, increment)
        metrics.registry.timer("wait", increment)
        for each, failing in zip(deltas, fails, strict=True):
            each.error = ValueError() if failing else None
        if any(fails):
            with pytest.raises(ExportError):
                metrics.export()
        else:
            metrics.export()
    for each in deltas:
        each.error = None
    metrics.export()
    for each in deltas:
        assert sum(each.values("calls")) == metrics.registry.total("calls")
        counts = [sum(metric.count for metric in snapshot.by_name("wait")) for snapshot in each.snapshots]
        assert sum(counts) == len(steps)


def test_a_clear_begins_anew_for_everybody(metrics):
    """A delta never goes below zero."""
    delta = Recording("delta")
    metrics.export_to(delta)
    for increment in (5, 2, 7):
        metrics.registry.counter("calls", increment=increment)
        metrics.export()
        metrics.clear()
    assert delta.values("calls") == [5, 2, 7]


def test_a_clear_of_the_registry_alone_is_noticed_too(metrics):
    """It is a new epoch."""
    delta = Recording("delta")
    metrics.export_to(delta)
    for increment in (5, 2, 7):
        metrics.registry.counter("calls", increment=increment)
        metrics.export()
        metrics.registry.clear()
    assert delta.values("calls") == [5, 2, 7]


def test_the_deltas_of_self_metrics_add_up_across_a_clear(metrics):
    """Exports are counted once, whoever starts anew."""
    delta = Recording("delta")
    metrics.export_to(delta)
    for _ in range(3):
        metrics.export()
        metrics.clear()
    metrics.export()
    assert sum(delta.values("polymeter.exports")) == 3


def test_an_exporter_that_is_a_data_class_has_its_turn(metrics):
    """It need not be hashable."""
    exporter, other = Unhashable(), Recording()
    metrics.export_to(exporter).export_to(other)
    metrics.export()
    assert exporter.exports == len(other.snapshots) == 1


def test_the_failure_of_an_exporter_that_is_a_data_class_is_told(metrics):
    """As that of any other."""
    exporter = Unhashable(exports=None)
    metrics.export_to(exporter)
    with pytest.raises(ExportError, match="Unhashable: TypeError"):
        metrics.export()


def test_an_exporter_whose_temporality_raises_fails_alone(metrics):
    """It is counted as failed."""

    class Odd(Recording):
        @property
        def temporality(self):
            if self.snapshots is None:
                raise RuntimeError
            return "cumulative"

        @temporality.setter
        def temporality(self, value): ...

    odd, other = Odd(), Recording()
    metrics.export_to(odd).export_to(other)
    odd.snapshots = None
    with pytest.raises(ExportError, match="Odd: RuntimeError"):
        metrics.export()
    assert len(other.snapshots) == 1


def test_an_exporter_that_exports_does_not_recurse_for_ever(metrics):
    """The inner export does nothing."""
    calls = []

    class Exporting(Recording):
        def export(self, snapshot):
            calls.append(snapshot)
            metrics.export()

    other = Recording()
    metrics.export_to(Exporting()).export_to(other)
    metrics.export()
    assert (len(calls), len(other.snapshots)) == (1, 1)
    metrics.export()
    assert (len(calls), len(other.snapshots)) == (2, 2)


def test_an_exporter_may_take_a_snapshot_and_add_or_remove_exporters(metrics):
    """Who was there has a turn this time; who came has one next time."""
    added = Recording()

    class Meddling(Recording):
        def export(self, snapshot):
            super().export(metrics.snapshot())
            metrics.remove(self).export_to(added)

    meddling, other = Meddling(), Recording()
    metrics.export_to(meddling).export_to(other)
    metrics.export()
    metrics.export()
    assert [len(each.snapshots) for each in (meddling, other, added)] == [1, 2, 1]


def test_exports_do_not_overlap(metrics):
    """A second one waits until the first has ended."""
    blocking, after = Blocking(), Recording()
    metrics.export_to(blocking).export_to(after)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(metrics.export)
        assert blocking.entered.wait(PATIENCE)
        began = threading.Event()

        def export():
            began.set()
            metrics.export()

        second = pool.submit(export)
        assert began.wait(PATIENCE)
        assert blocking.exports == 1
        blocking.let_go.set()
        first.result(PATIENCE)
        second.result(PATIENCE)
    assert blocking.exports == len(after.snapshots) == 2


class Reading:
    """Reads a registry for a pump; on another thread than the main one only after having been let go.

    :ivar late: whether the registry is read before that, so that what is delivered then is old.
    """

    def __init__(self, *, late=False):
        self.registry = AggregatingRegistry()
        self.exporter = Recording()
        self.pump = Pump(self)
        self.pump.add(self.exporter)
        self.late = late
        self.entered, self.let_go = threading.Event(), threading.Event()

    def __call__(self):
        snapshot = self.registry.snapshot()
        if threading.current_thread() is not threading.main_thread():
            self.entered.set()
            assert self.let_go.wait(PATIENCE)
        return snapshot if self.late else self.registry.snapshot()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as it:
        yield it


@pytest.mark.timeout(20)
def test_an_export_does_not_wait_for_one_that_is_still_reading(pool):
    """Which may be waiting for what this one has interrupted, in a signal handler."""
    reading = Reading()
    try:
        other = pool.submit(reading.pump.export)
        assert reading.entered.wait(PATIENCE)
        reading.pump.export()
        assert len(reading.exporter.snapshots) == 1
    finally:
        reading.let_go.set()
    assert other.result(PATIENCE) == []
    assert len(reading.exporter.snapshots) == 2


@pytest.mark.timeout(20)
def test_what_has_been_overtaken_reads_again(pool):
    """An older state is never delivered after a newer one."""
    reading = Reading(late=True)
    try:
        reading.registry.counter("calls")
        other = pool.submit(reading.pump.export)
        assert reading.entered.wait(PATIENCE)
        reading.registry.counter("calls")
        reading.pump.export()
        reading.registry.counter("calls")
    finally:
        reading.let_go.set()
    other.result(PATIENCE)
    assert reading.exporter.values("calls") == [2, 3]


def test_an_export_by_hand_that_reads_has_the_right_of_way():
    """The pump's thread would overtake it each time."""
    reads = threading.Semaphore(0)
    entered, let_go = threading.Event(), threading.Event()

    def read():
        if threading.current_thread() is by_hand:
            entered.set()
            assert let_go.wait(PATIENCE)
        reads.release()
        return registry.snapshot()

    registry, exporter, pump = AggregatingRegistry(), Recording(), Pump(read)
    pump.add(exporter)
    by_hand = threading.Thread(target=pump.export)
    by_hand.start()
    try:
        assert entered.wait(PATIENCE)
        pump.every(0.001)
        for _ in range(5):
            assert reads.acquire(timeout=PATIENCE)
        assert exporter.snapshots == []
    finally:
        let_go.set()
        by_hand.join()
        pump.stop()
    assert exporter.snapshots


def test_an_export_waits_for_another_one_for_a_limited_time(pool):
    """The others have their turn, and nothing is lost: the next one has it."""
    blocking, after = Blocking(), Recording()
    registry = AggregatingRegistry()
    pump = Pump(registry.snapshot)
    pump.add(blocking)
    pump.add(after)
    try:
        other = pool.submit(pump.export)
        assert blocking.entered.wait(PATIENCE)
        registry.counter("calls")
        ((who, error),) = pump.export(0.01)
        assert who is blocking
        assert isinstance(error, TimeoutError)
        assert str(error) == "an earlier export to Blocking is still under way"
        assert after.values("calls") == [1]
    finally:
        blocking.let_go.set()
    other.result(PATIENCE)
    pump.export(PATIENCE)
    assert after.values("calls")[0] == after.values("calls")[-1] == 1


@pytest.mark.long
def test_an_export_waits_for_a_limited_time_by_default(metrics, pool):
    """Whoever calls may be a signal handler that has interrupted what the other one needs."""
    blocking = Blocking()
    metrics.export_to(blocking)
    try:
        pool.submit(metrics.export)
        assert blocking.entered.wait(PATIENCE)
        with pytest.raises((TimeoutError, ExportError)):
            metrics.export()
    finally:
        blocking.let_go.set()


def test_who_is_interrupted_while_exporting_keeps_nobody_from_it(pool):
    """Wherever a signal handler raises; and what was delivered is delivered once."""

    def prepare():
        registry, exporter = AggregatingRegistry(), Recording("delta")
        pump = Pump(registry.snapshot)
        pump.add(exporter, registry.reader())
        registry.counter("calls")
        return pump.export, (pump, exporter)

    for pump, exporter in interrupted_everywhere(
        prepare, polymeter.pump.pump, polymeter.pump.exports, polymeter.pump.attempt, polymeter.pump.delivery
    ):
        before = len(exporter.snapshots)
        assert pool.submit(pump.export, 0).result(PATIENCE) == pump.export(0) == []
        assert len(exporter.snapshots) == before + 2
        assert sum(exporter.values("calls")) == 1


def test_self_metrics_count_the_exports(metrics, exporter):
    """By exporter, result and reason; those that ended before the snapshot."""
    metrics.export()
    exporter.error = ValueError()
    with pytest.raises(ExportError):
        metrics.export()
    counted = {str(each.tags): each.value for each in metrics.snapshot().by_name("polymeter.exports")}
    assert counted == {
        'exporter="Recording",reason="none",result="ok"': 1,
        'exporter="Recording",reason="error",result="failed"': 1,
    }


def test_what_is_no_exception_propagates(metrics, exporter):
    """Ctrl-C in the middle of an export is not a failure of the exporter; the next export works."""
    exporter.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        metrics.export()
    exporter.error = None
    metrics.export()
    assert len(exporter.snapshots) == 1
