"""The five kinds of metric."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Kind"]


class Kind(StrEnum):
    """What a metric remembers of what was recorded."""

    COUNTER = "counter"
    """A sum that never falls."""
    GAUGE = "gauge"
    """The last value."""
    UP_DOWN = "up_down"
    """A sum that may fall."""
    HISTOGRAM = "histogram"
    """The distribution of values."""
    TIMER = "timer"
    """The distribution of durations."""

    @property
    def is_distribution(self) -> bool:
        """Tell whether a metric of this kind holds a :class:`~polymeter.data.distribution.Distribution`."""
        return self in {Kind.HISTOGRAM, Kind.TIMER}
