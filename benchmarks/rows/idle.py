"""What it costs to ask whether anybody listens."""

from __future__ import annotations

from blinker import Signal

from benchmarks.harness import Result, Row, measured
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceStarted

N = 200_000


def rows() -> list[Result]:
    """Measure."""
    emitter = EventDispatcher().emitter(InferenceStarted)
    signal = Signal()

    def ours() -> None:
        for _ in range(N // 10):  # ten at a time: the loop is not what is compared
            if emitter.listening or emitter.listening or emitter.listening or emitter.listening or emitter.listening:
                raise AssertionError
            if emitter.listening or emitter.listening or emitter.listening or emitter.listening or emitter.listening:
                raise AssertionError

    def theirs() -> None:
        send = signal.send
        for _ in range(N // 10):
            send(None), send(None), send(None), send(None), send(None)
            send(None), send(None), send(None), send(None), send(None)

    return [measured(Row("nobody listens: the guard", ours, theirs, "blinker, send", N, 0.05))]
