"""What is recorded under torture, and what one read of it has to look like."""

from __future__ import annotations

from dataclasses import dataclass

VALUE_MS = 125
VALUE_SECONDS = 0.125  # exact in binary: a sum of these has no rounding, so the comparison below is one of equality
LEVEL = 42


@dataclass(frozen=True)
class Reading:
    """One read: a counter, a timer that only ever observed one value, and a gauge that was only ever set to one.

    :ivar counted: value of the counter.
    :ivar count: observations of the timer.
    :ivar seconds: their sum.
    :ivar in_buckets: observations in the timer's buckets; once for each kind of buckets that it has.
    :ivar level: value of the gauge; ``None`` before the first.
    """

    counted: float = 0
    count: int = 0
    seconds: float = 0
    in_buckets: tuple[int, ...] = ()
    level: float | None = None

    @property
    def is_torn(self) -> bool:
        """Whether its parts are not of one moment."""
        return (
            self.seconds != self.count * VALUE_SECONDS
            or any(total != self.count for total in self.in_buckets)
            or self.level not in {None, LEVEL}
        )
