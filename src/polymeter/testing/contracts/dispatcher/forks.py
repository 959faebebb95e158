"""Forks: a child goes on with the listeners of its parent, whatever that was doing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, Other
from polymeter.testing.contracts.registry.child import answer_of_a_child

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Forks"]


@only_if(hears_nobody=False)
class Forks(DispatcherTests):
    """What happens in a forked child stays there."""

    def test_a_child_has_the_listeners_of_its_parent(self, dispatcher: CanDispatchEvents) -> None:
        """Those that it adds are its own."""
        heard: list[str] = []
        dispatcher.add_listener(Happened, lambda _: heard.append("parent's"))
        emitter = dispatcher.emitter(Other)
        dispatcher.dispatch(Happened())

        def child() -> Any:
            heard.clear()
            dispatcher.add_listener(object, lambda _: heard.append("child's"))
            dispatcher.dispatch(Happened())
            return [heard, bool(emitter.listening)]

        assert answer_of_a_child(child) == [["parent's", "child's"], True]
        dispatcher.dispatch(Happened())
        assert heard == ["parent's", "parent's"]
        assert not emitter.listening

    def test_a_child_is_well_however_busy_its_parent_was(self, dispatcher: CanDispatchEvents) -> None:
        """Forked while other threads dispatch, add and remove, it does not hang."""
        busy = threading.Event()
        busy.set()

        def work() -> None:
            while busy.is_set():
                with dispatcher.add_listener(Other, lambda _: None):
                    dispatcher.dispatch(Other())

        def child() -> Any:
            heard: list[int] = []
            with dispatcher.add_listener(Happened, lambda event: heard.append(event.number)):
                dispatcher.dispatch(Happened(number=1))
            dispatcher.dispatch(Happened(number=2))
            return [heard, bool(dispatcher.emitter(Happened).listening)]

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            answers = [answer_of_a_child(child) for _ in range(10)]
        finally:
            busy.clear()
            for thread in threads:
                thread.join()
        assert answers == [[[1], False]] * 10
