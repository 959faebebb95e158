"""Events of a chat, as an application would write them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Optional

from polymeter.events import Event


class Mood(enum.Enum):
    GOOD = "good"


@dataclass
class Cost:
    amount: float
    currency: str = "EUR"


@dataclass
class Bill:
    tokens: int = 0
    cost: Optional[Cost] = None  # noqa: UP045 - both ways to write it are read

    @property
    def doubled(self):
        return self.tokens * 2


@dataclass(slots=True, kw_only=True)
class TurnStarted(Event):
    model: str = "m"


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str | None = "m"
    ok: bool = True
    duration_ms: float | None = 12.5
    bill: Bill | None = None
    tag: Any = "x"
    level: float = 1
    mood: Mood = Mood.GOOD

    @property
    def seconds(self):
        return self.duration_ms / 1000


@dataclass(slots=True, kw_only=True)
class LongTurnFinished(TurnFinished):
    pages: int = 3


class Untyped:
    """An event class that declares nothing: what it has is known when there is one."""

    def __init__(self, model="m", duration_ms=5):
        self.model = model
        self.duration_ms = duration_ms

    def describe(self):
        return f"{self.model}"
