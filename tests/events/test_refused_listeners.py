"""What cannot listen is refused when it is added, with a sentence that helps."""

from __future__ import annotations

import functools
from typing import NamedTuple, Protocol, TypedDict, runtime_checkable

import pytest

from polymeter.errors import DefinitionError, ListenerError
from polymeter.events import Event


async def asynchronous(event): ...


async def asynchronous_generator(event):
    yield event


class AsynchronousObject:
    async def __call__(self, event): ...

    async def method(self, event): ...


class NotForRunTime(Protocol):
    def finish(self): ...


@runtime_checkable
class WithFields(Protocol):
    model: str


class Keys(TypedDict):
    model: str


class Pair(NamedTuple):
    model: str


@pytest.mark.parametrize(
    "listener",
    [
        asynchronous,
        asynchronous_generator,
        AsynchronousObject(),
        AsynchronousObject().method,
        functools.partial(asynchronous),
        functools.partial(functools.partial(asynchronous)),
        functools.partial(AsynchronousObject()),
        functools.partial(AsynchronousObject().method),
    ],
    ids=lambda listener: type(listener).__name__,
)
def test_what_is_asynchronous_is_refused(dispatcher, listener):
    """It would never run."""
    with pytest.raises(ListenerError, match=r"ynchronous.* is asynchronous and would never run: listen with a plain"):
        dispatcher.add_listener(Event, listener)
    assert dispatcher.health() == []


@pytest.mark.parametrize(
    ("listener", "signature"),
    [
        (lambda: None, r"\(\)"),
        (lambda event, more: None, r"\(event, more\)"),
        (lambda *, event: None, r"\(\*, event\)"),
        (lambda event, *, more: None, r"\(event, \*, more\)"),
        (functools.partial(lambda event: None, 1), r"\(\)"),
    ],
)
def test_what_takes_other_arguments_is_refused(dispatcher, listener, signature):
    """The message shows them."""
    with pytest.raises(ListenerError, match=f"<lambda>{signature} cannot listen: it is called with one argument"):
        dispatcher.add_listener(Event, listener)


@pytest.mark.parametrize(
    "listener",
    [
        lambda event: None,
        lambda event, more=1: None,
        lambda *events: None,
        functools.partial(lambda first, event: None, 1),
        [].append,
        print,
        Pair,
    ],
)
def test_what_can_be_called_with_one_event_is_taken(dispatcher, listener):
    """Functions, methods, partials, built-ins and classes."""
    dispatcher.add_listener(Event, listener)
    dispatcher.dispatch(Event())
    assert [health.handled for health in dispatcher.health()] == [1]


def test_what_is_not_callable_is_refused(dispatcher):
    """The message names both."""
    with pytest.raises(ListenerError, match=r"'listener' cannot listen to Event: it is not callable"):
        dispatcher.add_listener(Event, "listener")


@pytest.mark.parametrize("event_type", ["Event", Event(), None, list[int]], ids=repr)
def test_what_is_not_a_class_cannot_be_listened_to(dispatcher, event_type):
    """An instance and a name are no class."""
    with pytest.raises(ListenerError, match=r"cannot listen to .*: give the event's class"):
        dispatcher.add_listener(event_type, print)


@pytest.mark.parametrize("event_type", [NotForRunTime, WithFields, Keys])
def test_a_class_that_cannot_say_what_derives_from_it_is_refused(dispatcher, event_type):
    """Every later dispatch of anything would fail."""
    dispatcher.emitter(Event)
    with pytest.raises(ListenerError, match=f"cannot listen to {event_type.__name__}: Python cannot tell"):
        dispatcher.add_listener(event_type, print)
    dispatcher.dispatch(Event())


def test_the_error_is_one_of_declaration():
    """So it can be caught with all the others."""
    assert issubclass(ListenerError, DefinitionError)
    assert issubclass(ListenerError, ValueError)
