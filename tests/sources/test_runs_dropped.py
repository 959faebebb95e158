"""Runs that nobody ends: each of them ends all the same, and none of them is kept."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc

import pytest

from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted, InferenceStarted
from polymeter.sources import start_inference
from polymeter.sources.emitters import InferenceEmitters
from polymeter.sources.health import Tally
from polymeter.sources.run import InferenceRun
from tests.interpreter import ROOT, answer_of


def test_a_run_that_is_dropped_is_abandoned(ear):
    run = start_inference(ear.dispatcher, model="m")
    run.attempt_started()
    assert ear.outcomes == []
    del run
    assert (ear.outcomes, ear.attempts) == (["abandoned"], [(None, None, False)])


def test_a_run_in_a_cycle_is_abandoned_when_that_is_collected(ear):
    holder = [start_inference(ear.dispatcher, model="m")]
    holder[0].attempt_started()
    holder.append(holder)
    del holder
    gc.collect()
    assert ear.outcomes == ["abandoned"]


def test_a_run_that_never_started_says_nothing(ear):
    InferenceRun([InferenceEmitters(ear.dispatcher)], model="m")
    assert ear.events == []


def test_a_run_that_could_not_be_made_says_nothing(ear):
    with pytest.raises(TypeError):
        InferenceRun(None, model="m")
    assert ear.events == []


def test_a_run_that_is_held_is_abandoned_when_the_interpreter_exits():
    """Its end is told while everything is still there."""
    code = """
import json
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.sources import start_inference
events = EventDispatcher()
events.add_listener(InferenceCompleted, lambda event: print(json.dumps([event.outcome, event.attempt_count])))
held = start_inference(events, model="m")
held.attempt_started()
"""
    assert answer_of(code) == ["abandoned", 1]


def soak(starts):
    """Abandon so many runs, and give how many bytes there were more at the end than after the first tenth."""
    events, tally, told = EventDispatcher(), Tally(), {InferenceStarted: 0, InferenceCompleted: 0}

    def tell(event):
        told[type(event)] += 1

    for kind in told:
        events.add_listener(kind, tell)
    to = InferenceEmitters(events)

    def abandon(count):
        for number in range(count):
            run = InferenceRun((to,), model=f"m{number % 10}", streamed=True, tallies=(tally,))
            run.start()
            run.attempt_started()
            chunks = run.follow(iter(("one", "two")))
            next(chunks)
            del run, chunks

    tracemalloc.start()
    try:
        abandon(starts // 10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        abandon(starts - starts // 10)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    health = tally.health(1)
    assert (health.started, health.abandoned, health.active) == (starts, starts, 0)
    assert set(told.values()) == {starts}
    return grown


def soaked(starts):
    """Do so in a program of its own: here memory is also that of other tests' threads."""
    code = f"from tests.sources.test_runs_dropped import soak; print(soak({starts}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_runs_that_are_abandoned_leave_memory_flat():
    assert soaked(5_000) < 20_000


@pytest.mark.long
def test_very_many_runs_that_are_abandoned_leave_memory_flat():
    assert soaked(100_000) < 20_000
