"""Counter and UpDownCounter: sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Self

from polymeter.data.kind import Kind
from polymeter.data.metric import Metric, checked_number
from polymeter.data.sums import ZERO, Sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.exemplar import Exemplar
    from polymeter.data.tags import Tags, TagsLike
    from polymeter.data.units import Unit

__all__ = ["Counter", "UpDownCounter"]


class _Total(Metric):
    """What both kinds of sum share."""

    __slots__ = ("total",)

    total: Sum
    _may_fall: ClassVar[bool]

    def __init__(
        self,
        name: str,
        value: float | Sum = 0,
        tags: TagsLike | None = None,
        *,
        start: float = 0.0,
        timestamp: float = 0.0,
        unit: Unit | str | None = None,
        exemplars: Iterable[Exemplar] = (),
    ) -> None:
        """Make a value.

        :param value: the sum, in ``unit``.
        :param exemplars: where a part of it came from; the latest one is kept. An :class:`UpDownCounter` has none.
        :raises InvalidMetricError: for a value that is not finite, a negative :class:`Counter`, a bad name or tag, or
            exemplars of an :class:`UpDownCounter`.
        """
        self._set(name, tags, start, timestamp, unit)
        if exemplars:
            self._keep(exemplars)
        if not isinstance(value, Sum):
            value = Sum.of(checked_number(name, value, negative=self._may_fall))
        object.__setattr__(self, "total", value)

    @property
    def value(self) -> float:
        """The sum; an ``int`` as long as only integers were added."""
        return self.total.value

    @classmethod
    def of_parts(  # noqa: PLR0917 - called for each series of a snapshot
        cls,
        name: str,
        total: Sum,
        tags: Tags,
        start: float,
        timestamp: float,
        unit: Unit,
        exemplars: tuple[Exemplar, ...],
    ) -> Self:
        """Make a value of parts that were looked at when they were recorded: nothing is checked."""
        made = object.__new__(cls._unsealed)
        made.name = name
        made.total = total
        made.tags = tags
        made.start = start
        made.timestamp = timestamp
        made.unit = unit
        made.exemplars = ()
        made.__class__ = cls
        if exemplars:
            made._keep(exemplars)
        sealed: Self = made
        return sealed

    @classmethod
    def identity(cls, name: str, tags: TagsLike | None = None, *, unit: Unit | str | None = None) -> Self:
        """Give zero, gathered at no time."""
        return cls(name, ZERO, tags, start=math.inf, timestamp=-math.inf, unit=unit)

    def _merged(self, other: Self, start: float, timestamp: float) -> Self:
        exemplars = self.exemplars + other.exemplars
        return self._with(self.total.plus(other.total), self.tags, start, timestamp, exemplars)

    def retagged(self, tags: TagsLike | None) -> Self:
        """Give the same sum under other tags."""
        return self._with(self.total, tags, self.start, self.timestamp, self.exemplars)

    def _with(
        self, total: Sum, tags: TagsLike | None, start: float, timestamp: float, exemplars: tuple[Exemplar, ...]
    ) -> Self:
        return type(self)(self.name, total, tags, start=start, timestamp=timestamp, unit=self.unit, exemplars=exemplars)

    def _state(self) -> tuple[object, ...]:
        return (self.total.value, self.start, self.timestamp)


class Counter(_Total):
    """A sum that never falls: calls, tokens, bytes sent."""

    __slots__ = ()

    kind = Kind.COUNTER
    _may_fall = False

    def since(self, earlier: Metric, /) -> Self:
        """Give what was added after ``earlier``."""
        before = earlier.total if isinstance(earlier, Counter) else ZERO
        added = self.total.minus(before)
        return self._with(added, self.tags, earlier.timestamp, self.timestamp, self._exemplars_since(earlier))


class UpDownCounter(_Total):
    """A sum that may fall: calls in flight, items in a queue."""

    __slots__ = ()

    kind = Kind.UP_DOWN
    _may_fall = True

    def since(self, _earlier: Metric, /) -> Self:
        """Give the level itself: back ends take it as it stands."""
        return self
