"""Exports every so often, on a thread of the pump's own."""

from __future__ import annotations

import math
import signal
import threading
from asyncio import CancelledError
from contextlib import suppress

import pytest

from polymeter import pump
from polymeter.errors import DefinitionError
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry
from polymeter.testing.contracts.registry.together import together
from tests.events.interruptions import interrupted_everywhere
from tests.pump.exporters import PATIENCE, Blocking, Recording

SOON = 0.001


def pumps():
    return [thread for thread in threading.enumerate() if thread.name == "polymeter-pump"]


def test_exports_come_by_themselves(metrics, exporter):
    """One after another, with what is new."""
    metrics.registry.counter("calls")
    metrics.every(SOON)
    exporter.wait_for(2)
    metrics.registry.counter("calls")
    exporter.wait_for(len(exporter.snapshots) + 2)
    assert exporter.values("calls")[0] == 1
    assert exporter.values("calls")[-1] == 2


def test_there_is_no_thread_before_it_is_asked_for(metrics, exporter):
    """And it is one that does not keep the program from ending."""
    metrics.export()
    assert pumps() == []
    assert metrics.every(60) is metrics
    assert [thread.daemon for thread in pumps()] == [True]


def test_a_second_interval_replaces_the_first(metrics, exporter):
    """One thread, not two."""
    metrics.every(60)
    (first,) = pumps()
    metrics.every(SOON)
    (second,) = pumps()
    assert second is not first
    assert not first.is_alive()
    exporter.wait_for(3)


def test_of_several_threads_that_ask_at_once_one_has_its_way(metrics, exporter):
    """There is one thread afterwards, whoever it is."""
    for _ in range(10):
        together(lambda _: metrics.every(3600))
        assert len(pumps()) == 1
    metrics.every(SOON)
    exporter.wait_for(3)


def test_what_is_closed_while_threads_ask_has_no_thread(clock):
    """Whoever comes first."""
    for _ in range(10):
        metrics = Metrics(clock=clock).export_to(Recording())

        def work(number, metrics=metrics):
            with suppress(DefinitionError):  # it is closed
                metrics.close() if number == 4 else metrics.every(3600)

        together(work)
        assert pumps() == []


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no such signal here")
def test_a_signal_handler_may_ask_too(metrics):
    """In the middle of whatever its thread is doing there."""
    handled = []

    def handle(*_):
        metrics.every(3600)
        handled.append(None)

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
    try:
        while len(handled) < 50:
            metrics.every(3600)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert len(pumps()) == 1


def test_who_is_interrupted_while_asking_leaves_no_thread_that_nobody_ends(clock):
    """Wherever a signal handler raises."""

    def prepare():
        metrics = Metrics(clock=clock).export_to(Recording()).every(3600)
        made.append(metrics)
        return lambda: metrics.every(3600), metrics

    made = []
    try:
        for metrics in interrupted_everywhere(prepare, pump.pump, pump.ticker):
            metrics.close()
    finally:
        for metrics in made:
            metrics.close()
    assert pumps() == []


def test_an_interval_for_something_that_is_closed_is_refused(clock):
    """Also if that happens just now."""
    metrics = Metrics(clock=clock)
    metrics.close()
    with pytest.raises(DefinitionError, match="stopped"):
        metrics._pump.every(5)


def test_what_is_no_exception_does_not_end_it_either(metrics):
    """On this thread it is meant for nobody else."""
    exporter, raised = Recording(), threading.Event()

    def record(snapshot):
        if not raised.is_set():
            raised.set()
            raise CancelledError
        Recording.export(exporter, snapshot)

    exporter.export = record
    metrics.export_to(exporter).every(SOON)
    (thread,) = pumps()
    assert raised.wait(PATIENCE)
    exporter.wait_for(2)
    assert thread.is_alive()


def test_an_exporter_that_fails_does_not_end_it(metrics, exporter):
    """Neither its own turns nor those of the others."""
    other = Recording()
    exporter.error = ValueError()
    metrics.export_to(other).every(SOON)
    other.wait_for(3)
    exporter.error = None
    exporter.wait_for(2)
    assert metrics.health().exporters[0].failed >= 2


def test_a_snapshot_that_cannot_be_taken_does_not_end_it(clock):
    """A registry of the user's own make may do anything."""

    class Moody(AggregatingRegistry):
        failures = 3

        def snapshot(self):
            if self.failures:
                self.failures -= 1
                raise RuntimeError("secret")
            return super().snapshot()

    exporter = Recording()
    with Metrics(registry=Moody(clock=clock), clock=clock) as metrics:
        metrics.export_to(exporter).every(SOON)
        exporter.wait_for(2)
    assert metrics.registry.failures == 0


def test_the_last_state_is_exported_when_it_ends(metrics, exporter):
    """Before the next one was due."""
    metrics.every(3600)
    metrics.registry.counter("calls")
    metrics.close()
    assert exporter.values("calls") == [1]
    assert pumps() == []


def test_it_can_be_ended_by_an_exporter(metrics):
    """A thread does not wait for itself."""
    closed = threading.Event()

    class Closing(Recording):
        def export(self, snapshot):
            metrics.close()
            closed.set()

    metrics.export_to(Closing()).every(SOON)
    assert closed.wait(PATIENCE)
    for thread in pumps():
        thread.join(PATIENCE)
    assert pumps() == []


def test_an_export_that_hangs_holds_up_neither_the_others_nor_the_end_of_the_thread(metrics, exporter):
    """It has no second turn until it comes back."""
    blocking = Blocking()
    metrics.export_to(blocking).every(SOON)
    try:
        assert blocking.entered.wait(PATIENCE)
        exporter.wait_for(len(exporter.snapshots) + 3)
        (thread,) = pumps()
        metrics.every(3600)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert blocking.exports == 1
    finally:
        blocking.let_go.set()
    blocking.end.wait(PATIENCE)


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, "5", None], ids=repr)
def test_an_interval_that_is_none_is_refused(metrics, seconds):
    """And no thread is started."""
    with pytest.raises(DefinitionError, match=r"every\(.*\): the interval is a positive number of seconds"):
        metrics.every(seconds)
    assert pumps() == []


def test_an_interval_longer_than_a_thread_can_wait_is_fine(metrics):
    """The thread lives."""
    metrics.every(1e300)
    (thread,) = pumps()
    metrics.close()
    assert not thread.is_alive()


def test_a_mode_that_does_not_exist_is_refused(metrics):
    """The message says which does."""
    with pytest.raises(DefinitionError, match=r"every\(mode='process'\): .*mode='thread'"):
        metrics.every(5, mode="process")
