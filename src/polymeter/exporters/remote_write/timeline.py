"""Timeline: the times of samples, each later than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from polymeter.clock import Clock

__all__ = ["Timeline"]


class Timeline:
    """Gives each export a millisecond of its own: of two samples of one time a receiver rejects the second."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        """:param clock: says the time of what comes without one."""
        self._clock = clock
        self._newest = 0.0
        self._last = 0

    def place(self, taken_at: float) -> int | None:
        """Give the time of the samples of a snapshot, in Unix milliseconds; ``None`` if a newer one has been placed.

        :param taken_at: Unix seconds; 0: now.
        """
        if taken_at:
            if taken_at < self._newest:
                return None
            self._newest = taken_at
        self._last = max(round((taken_at or self._clock.wall()) * 1000), self._last + 1)
        return self._last
