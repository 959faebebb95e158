"""A sick exporter: left alone for a while, never at the cost of the others."""

from __future__ import annotations

import time

import pytest

from polymeter.deadline import current_deadline
from polymeter.errors import DefinitionError, DeliveryError, ExportError
from polymeter.pump import EXIT_BUDGET
from tests.pump.exporters import PATIENCE, Blocking, Recording

SOON = 0.001


class Retrying:
    """Tries again every so often until its time is over, as one does that talks to a network."""

    temporality = "cumulative"

    def __init__(self, clock, pause):
        self.clock, self.pause = clock, pause
        self.took = []

    def export(self, snapshot):
        began = self.clock.monotonic()
        while current_deadline().wait(self.pause):
            pass
        self.took.append(self.clock.monotonic() - began)
        raise TimeoutError


def counted(metrics):
    """Give what the self-metric of exports says."""
    return {
        (each.tags["exporter"], each.tags["result"], each.tags["reason"]): each.value
        for each in metrics.snapshot().by_name("polymeter.exports")
    }


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(SOON)


def fail(metrics, times):
    for _ in range(times):
        with pytest.raises(ExportError):
            metrics.export()


def test_an_export_has_one_deadline_for_all_that_it_tries(metrics, clock):
    """Ten seconds of the clock, whatever it does in them."""
    retrying = Retrying(clock, 0.7)
    metrics.export_to(retrying)
    with pytest.raises(ExportError):
        metrics.export()
    assert retrying.took == [pytest.approx(10)]


def test_the_time_is_what_was_asked_for(metrics, clock):
    """By hand as well as every so often."""
    retrying = Retrying(clock, 0.7)
    metrics.export_to(retrying).every(3600, timeout=2.5)
    with pytest.raises(ExportError):
        metrics.export()
    assert retrying.took == [pytest.approx(2.5)]


def test_each_exporter_has_a_deadline_of_its_own(metrics, clock):
    """Whoever comes first may use up all of his."""
    first, second = Retrying(clock, 1), Retrying(clock, 3)
    metrics.export_to(first).export_to(second)
    with pytest.raises(ExportError):
        metrics.export()
    assert (first.took, second.took) == ([pytest.approx(10)], [pytest.approx(10)])


@pytest.mark.parametrize("pause", [0.05, 0.3, 5])
def test_the_last_export_is_within_the_budget_of_the_exit(metrics, clock, exporter, pause):
    """By the clock that an exporter goes by; and the others have their turn."""
    retrying = Retrying(clock, pause)
    metrics.export_to(retrying)
    metrics.registry.counter("calls")
    began = clock.monotonic()
    metrics.close()
    assert clock.monotonic() - began <= EXIT_BUDGET
    assert exporter.values("calls") == [1]


def test_closing_ends_the_wait_between_two_tries(metrics, exporter):
    """Of an export that is under way."""

    class Waiting(Recording):
        def __init__(self):
            super().__init__()
            self.waits = []

        def export(self, snapshot):
            super().export(snapshot)
            deadline = current_deadline()
            while not deadline.is_cancelled and len(self.snapshots) == 1:
                time.sleep(SOON)
            self.waits.append(deadline.is_cancelled)

    waiting = Waiting()
    metrics.export_to(waiting).every(SOON)
    waiting.wait_for(1)
    metrics.close()
    assert waiting.waits == [True, False]


def test_after_failures_in_a_row_it_is_left_alone_for_longer_and_longer(metrics, clock, exporter):
    """Every so often, that is: by hand it is tried all the same. The others go on."""
    sick = Recording("delta")
    sick.error = ConnectionError()
    metrics.export_to(sick)
    fail(metrics, 5)
    assert metrics.health().exporters[1].is_held_back
    metrics.every(SOON)
    exporter.wait_for(len(exporter.snapshots) + 5)
    assert metrics.health().exporters[1].failed == 5
    clock.advance(1)
    until(lambda: metrics.health().exporters[1].failed == 6)
    exporter.wait_for(len(exporter.snapshots) + 5)
    assert metrics.health().exporters[1].failed == 6
    sick.error = None
    metrics.registry.counter("calls", increment=7)
    clock.advance(2)
    sick.wait_for(3)
    assert not metrics.health().exporters[1].is_held_back
    assert sum(sick.values("calls")) == 7


def test_one_that_asks_to_be_left_alone_is(metrics, clock, exporter):
    """For as long as it asked for."""
    sick = Recording()
    sick.error = DeliveryError("too much", reason="throttled", retry_after=30)
    metrics.export_to(sick)
    fail(metrics, 1)
    metrics.every(SOON)
    exporter.wait_for(len(exporter.snapshots) + 5)
    assert counted(metrics)["Recording", "failed", "throttled"] == 1
    clock.advance(30)
    until(lambda: counted(metrics)["Recording", "failed", "throttled"] == 2)


@pytest.mark.parametrize(
    ("error", "result", "reason"),
    [
        (DeliveryError("?", reason="refused"), "failed", "refused"),
        (DeliveryError("?", reason="reset", is_ambiguous=True), "ambiguous", "reset"),
        (TimeoutError(), "failed", "timeout"),
        (ZeroDivisionError(), "failed", "error"),
    ],
    ids=["refused", "reset", "timeout", "error"],
)
def test_each_failure_moves_one_self_metric(metrics, exporter, error, result, reason):
    """By result and reason; health has the same."""
    exporter.error = error
    before = counted(metrics)
    fail(metrics, 1)
    assert counted(metrics) == {**before, ("Recording", result, reason): 1}
    (health,) = metrics.health().exporters
    assert (health.failed + health.ambiguous, health.reasons) == (1, {reason: 1})
    assert not metrics.health().is_well


def test_one_that_does_not_come_back_is_counted_once(metrics, exporter):
    """When its time is over; and its cursor moves should it come to a good end after all."""
    blocking = Blocking("delta")
    metrics.export_to(blocking).every(SOON, timeout=0.02)
    metrics.clock.advance(0)
    try:
        assert blocking.entered.wait(PATIENCE)
        metrics.clock.advance(1)
        until(lambda: counted(metrics).get(("Blocking", "failed", "timeout")))
        exporter.wait_for(len(exporter.snapshots) + 3)
    finally:
        blocking.let_go.set()
    assert blocking.end.wait(PATIENCE)
    until(lambda: blocking.exports > 1)
    assert counted(metrics)["Blocking", "failed", "timeout"] == 1


class Ambiguous(Recording):
    """Takes what it is given, and then the line breaks."""

    def __init__(self):
        super().__init__("delta")
        self.breaks = False

    def export(self, snapshot):
        super().export(snapshot)
        if self.breaks:
            raise DeliveryError("broken", reason="reset", is_ambiguous=True)


@pytest.mark.parametrize(("choice", "total"), [("resend", 1 + 2 + (2 + 4)), ("drop", 1 + 2 + 4)])
def test_what_may_have_arrived_is_sent_again_or_dropped_by_choice(metrics, choice, total):
    """Counted as ambiguous either way."""
    exporter = Ambiguous()
    metrics.export_to(exporter, ambiguous=choice)
    metrics.registry.counter("calls", increment=1)
    metrics.export()
    exporter.breaks = True
    metrics.registry.counter("calls", increment=2)
    fail(metrics, 1)
    exporter.breaks = False
    metrics.registry.counter("calls", increment=4)
    metrics.export()
    assert sum(exporter.values("calls")) == total
    assert counted(metrics)["Ambiguous", "ambiguous", "reset"] == 1


def test_another_choice_is_refused(metrics):
    """The message has the two."""
    with pytest.raises(DefinitionError, match="'resend' and 'drop'"):
        metrics.export_to(Recording(), ambiguous="maybe")


def test_a_time_that_is_none_is_refused(metrics):
    """As an interval is."""
    with pytest.raises(DefinitionError, match=r"every\(0\): the timeout is a positive number of seconds"):
        metrics.every(5, timeout=0)


class Closing(Recording):
    """Keeps something open."""

    closed = 0
    fails = False

    def close(self):
        self.closed += 1
        if self.fails:
            raise OSError


@pytest.mark.parametrize("end", [lambda m, e: m.remove(e), lambda m, _: m.close()], ids=["removed", "closed"])
def test_what_an_exporter_keeps_open_is_closed(metrics, end):
    """After its last export; one that fails at it keeps nobody from it."""
    failing, other = Closing(), Closing()
    failing.fails = True
    metrics.export_to(failing).export_to(other)
    end(metrics, failing)
    end(metrics, other)
    assert (failing.closed, other.closed) == (1, 1)
