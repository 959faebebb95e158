"""Refusals: what cannot listen is refused when it is added."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import pytest

from polymeter.errors import ListenerError
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from polymeter.contracts import CanDispatchEvents

__all__ = ["Refusals"]


async def _coroutine(_: object) -> None: ...


async def _generator(event: object) -> AsyncIterator[object]:
    yield event


class _Asynchronous:
    async def __call__(self, _: object) -> None: ...

    async def method(self, _: object) -> None: ...


def _none() -> None: ...


def _two(_event: object, _more: object) -> None: ...


def _by_name(*, event: object) -> object:
    return event


def _one(_event: object) -> None: ...


def _default(_event: object, _more: int = 1) -> None: ...


def _any_number(*_: object) -> None: ...


_NEVER_RUN: Final[dict[str, Any]] = {
    "function": _coroutine,
    "generator": _generator,
    "object": _Asynchronous(),
    "method": _Asynchronous().method,
    "partial": functools.partial(_coroutine),
    "partial object": functools.partial(_Asynchronous()),
}
_WRONG_ARGUMENTS: Final[dict[str, Any]] = {
    "none": _none,
    "two": _two,
    "by name": _by_name,
    "used up": functools.partial(_one, 1),
}
_GOOD: Final[dict[str, Any]] = {
    "function": _one,
    "default": _default,
    "any number": _any_number,
    "builtin": list[object]().append,
    "partial": functools.partial(_two, 1),
    "class": str,
}


def _each(choices: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("listener", list(choices.values()), ids=list(choices))


@only_if(hears_nobody=False)
class Refusals(DispatcherTests):
    """A mistake is told to who made it, and leaves nothing behind."""

    @_each(_NEVER_RUN)
    def test_what_is_asynchronous_is_refused(self, dispatcher: CanDispatchEvents, listener: Any) -> None:
        """It would never run."""
        self._refused(dispatcher, Happened, listener)

    @_each(_WRONG_ARGUMENTS)
    def test_what_takes_other_arguments_is_refused(self, dispatcher: CanDispatchEvents, listener: Any) -> None:
        """It is called with one: the event."""
        self._refused(dispatcher, Happened, listener)

    @pytest.mark.parametrize("listener", ["listener", None, 5, Happened()], ids=repr)
    def test_what_is_not_callable_is_refused(self, dispatcher: CanDispatchEvents, listener: Any) -> None:
        """Not with the first event."""
        self._refused(dispatcher, Happened, listener)

    @pytest.mark.parametrize("event_type", ["Happened", Happened(), None, list[int]], ids=repr)
    def test_what_is_no_class_cannot_be_listened_to(self, dispatcher: CanDispatchEvents, event_type: Any) -> None:
        """An instance and a name are none."""
        self._refused(dispatcher, event_type, _one)

    @_each(_GOOD)
    def test_what_can_be_called_with_one_event_is_taken(self, dispatcher: CanDispatchEvents, listener: Any) -> None:
        """Functions, methods, partials, built-ins and classes."""
        with dispatcher.add_listener(Happened, listener):
            assert dispatcher.emitter(Happened).listening
            dispatcher.dispatch(Happened())

    @staticmethod
    def _refused(dispatcher: CanDispatchEvents, event_type: Any, listener: Any) -> None:
        emitter = dispatcher.emitter(Happened)
        with pytest.raises(ListenerError):
            dispatcher.add_listener(event_type, listener)
        assert not emitter.listening
        dispatcher.dispatch(Happened())
