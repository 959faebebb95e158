"""Exports after so many events, and on signals."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from polymeter.errors import DefinitionError
from polymeter.metrics import Metrics
from tests.pump.exporters import PATIENCE, Recording


def pumps():
    return [thread.name for thread in threading.enumerate() if thread.name == "polymeter-pump"]


def test_after_so_many_events_everything_is_exported(metrics, exporter):
    """On a thread that is started by the first that is due; whoever dispatches waits for nobody."""
    assert metrics.after(100) is metrics
    for _ in range(99):
        metrics.events.dispatch("an event")
    assert pumps() == []
    metrics.events.dispatch("the hundredth")
    exporter.wait_for(1)
    assert pumps() == ["polymeter-pump"]
    for _ in range(100):
        metrics.events.dispatch("an event")
    exporter.wait_for(2)


def test_after_events_goes_with_an_interval(metrics, exporter):
    """One thread for both."""
    metrics.every(3600).after(2)
    for _ in range(2):
        metrics.events.dispatch("an event")
    exporter.wait_for(1)
    assert pumps() == ["polymeter-pump"]


def test_a_second_number_replaces_the_first(metrics, exporter):
    """And nothing is counted once it is closed."""
    metrics.after(1).after(1000)
    for _ in range(10):
        metrics.events.dispatch("an event")
    time.sleep(0.05)
    assert exporter.snapshots == []
    metrics.close()
    assert len(metrics.events.health()) == 0


@pytest.mark.parametrize("events", [0, -1, 2.5, True, None, "10"], ids=repr)
def test_a_number_of_events_that_is_none_is_refused(metrics, events):
    """The message says what would do."""
    with pytest.raises(DefinitionError, match=r"after\(.*\): give a positive number of events"):
        metrics.after(events)


@pytest.fixture
def handled():
    """What the program's own handler of SIGUSR1 has heard."""
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_exports_and_then_does_what_it_did_before(metrics, exporter, handled):
    """The handler that was there is called after that."""
    metrics.registry.counter("calls", increment=3)
    assert metrics.on_signal(signal.SIGUSR1) is metrics
    os.kill(os.getpid(), signal.SIGUSR1)
    assert exporter.values("calls") == [3]
    assert handled == [signal.SIGUSR1]


def test_a_signal_that_was_ignored_is_ignored_afterwards(metrics, exporter, handled):
    """The program goes on."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    metrics.on_signal(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert len(exporter.snapshots) == 1


def test_closing_puts_back_what_was_there(clock, handled):
    """Or leaves what somebody else has put there since."""
    mine = signal.getsignal(signal.SIGUSR1)
    with Metrics(clock=clock) as metrics:
        metrics.on_signal(signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) is not mine
    assert signal.getsignal(signal.SIGUSR1) is mine
    with Metrics(clock=clock) as metrics:
        metrics.on_signal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_two_may_want_the_same_signal(clock, handled):
    """One after the other, each exports."""
    exporters = Recording(), Recording()
    with Metrics(clock=clock) as one, Metrics(clock=clock) as other:
        one.export_to(exporters[0]).on_signal(signal.SIGUSR1)
        other.export_to(exporters[1]).on_signal(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert [len(each.snapshots) for each in exporters] == [1, 1]
    assert handled == [signal.SIGUSR1]


def test_what_a_signal_interrupts_can_be_an_export(metrics, handled):
    """Then there is nothing to add."""

    class Interrupted(Recording):
        def export(self, snapshot):
            super().export(snapshot)
            if len(self.snapshots) == 1:
                os.kill(os.getpid(), signal.SIGUSR1)

    interrupted = Interrupted()
    metrics.export_to(interrupted).on_signal(signal.SIGUSR1)
    began = time.monotonic()
    metrics.export()
    assert time.monotonic() - began < 2
    assert handled == [signal.SIGUSR1]


def test_a_signal_that_cannot_be_handled_is_refused(metrics):
    """And nothing is left half done."""
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(DefinitionError, match="this signal cannot be handled"):
        metrics.on_signal(signal.SIGUSR1, signal.SIGKILL)
    assert signal.getsignal(signal.SIGUSR1) is before


def test_another_thread_is_told_that_it_cannot(metrics):
    """Python sets handlers on the main thread only."""
    errors = []

    def ask():
        try:
            metrics.on_signal(signal.SIGUSR1)
        except DefinitionError as error:
            errors.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(PATIENCE)
    (error,) = errors
    assert "main thread" in error


@pytest.mark.parametrize("ask", [lambda m: m.every(5), lambda m: m.after(5), lambda m: m.on_signal(signal.SIGUSR1)])
def test_what_is_closed_says_so(clock, ask):
    """A new one is needed."""
    metrics = Metrics(clock=clock)
    metrics.close()
    with pytest.raises(DefinitionError, match="closed: make a new one"):
        ask(metrics)


INSIDE = """
def inside(work):
    with lock:
        work()
"""


@pytest.mark.timeout(20)
def test_a_signal_may_come_in_the_middle_of_starting_a_thread(metrics, exporter, handled):
    """The lock that is held there cannot be had until the handler has ended."""
    names = {"lock": threading._active_limbo_lock}
    exec(compile(INSIDE, threading.__file__, "exec"), names)  # noqa: S102 - as if it were code of that module
    metrics.on_signal(signal.SIGUSR1)
    names["inside"](lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert len(exporter.snapshots) == 1
    assert handled == [signal.SIGUSR1]
