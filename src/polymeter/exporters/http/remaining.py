"""What is left of the time for one delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.deadline import Deadline

__all__ = ["Remaining"]


class Remaining:
    """A deadline, and a time-out that may come before it.

    :param timeout: seconds from now; ``None``: the deadline alone counts.
    :param clock: what the time-out is measured on.
    """

    __slots__ = ("_clock", "_deadline", "_ends_at")

    def __init__(self, deadline: Deadline, timeout: float | None, clock: Clock) -> None:
        self._deadline = deadline
        self._clock = clock
        self._ends_at = None if timeout is None else clock.monotonic() + timeout

    @property
    def left(self) -> float:
        """Seconds that are left; 0 if it is over or cancelled."""
        left = self._deadline.left
        return left if self._ends_at is None else max(0.0, min(left, self._ends_at - self._clock.monotonic()))

    def wait(self, seconds: float) -> bool:
        """Let ``seconds`` pass, or what is left; tell whether there is time for another try afterwards."""
        return self._deadline.wait(min(seconds, self.left)) and self.left > 0
