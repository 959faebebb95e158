"""Threads: every event goes to everybody who is there, whoever comes and goes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.counting import AtomicCount
from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, HappenedAgain, Other
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanDispatchEvents

__all__ = ["Threads"]

_THREADS = 8
_EVENTS = 1000


@only_if(hears_nobody=False)
class Threads(DispatcherTests):
    """Eight threads on one dispatcher."""

    def test_threads_that_dispatch_lose_nothing(self, dispatcher: CanDispatchEvents) -> None:
        """By ``dispatch`` and by an emitter that they share; each event is heard on the thread that it came from."""
        counts = {each: AtomicCount() for each in (object, Happened, HappenedAgain)}

        def counting(count: AtomicCount) -> Callable[[object], object]:
            return lambda _: count.add()

        for event_type, count in counts.items():
            dispatcher.add_listener(event_type, counting(count))
        own: list[list[Any]] = [[] for _ in range(_THREADS)]
        dispatcher.add_listener(Happened, lambda event: own[event.number].append(event))
        emit = dispatcher.emitter(HappenedAgain)

        def work(thread: int) -> list[Any]:
            made: list[Any] = []
            for _ in range(_EVENTS // 2):
                made += [Happened(number=thread), HappenedAgain(number=thread)]
                dispatcher.dispatch(made[-2])
                emit(made[-1])
            dispatcher.dispatch(Other())
            return made

        made = together(work, _THREADS)
        assert {each: count.value for each, count in counts.items()} == {
            object: _THREADS * (_EVENTS + 1),
            Happened: _THREADS * _EVENTS,
            HappenedAgain: _THREADS * _EVENTS // 2,
        }
        assert [list(map(id, heard)) for heard in own] == [list(map(id, events)) for events in made]

    def test_threads_may_add_and_remove_while_others_dispatch(self, dispatcher: CanDispatchEvents) -> None:
        """One who is there hears all of its own thread's events; one who is gone hears none of them any more."""

        def work(thread: int) -> tuple[int, int]:
            steady = 0
            gone = 0
            is_there = False

            def hear(event: Happened) -> None:
                nonlocal steady
                steady += event.number == thread

            def pass_by(event: Any) -> None:
                nonlocal gone
                gone += event.number == thread and not is_there

            dispatcher.add_listener(Happened, hear)
            for _ in range(200):
                is_there = True
                with dispatcher.add_listener(object, pass_by):
                    dispatcher.dispatch(Happened(number=thread))
                is_there = False
                dispatcher.dispatch(Happened(number=thread))
            return steady, gone

        assert together(work, _THREADS) == [(400, 0)] * _THREADS
        assert not dispatcher.emitter(Other).listening
