"""Re-entry: listeners, finalisers and signal handlers may use the dispatcher that is just at work."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any

import pytest

from polymeter.testing.contracts.abilities import only_if
from polymeter.testing.contracts.dispatcher.base import DispatcherTests, Happened, HappenedAgain, Other

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["Reentry"]


@only_if(hears_nobody=False)
class Reentry(DispatcherTests):
    """Nothing waits for itself, and nothing is lost."""

    def test_a_listener_may_dispatch(self, dispatcher: CanDispatchEvents) -> None:
        """The inner event is finished before the outer one goes on."""
        heard: list[type] = []
        dispatcher.add_listener(Happened, lambda _: dispatcher.dispatch(Other()))
        dispatcher.add_listener(object, lambda event: heard.append(type(event)))
        dispatcher.dispatch(Happened())
        assert heard == [Other, Happened]

    def test_a_listener_may_dispatch_the_class_it_listens_to(self, dispatcher: CanDispatchEvents) -> None:
        """As deep as it likes."""
        heard: list[int] = []

        def count_down(event: Happened) -> None:
            if event.number:
                dispatcher.dispatch(Happened(number=event.number - 1))
            heard.append(event.number)

        dispatcher.add_listener(Happened, count_down)
        dispatcher.dispatch(Happened(number=20))
        assert heard == list(range(21))

    @only_if(isolates=True)
    def test_a_listener_that_dispatches_for_ever_ends(self, dispatcher: CanDispatchEvents) -> None:
        """Python stops it, that is isolated, and the dispatcher works as before."""
        heard: list[Any] = []
        endless = dispatcher.add_listener(Happened, dispatcher.dispatch)
        dispatcher.add_listener(Other, heard.append)
        dispatcher.dispatch(Happened())
        endless.cancel()
        dispatcher.dispatch(Happened())
        dispatcher.dispatch(Other())
        assert len(heard) == 1

    def test_a_finaliser_may_dispatch_add_and_remove(self, dispatcher: CanDispatchEvents) -> None:
        """Wherever the garbage collector happens to run."""
        ended: list[None] = []
        heard: dict[str, int] = {"ended": 0, "made": 0, "short": 0}

        def hear(what: str) -> None:
            heard[what] += 1

        class Finalised:
            def __init__(self) -> None:
                self.myself = self  # a circle, so that only the collector ends it

            def __del__(self) -> None:
                ended.append(None)
                with dispatcher.add_listener(Other, lambda _: hear("short")):
                    dispatcher.dispatch(Other())

        def make(event: HappenedAgain) -> None:
            hear("made")
            Finalised()
            kept = [set[int]() for _ in range(event.number % 20)]  # the collector runs here now, and there next time
            assert len(kept) == event.number % 20

        dispatcher.add_listener(Other, lambda _: hear("ended"))
        dispatcher.add_listener(HappenedAgain, make)
        thresholds = gc.get_threshold()
        gc.set_threshold(10)
        try:
            for number in range(1000):
                with dispatcher.add_listener(Happened, lambda _: None):
                    dispatcher.dispatch(HappenedAgain(number=number))
        finally:
            gc.set_threshold(*thresholds)
        gc.collect()
        assert len(ended) == 1000
        assert heard == {"ended": 1000, "made": 1000, "short": 1000}
        assert not dispatcher.emitter(Happened).listening

    @pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no such signal here")
    def test_a_signal_handler_may_dispatch_add_and_remove(self, dispatcher: CanDispatchEvents) -> None:
        """In the middle of whatever the thread that it interrupts is doing there."""
        handled: list[Any] = []
        steady: list[Any] = []
        dispatcher.add_listener(Happened, steady.append)

        def handle(*_: object) -> None:
            with dispatcher.add_listener(Happened, handled.append):
                dispatcher.dispatch(HappenedAgain())
            # One at a time: on a slow machine a handler may take longer than the pause between two signals.
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)

        made = 0
        before = signal.signal(signal.SIGVTALRM, handle)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)
        try:
            while len(handled) < 50:
                made += 1
                with dispatcher.add_listener(HappenedAgain, lambda _: None):
                    dispatcher.dispatch(Happened())
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        assert len(steady) == made + len(handled)
        assert dispatcher.emitter(Happened).listening
        assert not dispatcher.emitter(Other).listening
