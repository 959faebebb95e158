"""Gauge: the last value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from polymeter.data.kind import Kind
from polymeter.data.metric import Metric, checked_number

if TYPE_CHECKING:
    from polymeter.data.tags import Tags, TagsLike
    from polymeter.data.units import Unit

__all__ = ["Gauge"]


class Gauge(Metric):
    """The last value of something that goes up and down: a temperature, a queue's length.

    Of two gauges the one with the later ``timestamp`` stays, of two with the same the one with the higher
    ``sequence``. A registry never lets the timestamps of one writer go back, so that program order wins over a clock
    that is stepped; a record that says its own ``at`` is placed by it.

    :ivar sequence: place in the order of one writer's records.
    """

    __slots__ = ("_value", "sequence")

    kind = Kind.GAUGE
    sequence: int
    _value: float

    def __init__(
        self,
        name: str,
        value: float = math.nan,
        tags: TagsLike | None = None,
        *,
        start: float = 0.0,
        timestamp: float = 0.0,
        sequence: int = 0,
        unit: Unit | str | None = None,
    ) -> None:
        """Make a value.

        :param value: the reading, in ``unit``; NaN stands for "none yet".
        :raises InvalidMetricError: for an infinite value, a bad name or tag.
        """
        self._set(name, tags, start, timestamp, unit)
        object.__setattr__(self, "_value", value if value != value else checked_number(name, value))  # noqa: PLR0124 - NaN
        object.__setattr__(self, "sequence", sequence)

    @classmethod
    def of_parts(  # noqa: PLR0917 - called for each series of a snapshot
        cls, name: str, value: float, tags: Tags, start: float, timestamp: float, unit: Unit, sequence: int
    ) -> Self:
        """Make a value of parts that were looked at when they were recorded: nothing is checked."""
        made = object.__new__(cls._unsealed)
        made.name = name
        made._value = value
        made.tags = tags
        made.start = start
        made.timestamp = timestamp
        made.unit = unit
        made.exemplars = ()
        made.sequence = sequence
        made.__class__ = cls
        sealed: Self = made
        return sealed

    @property
    def value(self) -> float:
        """The last value; NaN if there was none."""
        return self._value

    @classmethod
    def identity(cls, name: str, tags: TagsLike | None = None, *, unit: Unit | str | None = None) -> Self:
        """Give no reading, at no time."""
        return cls(name, math.nan, tags, start=math.inf, timestamp=-math.inf, sequence=-1, unit=unit)

    def _merged(self, other: Self, start: float, timestamp: float) -> Self:
        last = max(self, other, key=Gauge._order)
        return self._with(last, self.tags, start, timestamp)

    def _order(self) -> tuple[float, int, float]:
        # The value decides between equals, so that merging stays commutative whatever it is given.
        return (self.timestamp, self.sequence, -math.inf if math.isnan(self._value) else self._value)

    def since(self, _earlier: Metric, /) -> Self:
        """Give the reading itself."""
        return self

    def retagged(self, tags: TagsLike | None) -> Self:
        """Give the same reading under other tags."""
        return self._with(self, tags, self.start, self.timestamp)

    def _with(self, reading: Gauge, tags: TagsLike | None, start: float, timestamp: float) -> Self:
        value, sequence = reading.value, reading.sequence
        return type(self)(self.name, value, tags, start=start, timestamp=timestamp, sequence=sequence, unit=self.unit)

    def _state(self) -> tuple[object, ...]:
        return (None if math.isnan(self._value) else self._value, self.sequence, self.start, self.timestamp)
