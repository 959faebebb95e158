"""Errors: what becomes of what a listener raises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, Other

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Errors"]


class _Hostile(Exception):  # noqa: N818 - its name is not the point
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def _fail(_: object) -> NoReturn:
    raise ValueError


@only_if(hears_nobody=False)
class Errors(DispatcherTests):
    """An ``Exception`` is isolated, or passed on; a ``BaseException`` is meant for somebody else."""

    @only_if(isolates=True)
    @pytest.mark.parametrize(
        "error", [ValueError, StopIteration, RecursionError, MemoryError, AssertionError, _Hostile]
    )
    def test_a_failure_reaches_neither_the_host_nor_the_next_listener(
        self, dispatcher: CanDispatchEvents, error: type[Exception]
    ) -> None:
        """Whatever it is."""
        heard: list[Any] = []

        def fail(_: Happened) -> NoReturn:
            raise error

        dispatcher.add_listener(Happened, fail)
        dispatcher.add_listener(object, heard.append)
        event = Happened()
        assert dispatcher.dispatch(event) is event
        dispatcher.emitter(Happened)(event)
        assert heard == [event, event]

    @only_if(isolates=True)
    def test_a_listener_that_failed_hears_the_next_event(self, dispatcher: CanDispatchEvents) -> None:
        """One failure is no reason to give it up."""
        heard: list[int] = []

        def listen(event: Happened) -> None:
            heard.append(event.number)
            if event.number % 2:
                raise ValueError

        dispatcher.add_listener(Happened, listen)
        for number in range(20):
            dispatcher.dispatch(Happened(number=number))
        assert heard == list(range(20))

    @only_if(isolates=True)
    def test_a_failure_inside_of_another_event_stays_inside(self, dispatcher: CanDispatchEvents) -> None:
        """Whoever dispatched the inner one goes on."""
        heard: list[str] = []

        def outer(_: Happened) -> None:
            dispatcher.dispatch(Other())
            heard.append("outer")

        dispatcher.add_listener(Other, _fail)
        dispatcher.add_listener(Happened, outer)
        dispatcher.dispatch(Happened())
        assert heard == ["outer"]

    @only_if(isolates=False)
    def test_a_failure_is_passed_on(self, dispatcher: CanDispatchEvents) -> None:
        """To who dispatched; those before the one that failed have heard the event, those after it have not."""
        heard: list[str] = []
        dispatcher.add_listener(Happened, lambda _: heard.append("before"), 1)
        failing = dispatcher.add_listener(Happened, _fail)
        dispatcher.add_listener(Happened, lambda _: heard.append("after"), -1)
        for _ in range(20):
            with pytest.raises(ValueError, match=r"^$"):
                dispatcher.dispatch(Happened())
        assert heard == ["before"] * 20
        heard.clear()
        failing.cancel()
        dispatcher.dispatch(Happened())
        assert heard == ["before", "after"]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
    def test_what_is_no_exception_always_propagates(
        self, dispatcher: CanDispatchEvents, error: type[BaseException]
    ) -> None:
        """And everything works as before afterwards."""
        heard: list[Any] = []

        def interrupt(_: Happened) -> NoReturn:
            raise error

        with dispatcher.add_listener(Happened, interrupt):
            for dispatch in (dispatcher.dispatch, dispatcher.emitter(Happened)):
                with pytest.raises(error):
                    dispatch(Happened())
        dispatcher.add_listener(Happened, heard.append)
        dispatcher.dispatch(Happened())
        assert len(heard) == 1
