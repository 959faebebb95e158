"""A fork while the pump is at work."""

from __future__ import annotations

import threading

from polymeter.metrics import Metrics
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.pump.exporters import PATIENCE, Blocking, Recording


def test_a_child_has_no_thread_but_can_have_one(metrics, exporter):
    """The parent's goes on."""
    metrics.every(0.001)
    exporter.wait_for(1)

    def child():
        before = [thread.name for thread in threading.enumerate()]
        exporter.exported = threading.Condition()
        exporter.snapshots.clear()
        metrics.every(0.001)
        exporter.wait_for(2)
        metrics.close()
        return before, [thread.name for thread in threading.enumerate()]

    before, after = answer_of_a_child(child)
    assert len(before) == len(after) == 1
    exporter.wait_for(len(exporter.snapshots) + 1)


def test_a_child_can_export_and_close_whatever_its_parent_was_exporting():
    """Locks that the parent's thread held are not the child's."""
    blocking, quick = Blocking(), Recording()
    metrics = Metrics().export_to(blocking).export_to(quick).every(0.001)
    assert blocking.entered.wait(PATIENCE)

    def child():
        blocking.let_go = threading.Event()
        blocking.let_go.set()
        metrics.registry.counter("calls")
        metrics.export()
        metrics.close()
        return quick.values("calls")

    try:
        assert answer_of_a_child(child) == [1, 1]
    finally:
        blocking.let_go.set()
        metrics.close()


def test_closing_in_a_child_does_not_wait_for_a_lock_of_the_parents_thread(metrics):
    """Also the one inside the thread's own waiting."""
    metrics.every(3600)
    stopping = metrics._pump._stopping
    with stopping._cond:  # as the thread holds it for a moment, now and then
        assert answer_of_a_child(lambda: metrics.close() or "closed") == "closed"


def test_deltas_begin_anew_in_a_child(metrics):
    """It is a writer of its own, from zero."""
    delta = Recording("delta")
    metrics.export_to(delta)
    metrics.registry.counter("calls", increment=100)
    metrics.export()

    def child():
        metrics.registry.counter("calls", increment=7)
        metrics.export()
        return delta.values("calls")

    assert answer_of_a_child(child) == [100, 7]
    metrics.registry.counter("calls", increment=1)
    metrics.export()
    assert delta.values("calls") == [100, 1]


def test_self_metrics_begin_anew_in_a_child(metrics, exporter):
    """What the parent has exported, and what failed there, is the parent's to report."""
    metrics.events.add_listener(str, lambda _: 1 / 0)
    metrics.events.dispatch("fails")
    metrics.export()

    def child():
        return [str(metric) for metric in metrics.snapshot() if metric.name.startswith("polymeter.") and metric.value]

    assert answer_of_a_child(child) == []
