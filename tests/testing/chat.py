"""What the tests of expectations record, and how they read a failure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from polymeter.collectors import MetricsCollector, measure
from polymeter.events import Event


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str = "x"
    duration_ms: float = 100.0


@dataclass(slots=True, kw_only=True)
class TurnStarted(Event):
    model: str = "x"


class ChatMetrics(MetricsCollector):
    turns = measure.counter("chat.turns", on=TurnFinished, tags=("model",))
    latency = measure.timer("chat.latency_ms", on=TurnFinished, value="duration_ms", tags=("model",))


def turn(chat, **fields):
    chat.events.dispatch(TurnFinished(**fields))


def failure_of(expected, work):
    with pytest.raises(AssertionError) as caught, expected:
        work()
    return str(caught.value)
