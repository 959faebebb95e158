"""A listener that fails again and again is held back, and tried again."""

from __future__ import annotations

import threading

import pytest

from polymeter import events
from polymeter.clock import Clock
from polymeter.events import Event, EventDispatcher
from polymeter.testing import ManualClock
from polymeter.testing.contracts.registry.together import together
from tests.events.interruptions import interrupted_everywhere


class Listener:
    """Fails as long as it is told to."""

    def __init__(self):
        self.works = False
        self.calls = 0

    def __call__(self, _event):
        self.calls += 1
        if not self.works:
            raise ValueError


@pytest.fixture
def listener(dispatcher):
    it = Listener()
    dispatcher.add_listener(Event, it)
    return it


def dispatch(dispatcher, times=1):
    for _ in range(times):
        dispatcher.dispatch(Event())
    return dispatcher.health()[0]


def test_five_failures_in_a_row_hold_a_listener_back(dispatcher, listener):
    """The fifth is still delivered, the sixth is not."""
    assert not dispatch(dispatcher, 4).is_quarantined
    assert dispatch(dispatcher).is_quarantined
    health = dispatch(dispatcher, 10)
    assert listener.calls == 5
    assert (health.handled, health.failed, health.quarantined, health.deliveries) == (0, 5, 10, 15)


def test_failures_with_a_success_in_between_hold_nobody_back(dispatcher, listener):
    """However many there are."""
    for number in range(100):
        listener.works = number % 5 == 0
        dispatch(dispatcher)
    health = dispatcher.health()[0]
    assert not health.is_quarantined
    assert (health.handled, health.failed, health.quarantined) == (20, 80, 0)


def test_after_a_second_one_event_is_tried_and_a_success_releases(dispatcher, listener, clock):
    """From then on it hears everything again."""
    dispatch(dispatcher, 5)
    listener.works = True
    clock.advance(0.999)
    assert dispatch(dispatcher).is_quarantined
    clock.advance(0.001)
    assert not dispatch(dispatcher).is_quarantined
    health = dispatch(dispatcher, 3)
    assert (health.handled, health.failed, health.quarantined) == (4, 5, 1)


def test_each_failed_try_doubles_the_wait_up_to_a_minute(dispatcher, listener, clock):
    """1, 2, 4, ... seconds; one try each."""
    dispatch(dispatcher, 5)
    for wait in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        before = listener.calls
        clock.advance(wait - 0.01)
        dispatch(dispatcher, 3)
        assert listener.calls == before
        clock.advance(0.01)
        dispatch(dispatcher, 3)
        assert listener.calls == before + 1


def test_after_a_release_it_takes_five_failures_again_and_the_wait_starts_anew(dispatcher, listener, clock):
    """What was is forgiven."""
    dispatch(dispatcher, 5)
    for wait in (1, 2, 4):
        clock.advance(wait)
        dispatch(dispatcher)
    listener.works = True
    clock.advance(8)
    assert not dispatch(dispatcher).is_quarantined
    listener.works = False
    assert not dispatch(dispatcher, 4).is_quarantined
    assert dispatch(dispatcher).is_quarantined
    listener.works = True
    clock.advance(1)
    assert not dispatch(dispatcher).is_quarantined


def test_while_one_try_is_on_its_way_the_others_wait(dispatcher, clock):
    """Also for an event that the listener itself dispatches."""
    seen = []

    def listen(event):
        seen.append(event)
        if len(seen) > 5:
            dispatcher.dispatch("inner")
        raise ValueError

    dispatcher.add_listener(str, listen)
    for _ in range(5):
        dispatcher.dispatch("outer")
    clock.advance(1)
    dispatcher.dispatch("outer")
    assert seen == ["outer"] * 6
    assert dispatcher.health()[0].quarantined == 1


def test_of_several_threads_one_makes_the_try():
    """Even if all of them find at the same moment that it is time."""
    here = threading.Barrier(4)
    probing = threading.Event()

    def monotonic():
        if probing.is_set():
            here.wait(60)
        return now

    now = 0.0
    dispatcher = EventDispatcher(clock=Clock(monotonic=monotonic))
    listener = Listener()
    dispatcher.add_listener(Event, listener)
    dispatch(dispatcher, 5)
    now = 1.0
    listener.works = True
    probing.set()
    together(lambda _: dispatcher.dispatch(Event()), threads=4)
    assert listener.calls == 6
    health = dispatcher.health()[0]
    assert (health.handled, health.quarantined, health.is_quarantined) == (1, 3, False)


def test_deliveries_that_began_before_do_not_prolong_the_wait(dispatcher, clock):
    """Ten that fail one inside the other are one quarantine of one second."""
    depth = 0

    def listen(event):
        nonlocal depth
        depth += 1
        if depth < 10:
            dispatcher.dispatch(event)
        raise ValueError

    dispatcher.add_listener(str, listen)
    dispatcher.dispatch("event")
    assert (dispatcher.health()[0].failed, dispatcher.health()[0].is_quarantined) == (10, True)
    clock.advance(1)
    dispatcher.dispatch("event")
    assert dispatcher.health()[0].failed == 11


def test_others_are_not_held_back(dispatcher, listener):
    """Quarantine is of one registration."""
    heard = []
    dispatcher.add_listener(Event, heard.append)
    dispatch(dispatcher, 20)
    assert len(heard) == 20
    assert [health.is_quarantined for health in dispatcher.health()] == [True, False]


def test_a_listener_in_quarantine_can_be_removed_and_added_anew(dispatcher):
    """With a clean record."""
    listener = Listener()
    with dispatcher.add_listener(Event, listener):
        dispatch(dispatcher, 10)
    dispatcher.add_listener(Event, listener)
    assert dispatch(dispatcher).failed == 1


def test_a_listener_whose_try_was_interrupted_is_tried_again():
    """Wherever a signal handler raises."""

    def prepare():
        clock, listener = ManualClock(), Listener()
        dispatcher = EventDispatcher(clock=clock)
        dispatcher.add_listener(Event, listener)
        dispatch(dispatcher, 5)
        clock.advance(1)
        return lambda: dispatch(dispatcher), (dispatcher, clock, listener)

    for dispatcher, clock, listener in interrupted_everywhere(prepare, events.listener):
        listener.works = True
        clock.advance(60)
        before = listener.calls
        assert not dispatch(dispatcher).is_quarantined
        assert listener.calls == before + 1


def test_quarantine_is_said_in_the_log(dispatcher, listener, clock, caplog):
    """With the next line that is due."""
    dispatch(dispatcher, 5)
    assert "in quarantine" not in caplog.text
    clock.advance(61)
    dispatch(dispatcher)
    assert "; in quarantine" in caplog.text
