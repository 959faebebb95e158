"""What the garbage collector did: exactly, and how long it took."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from polymeter.collectors import RuntimeMetricsCollector
from polymeter.events.runtime import GarbageCollected, GarbageSampled
from polymeter.metrics import Metrics
from polymeter.sources import GarbageSource
from polymeter.testing import ManualClock
from tests.interpreter import answer_of
from tests.sources.runtime.hearing import Ear


@pytest.fixture
def by_hand():
    """Collect garbage only when the test says so."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Node:
    def __init__(self):
        self.itself = self


def figures(counts):
    return {"collections": counts.collections, "collected": counts.collected, "uncollectable": counts.uncollectable}


def test_totals_are_those_of_the_interpreter(by_hand):
    ear, source = Ear(), GarbageSource()
    for generation in (0, 0, 1, 2):
        gc.collect(generation)
        assert [figures(each.total) for each in ear.polled(source)] == gc.get_stats()


def test_what_was_added_is_what_happened_since(by_hand):
    ear, source = Ear(), GarbageSource()
    ear.polled(source)
    for _ in range(50):
        Node()
    gc.collect(2)
    gc.collect(0)
    gc.collect(0)
    added = [each.added for each in ear.polled(source)]
    assert [each.collections for each in added] == [2, 0, 1]
    assert added[2].collected >= 50
    assert [each.added.collections for each in ear.polled(source)] == [0, 0, 0]


def test_what_nobody_heard_was_not_told(by_hand):
    metrics, heard = Metrics(), []
    source = GarbageSource()
    source.poll(metrics.events)
    metrics.events.add_listener(GarbageSampled, heard.append)
    source.poll(metrics.events)
    assert [each.added for each in heard] == [each.total for each in heard]


def test_several_sources_do_not_tell_one_dispatcher_the_same_twice(by_hand):
    ear = Ear()
    ear.polled(GarbageSource())
    gc.collect(0)
    assert ear.polled(GarbageSource())[0].added.collections == 1
    assert ear.polled(GarbageSource())[0].added.collections == 0


def test_a_collection_is_told_with_the_time_that_it_took(by_hand):
    clock = ManualClock()
    ear = Ear(GarbageCollected, clock=clock)
    nodes = [Node() for _ in range(10)]

    def takes_time(phase, _):
        clock.advance(0.25 if phase == "start" else 0)

    with GarbageSource().install(ear):
        gc.callbacks.append(takes_time)
        del nodes
        gc.collect(1)
        gc.callbacks.remove(takes_time)
    (collected,) = ear.heard
    assert (collected.generation, collected.duration_ms, collected.uncollectable) == (1, 250, 0)
    assert collected.collected >= 10


def test_who_listens_later_hears_of_what_begins_later(by_hand):
    """And while nobody does, no event is made."""
    metrics = Metrics().watch(GarbageSource())
    gc.collect()
    heard = []
    with metrics.events.add_listener(GarbageCollected, heard.append):
        gc.collect(0)
    gc.collect()
    metrics.close()
    assert [each.generation for each in heard] == [0]


def test_an_end_leaves_everything_as_it_was_found(by_hand):
    before = list(gc.callbacks)
    metrics = Metrics().watch(GarbageSource()).collect(RuntimeMetricsCollector())
    assert len(gc.callbacks) == len(before) + 1
    metrics.close()
    assert gc.callbacks == before


def test_an_end_after_somebody_cleared_the_callbacks_is_harmless(by_hand):
    before = list(gc.callbacks)
    subscription = GarbageSource().install(Ear())
    gc.callbacks[:] = before
    subscription.cancel()
    assert gc.callbacks == before


def test_one_dispatcher_is_told_once_however_often_it_is_watched(by_hand):
    ear = Ear(GarbageCollected)
    first, second = GarbageSource().install(ear), GarbageSource().install(ear)
    gc.collect()
    assert len(ear.heard) == 1
    first.cancel()
    gc.collect()
    assert len(ear.heard) == 2
    second.cancel()


def test_records_from_collections_are_exact_wherever_they_come():
    """A collection for every 20 objects, in the middle of records and reads on three threads."""
    metrics, heard = Metrics(), []
    metrics.events.add_listener(GarbageCollected, heard.append)
    metrics.collect(RuntimeMetricsCollector()).watch(GarbageSource())
    threshold = gc.get_threshold()
    gc.set_threshold(20, 5, 5)

    def busy():
        for number in range(150):
            metrics.registry.counter("work", {"number": number % 7})
            metrics.registry.timer("took_ms", number, {"nodes": [Node() for _ in range(3)] and 3})
            metrics.registry.total("work")

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    gc.set_threshold(*threshold)
    metrics.close()
    assert metrics.registry.total("work") == 450
    assert sum(each.count for each in metrics.registry.find("python.gc.pause_ms")) == len(heard) > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_counts_its_own():
    code = """
import gc, json, os
from polymeter.events import EventDispatcher
from polymeter.events.runtime import GarbageSampled
from polymeter.sources import GarbageSource

gc.disable()
heard = []
events = EventDispatcher()
events.add_listener(GarbageSampled, heard.append)
source = GarbageSource()
for _ in range(7):
    gc.collect(0)
source.poll(events)
read, write = os.pipe()
child = os.fork()
if not child:
    heard.clear()
    gc.collect(0)
    gc.collect(0)
    source.poll(events)
    os.write(write, json.dumps([[each.total.collections, each.added.collections] for each in heard]).encode())
    os._exit(0)
told = json.loads(os.read(read, 1000))
os.waitpid(child, 0)
print(json.dumps(told))
"""
    assert answer_of(code) == [[2, 2], [0, 0], [0, 0]]


def test_the_metrics_are_exact(by_hand):
    metrics = Metrics().watch(GarbageSource()).collect(RuntimeMetricsCollector())
    for _ in range(30):
        Node()
    gc.collect(1)
    metrics.snapshot()
    gc.collect(0)
    metrics.snapshot()
    found = {
        what: [metrics.registry.get(f"python.gc.{name}", {"generation": each}).value for each in range(3)]
        for what, name in [
            ("collections", "collections"),
            ("collected", "objects_collected"),
            ("uncollectable", "objects_uncollectable"),
        ]
    }
    metrics.close()
    assert found == {what: [each[what] for each in gc.get_stats()] for what in found}


def test_sampling_is_of_no_unit_of_work():
    from polymeter.events import event

    token = event._unit_of_work.set("request 7")
    sampled = Ear(GarbageSampled).polled(GarbageSource())
    event._unit_of_work.reset(token)
    assert {each.unit_of_work for each in sampled} == {None}
