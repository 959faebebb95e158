"""The cheap guard of a hot path."""

from __future__ import annotations

import threading

import pytest

from polymeter.events import Event, StoppableEvent
from polymeter.testing.contracts.registry.together import together


class Derived(Event):
    pass


def test_an_event_class_has_one_emitter(dispatcher):
    """The same one each time, from any thread."""
    emitters = together(lambda _: dispatcher.emitter(Derived))
    assert len(set(map(id, emitters))) == 1
    assert dispatcher.emitter(Derived) is emitters[0]
    assert dispatcher.emitter(Event) is not emitters[0]
    assert emitters[0].event_type is Derived


def test_calling_an_emitter_dispatches(dispatcher):
    """To everybody who listens."""
    heard = []
    dispatcher.add_listener(object, heard.append)
    event = Derived()
    dispatcher.emitter(Derived)(event)
    assert heard == [event]


def test_listening_follows_the_listeners_of_the_class_and_its_bases(dispatcher):
    """As they come and go; those of derived and other classes do not matter."""
    emitter = dispatcher.emitter(Derived)
    assert emitter.listening is False
    for event_type, expected in ((Derived, True), (Event, True), (object, True), (StoppableEvent, False)):
        subscription = dispatcher.add_listener(event_type, lambda _: None)
        assert emitter.listening is expected
        assert dispatcher.emitter(Event).listening is (expected and event_type is not Derived)
        subscription.cancel()
        assert emitter.listening is False


def test_listening_lasts_until_the_last_listener_is_gone(dispatcher):
    """Of several."""
    emitter = dispatcher.emitter(Derived)
    first = dispatcher.add_listener(Event, lambda _: None)
    second = dispatcher.add_listener(object, lambda _: None)
    first.cancel()
    assert emitter.listening
    second.cancel()
    assert not emitter.listening


def test_an_emitter_that_is_made_later_knows_who_listens(dispatcher):
    """From the start."""
    dispatcher.add_listener(Event, lambda _: None)
    assert dispatcher.emitter(Derived).listening


class Asking(type):
    """A class that runs something, once, when it is asked whether ``Derived`` derives from it."""

    do = None

    def __subclasscheck__(cls, other):
        if other is Derived and cls.do is not None:
            do, cls.do = cls.do, None
            do()
        return False


class Asked(metaclass=Asking):
    pass


def test_an_event_class_has_one_emitter_whoever_comes_while_it_is_made(dispatcher):
    """A finaliser, say."""
    dispatcher.add_listener(Asked, lambda _: None)
    inner = []
    Asked.do = lambda: inner.append(dispatcher.emitter(Derived))
    assert dispatcher.emitter(Derived) is inner[0]


@pytest.mark.parametrize("in_thread", [False, True], ids=["inside", "on another thread"])
def test_an_emitter_knows_who_was_added_while_it_was_made(dispatcher, in_thread):
    """It does not stay silent."""

    def add():
        dispatcher.add_listener(Derived, lambda _: None)

    def add_in_thread():
        thread = threading.Thread(target=add)
        thread.start()
        thread.join()

    dispatcher.add_listener(Asked, lambda _: None)
    Asked.do = add_in_thread if in_thread else add
    assert dispatcher.emitter(Derived).listening


def test_listening_is_right_after_threads_have_added_and_removed(dispatcher):
    """Whatever the order was."""
    emitter = dispatcher.emitter(Derived)

    def work(_):
        for _ in range(100):
            with dispatcher.add_listener(Event, lambda _: None):
                assert emitter.listening

    together(work)
    assert not emitter.listening
