"""A fork while the pump is at work."""

from __future__ import annotations

import os
import threading

import pytest

from polymeter.collectors import MetricsCollector, measure
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.interpreter import SRC, answer_of
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


def test_a_child_can_close(metrics):
    """What it has of its parent's thread needs no end."""
    metrics.every(3600)
    assert answer_of_a_child(lambda: metrics.close() or "closed") == "closed"


EARLY_HOOK = """
import os, select, sys, threading, warnings
before = []
os.register_at_fork(after_in_child=lambda: [each() for each in before])

sys.path.insert(0, {src!r})
warnings.simplefilter("ignore")
from polymeter import Metrics
from polymeter.exporters import CallbackExporter, InMemoryExporter

def hold_up(snapshot):
    if threading.current_thread() is not threading.main_thread():
        entered.set()
        threading.Event().wait()

kept, entered = InMemoryExporter(), threading.Event()
metrics = Metrics().export_to(CallbackExporter(hold_up)).export_to(kept)
threading.Thread(target=metrics.export, daemon=True).start()
entered.wait()
before.append(metrics.export)
reader, writer = os.pipe()
child = os.fork()
if not child:
    os.write(writer, str(len(kept.snapshots)).encode())
    os._exit(0)
ready = select.select([reader], [], [], 20)[0]
print(os.read(reader, 100).decode() if ready else '"hung"')
os.kill(child, 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_child_can_export_before_we_know_that_it_is_one():
    """In a hook of another library that was there first."""
    assert answer_of(EARLY_HOOK.format(src=str(SRC))) == 1


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


def records():
    """Ways to make the first record in a child."""

    def by_name(metrics):
        return lambda: metrics.registry.counter("calls")

    def bound(metrics):
        return metrics.registry.bind("counter", "calls").add

    def by_an_event(metrics):
        class Calls(MetricsCollector):
            calls = measure.counter("calls", on=str)

        metrics.collect(Calls())
        return lambda: metrics.events.dispatch("a call")

    return [by_name, bound, by_an_event]


@pytest.mark.parametrize("way", records(), ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "registry",
    [AggregatingRegistry, lambda: CompositeRegistry(AggregatingRegistry(), InMemoryRegistry())],
    ids=["aggregating", "composite"],
)
def test_the_first_record_in_a_child_starts_its_thread(way, registry):
    """Not the fork itself; and what the parent had bound is as good as new."""
    exporter = Recording()
    with Metrics(registry=registry()).export_to(exporter) as metrics:
        record = way(metrics)
        record()
        metrics.every(0.001)
        exporter.wait_for(1)

        def child():
            exporter.exported = threading.Condition()
            exporter.snapshots.clear()
            before = len(threading.enumerate())
            record()
            exporter.wait_for(2)
            return before, exporter.values("calls")[-1]

        assert answer_of_a_child(child) == [1, 1]


def test_of_a_registry_that_cannot_tell_the_first_event_does():
    """Any registry may be behind a facade."""
    exporter = Recording()
    with Metrics(registry=InMemoryRegistry()).export_to(exporter) as metrics:
        metrics.every(0.001)

        def child():
            exporter.exported = threading.Condition()
            exporter.snapshots.clear()
            metrics.events.dispatch("anything")
            exporter.wait_for(2)
            return "exported"

        assert answer_of_a_child(child) == "exported"


def test_a_child_of_a_program_without_an_interval_has_no_thread(metrics, exporter):
    """Whatever it records."""

    def child():
        metrics.registry.counter("calls")
        return len(threading.enumerate())

    metrics.at_exit()
    assert answer_of_a_child(child) == 1
