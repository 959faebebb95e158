"""Polled sources: asked before each snapshot, and never waited for for long."""

from __future__ import annotations

import threading
import time

from polymeter.collectors import MetricsCollector, measure
from polymeter.metrics import Metrics
from polymeter.pump.polling import POLL_BUDGET
from tests.pump.exporters import PATIENCE, Recording


class Sampled(str):
    __slots__ = ()


class Samples(MetricsCollector):
    samples = measure.counter("samples", on=Sampled)


class Sampler:
    """Says that it was asked; raises or hangs if it is told to."""

    def __init__(self):
        self.error = None
        self.let_go = threading.Event()
        self.let_go.set()
        self.asked = 0
        self.came_back = threading.Event()

    def poll(self, events):
        self.asked += 1
        assert self.let_go.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        events.dispatch(Sampled())
        self.came_back.set()


class OtherSampler(Sampler):
    pass


def failures(metrics):
    found = metrics.snapshot().by_name("polymeter.polls.failed")
    return {(each.tags["source"], each.tags["reason"]): each.value for each in found}


def test_one_that_hangs_keeps_nobody_from_being_read(metrics, exporter):
    """The others are asked, the export comes in time, the failure is counted once, and it is not asked again."""
    hanging, other = Sampler(), OtherSampler()
    hanging.let_go.clear()
    metrics.collect(Samples()).watch(hanging).watch(other)
    began = time.monotonic()
    metrics.export()
    assert time.monotonic() - began < 2 * POLL_BUDGET
    assert exporter.values("samples") == [1]
    metrics.export()
    assert (hanging.asked, other.asked) == (1, 2)
    assert metrics.health().polls_failed == 1
    hanging.let_go.set()
    assert hanging.came_back.wait(PATIENCE)
    assert failures(metrics) == {("Sampler", "timeout"): 1}


def test_one_that_raises_is_left_alone_for_a_while_after_some_times(metrics, clock):
    """And asked again afterwards."""
    sampler = Sampler()
    sampler.error = ValueError("secret")
    metrics.watch(sampler)
    for _ in range(10):
        metrics.snapshot()
    assert sampler.asked == 5
    assert metrics.health().polls_failed == 5
    sampler.error = None
    clock.advance(1)
    assert failures(metrics) == {("Sampler", "error"): 5}
    assert sampler.asked == 6


def test_without_polled_sources_there_is_no_thread(metrics, exporter):
    """Nobody has to be waited for."""
    names = []

    class Looking(Recording):
        def export(self, snapshot):
            names.extend(thread.name for thread in threading.enumerate())

    metrics.export_to(Looking())
    metrics.export()
    assert [name for name in names if name.startswith("polymeter")] == []


def test_what_a_sampler_says_is_in_the_snapshot_it_was_asked_for(clock):
    """Though it is asked on another thread."""
    with Metrics(clock=clock) as metrics:
        metrics.collect(Samples()).watch(Sampler())
        assert [metrics.snapshot().by_name("samples")[0].value for _ in range(3)] == [1, 2, 3]
