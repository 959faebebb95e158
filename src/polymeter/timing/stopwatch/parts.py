"""Parts: what everything that belongs to one stopwatch shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymeter.timing.stopwatch.book import Book

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.timing.stopwatch.memory import ReadsMemory
    from polymeter.timing.stopwatch.telling import Telling

__all__ = ["Limits", "Parts"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept.

    :ivar periods: that ended, of all events together. Also of starts without a stop, of one name in one task or thread.
    :ivar events: of one section.
    :ivar sections: that have an id.
    """

    periods: int
    events: int
    sections: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What all sections and events have from their stopwatch, until it is reset."""

    clock: Clock
    read_memory: ReadsMemory
    tell: Telling
    limits: Limits
    more_precision: bool
    book: Book

    @property
    def monotonic(self) -> Callable[[], float]:
        """Seconds from some origin."""
        return self.clock.monotonic

    def anew(self) -> Parts:
        """Give the same with an empty book."""
        return Parts(
            self.clock, self.read_memory, self.tell, self.limits, self.more_precision, Book(self.limits.periods)
        )
