"""Who hears an event, and in which order."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pytest

from polymeter import events
from polymeter.events import Event, EventDispatcher, StoppableEvent
from polymeter.testing.contracts.registry.child import answer_of_a_child
from polymeter.testing.contracts.registry.together import together
from tests.events.interruptions import interrupted_everywhere
from tests.interpreter import SRC, answer_of


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str = "m"


@dataclass(slots=True, kw_only=True)
class LongTurnFinished(TurnFinished):
    pages: int = 1


@dataclass(slots=True, kw_only=True)
class Refused(StoppableEvent):
    pass


@pytest.fixture
def heard():
    return []


def test_dispatch_gives_the_event_back(dispatcher):
    """The same object, whether or not anybody listens."""
    event = TurnFinished()
    assert dispatcher.dispatch(event) is event
    dispatcher.add_listener(TurnFinished, lambda event: "ignored")
    assert dispatcher.dispatch(event) is event


def test_a_listener_hears_its_class_and_what_derives_from_it(dispatcher, heard):
    """And nothing else."""
    dispatcher.add_listener(TurnFinished, heard.append)
    events = [TurnFinished(), LongTurnFinished()]
    for event in (*events, Event(), Refused(), "text"):
        dispatcher.dispatch(event)
    assert heard == events


def test_object_hears_everything(dispatcher, heard):
    """Any class can be an event."""
    dispatcher.add_listener(object, heard.append)
    events = [TurnFinished(), Refused(), "text", 5, None]
    for event in events:
        dispatcher.dispatch(event)
    assert heard == events


def test_a_protocol_for_run_time_can_be_listened_to(dispatcher, heard):
    """Its events are those that can do what it says."""

    @runtime_checkable
    class CanFinish(Protocol):
        def finish(self): ...

    class Job:
        def finish(self): ...

    dispatcher.add_listener(CanFinish, heard.append)
    job = dispatcher.dispatch(Job())
    dispatcher.dispatch(TurnFinished())
    assert heard == [job]


def test_priority_first_then_order_of_adding(dispatcher, heard):
    """Whatever class they listen to."""
    for name, event_type, priority in (
        ("a", TurnFinished, 0),
        ("b", object, 5),
        ("c", LongTurnFinished, 0),
        ("d", Event, -1),
        ("e", TurnFinished, 5),
        ("f", object, 0),
    ):
        dispatcher.add_listener(event_type, lambda _, name=name: heard.append(name), priority)
    dispatcher.dispatch(LongTurnFinished())
    assert "".join(heard) == "beacfd"


def test_one_callable_added_twice_is_called_twice(dispatcher, heard):
    """Each registration is undone by itself."""
    first = dispatcher.add_listener(TurnFinished, heard.append)
    dispatcher.add_listener(TurnFinished, heard.append)
    dispatcher.dispatch(TurnFinished())
    first.cancel()
    dispatcher.dispatch(TurnFinished())
    assert len(heard) == 3


def test_undoing_a_registration_twice_undoes_it_once(dispatcher, heard):
    """An equal one that was added meanwhile stays."""
    subscription = dispatcher.add_listener(TurnFinished, heard.append)
    subscription.cancel()
    dispatcher.add_listener(TurnFinished, heard.append)
    subscription.cancel()
    dispatcher.dispatch(TurnFinished())
    assert len(heard) == 1
    assert not subscription.active


def test_a_listener_added_on_the_way_hears_the_next_event(dispatcher, heard):
    """The event that is on its way goes to those who were there."""

    def add(_):
        dispatcher.add_listener(TurnFinished, heard.append)

    dispatcher.add_listener(TurnFinished, add)
    dispatcher.dispatch(TurnFinished())
    assert heard == []
    dispatcher.dispatch(TurnFinished())
    assert len(heard) == 1


def test_a_listener_removed_on_the_way_still_hears_that_event(dispatcher, heard):
    """But not the next one."""
    dispatcher.add_listener(TurnFinished, lambda _: later.cancel())
    later = dispatcher.add_listener(TurnFinished, heard.append)
    dispatcher.dispatch(TurnFinished())
    dispatcher.dispatch(TurnFinished())
    assert len(heard) == 1


def test_a_listener_may_dispatch(dispatcher, heard):
    """The inner event is finished before the outer one goes on."""
    dispatcher.add_listener(TurnFinished, lambda _: dispatcher.dispatch("inner"))
    dispatcher.add_listener(object, lambda event: heard.append(type(event)))
    dispatcher.dispatch(TurnFinished())
    assert heard == [str, TurnFinished]


def test_a_listener_that_dispatches_for_ever_ends(dispatcher, heard):
    """The recursion is stopped by Python, isolated, and the dispatcher works as before."""
    dispatcher.add_listener(TurnFinished, dispatcher.dispatch)
    dispatcher.add_listener(str, heard.append)
    dispatcher.dispatch(TurnFinished())
    dispatcher.dispatch("still here")
    assert heard == ["still here"]


def test_a_stopped_event_goes_no_further(dispatcher, heard):
    """Each listener that it was kept from counts it."""
    dispatcher.add_listener(Refused, lambda _: heard.append("first"), 2)
    dispatcher.add_listener(Refused, lambda event: event.stop_propagation(), 1)
    dispatcher.add_listener(Refused, lambda _: heard.append("last"))
    dispatcher.add_listener(object, lambda _: heard.append("least"), -1)
    event = dispatcher.dispatch(Refused())
    assert event.is_propagation_stopped
    assert heard == ["first"]
    assert [(health.handled, health.stopped) for health in dispatcher.health()] == [(1, 0), (1, 0), (0, 1), (0, 1)]


def test_an_event_that_was_stopped_before_goes_to_nobody(dispatcher, heard):
    """Dispatching it is no error."""
    dispatcher.add_listener(Refused, heard.append)
    dispatcher.dispatch(Refused(is_propagation_stopped=True))
    assert heard == []


def test_a_listener_of_a_stoppable_event_that_fails_stops_nothing(dispatcher, heard):
    """The next one hears it."""
    dispatcher.add_listener(Refused, lambda _: 1 / 0)
    dispatcher.add_listener(Refused, heard.append)
    dispatcher.dispatch(Refused())
    assert len(heard) == 1


def test_an_event_that_only_looks_stoppable_is_not_stopped(dispatcher, heard):
    """The class decides."""

    class Lookalike:
        is_propagation_stopped = True

    dispatcher.add_listener(Lookalike, heard.append)
    dispatcher.dispatch(Lookalike())
    assert len(heard) == 1


def test_classes_made_on_the_fly_are_heard_however_many_there_are(dispatcher):
    """What is remembered about them is bounded."""
    heard = 0

    def count(_):
        nonlocal heard
        heard += 1

    dispatcher.add_listener(TurnFinished, count)
    for _ in range(5000):
        dispatcher.dispatch(type("Made", (TurnFinished,), {})())
    assert heard == 5000
    assert len(dispatcher._plans) <= 4096
    dispatcher.add_listener(TurnFinished, count)
    dispatcher.dispatch(LongTurnFinished())
    assert heard == 5002


def test_threads_may_add_and_remove_while_others_dispatch(dispatcher):
    """One who is there all the time hears everything; one who is gone hears nothing more."""
    steady = [0] * 8

    def work(thread):
        def count(event):
            if event == thread:
                steady[thread] += 1

        dispatcher.add_listener(int, count)
        for _ in range(200):
            with dispatcher.add_listener(object, lambda _: None):
                dispatcher.dispatch(thread)
            dispatcher.dispatch(thread)

    together(work)
    assert steady == [400] * 8
    assert [(each.event, each.handled >= 400, each.failed) for each in dispatcher.health()] == [("int", True, 0)] * 8


def test_a_finaliser_that_removes_a_listener_while_one_is_added_is_not_forgotten(dispatcher, heard):
    """Neither change is lost, wherever the interruption comes."""

    class Priority(int):
        def __neg__(self):
            old.cancel()
            dispatcher.add_listener(TurnFinished, lambda _: heard.append("inner"))
            Priority.__neg__ = int.__neg__
            return super().__neg__()

    old = dispatcher.add_listener(TurnFinished, lambda _: heard.append("old"))
    dispatcher.add_listener(TurnFinished, lambda _: heard.append("outer"), Priority(1))
    dispatcher.dispatch(TurnFinished())
    assert heard == ["outer", "inner"]


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no such signal here")
def test_a_signal_handler_may_dispatch_add_and_remove(dispatcher):
    """In the middle of whatever its thread is doing there."""
    handled = []

    def handle(*_):
        with dispatcher.add_listener(TurnFinished, handled.append):
            dispatcher.dispatch(LongTurnFinished())

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
    try:
        while len(handled) < 50:
            with dispatcher.add_listener(LongTurnFinished, lambda _: None):
                dispatcher.dispatch(TurnFinished())
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert dispatcher.health() == []
    assert not dispatcher.emitter(TurnFinished).listening


@pytest.fixture
def half_added(dispatcher):
    """Have a thread stand in the middle of adding a listener; gives its dispatcher."""
    reached, free = threading.Event(), threading.Event()

    class Slow(type):
        def __subclasscheck__(cls, other):
            if other is TurnFinished and threading.current_thread() is adding:
                reached.set()
                assert free.wait(60)
            return other is TurnFinished

    class Slowly(metaclass=Slow):
        pass

    dispatcher.emitter(TurnFinished)  # whose `listening` the thread has to bring up to date
    adding = threading.Thread(target=lambda: dispatcher.add_listener(Slowly, lambda _: None))
    adding.start()
    assert reached.wait(60)
    try:
        yield dispatcher
    finally:
        free.set()
        adding.join()


def add_and_dispatch(dispatcher):
    heard = []
    with dispatcher.add_listener(str, heard.append):
        assert dispatcher.emitter(str).listening
        dispatcher.dispatch("heard")
    assert not dispatcher.emitter(str).listening
    return heard


@pytest.mark.timeout(20)
def test_nobody_waits_for_another_thread_that_adds_a_listener(half_added):
    """That one may have been interrupted by something that waits for us."""
    assert add_and_dispatch(half_added) == ["heard"]
    assert half_added.emitter(TurnFinished).listening


def test_a_forked_child_can_add_listeners_whatever_its_parent_was_doing(half_added):
    """The other thread does not go on there."""
    assert answer_of_a_child(lambda: add_and_dispatch(half_added)) == ["heard"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_forked_child_can_do_so_before_we_know_that_it_is_one():
    """In a hook of another library that was there first."""
    assert answer_of(EARLY_HOOK.format(src=str(SRC))) == ["heard"]


EARLY_HOOK = """
import json, os, sys, threading, warnings
said = []
os.register_at_fork(after_in_child=lambda: said.append(add_and_dispatch()))

sys.path.insert(0, {src!r})
warnings.simplefilter("ignore")
from polymeter.events import EventDispatcher

dispatcher = EventDispatcher()
dispatcher.emitter(int)
reached = threading.Event()

class Slow(type):
    def __subclasscheck__(cls, other):
        if other is int and threading.current_thread() is adding:
            reached.set()
            threading.Event().wait()
        return False

class Slowly(metaclass=Slow):
    pass

def add_and_dispatch():
    heard = []
    dispatcher.add_listener(str, heard.append)
    dispatcher.emitter(str)("heard")
    return heard

adding = threading.Thread(target=lambda: dispatcher.add_listener(Slowly, print), daemon=True)
adding.start()
reached.wait()
reader, writer = os.pipe()
child = os.fork()
if not child:
    os.write(writer, json.dumps(said[0]).encode())
    os._exit(0)
os.close(writer)
import select
ready = select.select([reader], [], [], 20)[0]
print((os.read(reader, 100) if ready else b'"hung"').decode())
os.kill(child, 9)
"""


def test_who_is_interrupted_while_adding_has_added_nothing(clock):
    """Wherever a signal handler raises: nobody could remove the listener."""

    def prepare():
        dispatcher = EventDispatcher(clock=clock)
        heard = []
        emitter = dispatcher.emitter(TurnFinished)
        return lambda: dispatcher.add_listener(TurnFinished, heard.append), (dispatcher, emitter, heard)

    for dispatcher, emitter, heard in interrupted_everywhere(prepare, events.dispatcher, events.listener):
        assert not emitter.listening
        dispatcher.dispatch(TurnFinished())
        assert heard == dispatcher.health() == []
