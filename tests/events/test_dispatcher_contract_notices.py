"""What the contract of dispatchers notices: dispatchers that break one promise each."""

from __future__ import annotations

import dataclasses
import inspect
import time
from contextlib import suppress

import pytest

from polymeter import Subscription
from polymeter.events import EventDispatcher
from polymeter.testing import ManualClock
from polymeter.testing.contracts.dispatchers import DispatcherContract
from tests.testing.plain_dispatcher import PlainDispatcher, PlainEmitter


@pytest.fixture
def both_laws_hold():
    """Stand in for the fixture that watches every other test: some of these miscount."""


class Keeping(PlainDispatcher):
    """Gives nothing back."""

    def dispatch(self, event):
        super().dispatch(event)


class Narrow(PlainDispatcher):
    """Knows no base classes."""

    def dispatch(self, event):
        for event_type, listener in self.in_order():
            if type(event) is event_type:
                self.call(listener, event)
        return event


class Backwards(PlainDispatcher):
    """Calls the last one first."""

    def in_order(self):
        return super().in_order()[::-1]


class Unsorted(PlainDispatcher):
    """Knows no priority."""

    def add_listener(self, event_type, listener, priority=0):
        return super().add_listener(event_type, listener)


class Open(PlainDispatcher):
    """Isolates nothing."""

    def call(self, listener, event):
        listener(event)


class Deaf(PlainDispatcher):
    """Isolates too much."""

    def call(self, listener, event):
        with suppress(BaseException):
            listener(event)


class Attached(PlainDispatcher):
    """Lets nobody go."""

    def add_listener(self, event_type, listener, priority=0):
        super().add_listener(event_type, listener, priority)
        return Subscription(lambda: None)


class Confusing(PlainDispatcher):
    """Takes equal listeners for one another, and a cancelled subscription for a new one."""

    def add_listener(self, event_type, listener, priority=0):
        super().add_listener(event_type, listener, priority)

        def cancel():
            for place, each in list(self._listeners.items()):
                if each[1] == listener:
                    del self._listeners[place]

        class Confused(Subscription):
            def cancel(self):
                cancel()

        return Confused(cancel)


class Losing(PlainDispatcher):
    """Walks along a list that changes under its feet."""

    def __init__(self):
        super().__init__()
        self._list = []

    def in_order(self):
        return self._list

    def add_listener(self, event_type, listener, priority=0):
        each = (event_type, listener)
        self._list.append(each)
        return Subscription(lambda: self._list.remove(each))


class Forgetting(PlainDispatcher):
    """Loses one of two changes that are made at the same moment."""

    def add_listener(self, event_type, listener, priority=0):
        before = dict(self._listeners)
        time.sleep(0)
        subscription = super().add_listener(event_type, listener, priority)
        self._listeners = {**before, **dict(list(self._listeners.items())[-1:])}
        return subscription if before else Subscription(self._listeners.clear)


class Unchecked(PlainDispatcher):
    """Takes anything for a listener."""

    def add_listener(self, event_type, listener, priority=0):
        place = (-priority, next(self._numbers))
        self._listeners[place] = (event_type, listener)
        return Subscription(lambda: self._listeners.pop(place))


class Unstoppable(PlainDispatcher):
    """Stops nothing."""

    def dispatch(self, event):
        for event_type, listener in self.in_order():
            if isinstance(event, event_type):
                self.call(listener, event)
        return event


class Eager(PlainDispatcher):
    """Says that somebody listens, whoever that may be."""

    class Emitter(PlainEmitter):
        """Of this one."""

        listening = True

    def emitter(self, event_type):
        return self._emitters.setdefault(event_type, self.Emitter(self, event_type))


class Wasteful(PlainDispatcher):
    """Makes an emitter each time."""

    def emitter(self, event_type):
        return PlainEmitter(self, event_type)


class Stale(PlainDispatcher):
    """Looks who listens when an emitter is made, and never again."""

    class Emitter(PlainEmitter):
        """Of this one."""

        def __init__(self, dispatcher, event_type):
            super().__init__(dispatcher, event_type)
            self._was = PlainEmitter(dispatcher, event_type).listening

        listening = property(lambda self: self._was)

    def emitter(self, event_type):
        return self._emitters.setdefault(event_type, self.Emitter(self, event_type))


class Busy(PlainDispatcher):
    """Has no time for an event while another is on its way."""

    is_busy = False

    def dispatch(self, event):
        if not self.is_busy:
            self.is_busy = True
            try:
                super().dispatch(event)
            finally:
                self.is_busy = False
        return event


def miscounting(**wrong):
    class Miscounting(EventDispatcher):
        def health(self):
            return [dataclasses.replace(each, **wrong) for each in super().health()]

    return Miscounting


class Patient(EventDispatcher):
    """Holds nobody back."""

    def dispatch(self, event):
        for each in self._entries:
            each.call = each.listener
        return super().dispatch(event)


class Harsh(EventDispatcher):
    """Never tries again."""

    def __init__(self, clock):
        super().__init__()  # on the system's clock, which takes its time


async def never_run(_event): ...


CASES = [
    (Keeping, "test_dispatch_gives_the_event_back", {}),
    (Wasteful, "test_an_event_class_has_one_emitter", {}),
    (Eager, "test_an_event_that_nobody_listens_to_is_no_error", {}),
    (Narrow, "test_a_listener_hears_its_class_and_what_derives_from_it", {}),
    (Narrow, "test_object_hears_everything", {}),
    (Confusing, "test_a_callable_that_was_added_twice_is_called_twice", {}),
    (Backwards, "test_priority_first_then_order_of_adding", {}),
    (Unsorted, "test_priority_first_then_order_of_adding", {}),
    (Unsorted, "test_listeners_that_come_and_go_are_called_in_order", {"seed": 0}),
    (Backwards, "test_one_who_comes_back_is_the_last_of_its_equals", {}),
    (Attached, "test_one_whose_subscription_is_cancelled_hears_nothing_more", {}),
    (Attached, "test_a_subscription_can_be_a_block", {}),
    (Confusing, "test_cancelling_twice_is_harmless", {}),
    (Losing, "test_a_listener_removed_on_the_way_hears_no_later_event", {}),
    (Open, "test_a_failure_reaches_neither_the_host_nor_the_next_listener", {"error": ValueError}),
    (Open, "test_a_listener_that_failed_hears_the_next_event", {}),
    (Deaf, "test_what_is_no_exception_always_propagates", {"error": KeyboardInterrupt}),
    (Unchecked, "test_what_is_asynchronous_is_refused", {"listener": never_run}),
    (Unchecked, "test_what_is_not_callable_is_refused", {"listener": "listener"}),
    (Unchecked, "test_what_takes_other_arguments_is_refused", {"listener": lambda: None}),
    (Unchecked, "test_what_is_no_class_cannot_be_listened_to", {"event_type": "Happened"}),
    (Unstoppable, "test_a_stopped_event_goes_no_further", {}),
    (Unstoppable, "test_an_event_that_was_stopped_before_goes_to_nobody", {}),
    (Stale, "test_listening_follows_the_listeners", {}),
    (Stale, "test_listening_is_right_within_a_listener_that_adds_and_removes", {}),
    (Busy, "test_a_listener_may_dispatch", {}),
    (Busy, "test_a_finaliser_may_dispatch_add_and_remove", {}),
    (Busy, "test_threads_that_dispatch_lose_nothing", {}),
    (Forgetting, "test_threads_may_add_and_remove_while_others_dispatch", {}),
    (miscounting(handled=0), "test_every_delivery_of_every_listener_is_accounted_for", {}),
    (miscounting(failed=0), "test_every_delivery_of_every_listener_is_accounted_for", {}),
    (miscounting(quarantined=0), "test_every_delivery_of_every_listener_is_accounted_for", {}),
    (miscounting(stopped=0), "test_every_delivery_of_every_listener_is_accounted_for", {}),
    (miscounting(failed=0), "test_a_call_that_an_interruption_ended_has_failed", {}),
    (miscounting(handled=1), "test_events_inside_of_events_count_too", {}),
    (miscounting(handled=1), "test_health_is_of_those_who_listen_now", {}),
    (miscounting(last_error="ValueError: sk-very-secret"), "test_health_says_who_failed_and_not_what_was_said", {}),
    (miscounting(handled=5), "test_a_forked_child_counts_from_zero", {}),
    (Patient, "test_one_that_always_fails_is_held_back", {}),
    (Harsh, "test_after_a_time_one_event_is_tried", {}),
    (Harsh, "test_a_success_releases_it", {}),
]


def run(dispatcher_class, test, case):
    """Run one test of the contract, with the arguments of one case, over a dispatcher."""

    class Contract(DispatcherContract):
        def make_dispatcher(self, clock):
            counts = issubclass(dispatcher_class, EventDispatcher)
            return dispatcher_class(clock=clock) if counts else dispatcher_class()

    contract, clock = Contract(), ManualClock()
    known = {"dispatcher": contract.make_dispatcher(clock), "clock": clock, **case}
    method = getattr(contract, test)
    wanted = list(inspect.signature(method).parameters)
    if "listener" in wanted and "listener" not in known:
        known["listener"] = contract._held_back(known["dispatcher"])
    method(**{name: known[name] for name in wanted})


@pytest.mark.parametrize(("broken", "test", "case"), CASES, ids=[f"{each[0].__name__}-{each[1]}" for each in CASES])
def test_it_is_noticed(broken, test, case):
    """By the test that is about it, and which a sound one passes."""
    run(broken.__mro__[1], test, case)
    with pytest.raises((Exception, pytest.fail.Exception)):
        run(broken, test, case)


class Refusing(DispatcherContract):
    hears_nobody = True

    def make_dispatcher(self, clock): ...


class Counting(Refusing):
    hears_nobody = False
    holds_back = False


def applicable(contract):
    return {name for name in dir(contract) if name.startswith("test_") and getattr(contract, name) is not None}


def test_what_a_dispatcher_declares_not_to_do_is_left_out():
    """And comes back in a class derived from it that declares otherwise."""
    about_nobody = {"test_a_listener_is_refused", "test_nobody_ever_listens"}
    assert about_nobody < applicable(Refusing)
    assert len(applicable(Refusing)) == 5
    everything = applicable(DispatcherContract)
    assert everything - applicable(Counting) > about_nobody
    assert "test_object_hears_everything" in applicable(Counting)
    assert "test_a_success_releases_it" not in applicable(Counting)
    assert "test_a_failure_is_passed_on" not in applicable(Counting)
