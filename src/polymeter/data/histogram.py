"""Histogram and Timer: distributions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from polymeter.data.distribution import EMPTY, Distribution
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric, checked_number
from polymeter.data.units import MILLISECONDS, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.exemplar import Exemplar
    from polymeter.data.tags import Tags, TagsLike

__all__ = ["Histogram", "ReadsDistribution", "ReadsTimer", "Timer"]


class _HasUnit(Protocol):
    """What is read in a unit: a value keeps its own, a series that of its family."""

    @property
    def unit(self) -> Unit:
        """How values read."""
        ...


class ReadsDistribution(ABC):
    """How a distribution is read in the metric's own unit: shared by the values and the live series."""

    __slots__ = ()

    @property
    @abstractmethod
    def distribution(self) -> Distribution:
        """The distribution itself, in base units."""

    @property
    def count(self) -> int:
        """Number of observations."""
        return self.distribution.count

    @property
    def sum(self) -> float:
        """Sum of all observations."""
        return self._read(self.distribution.sum)

    @property
    def mean(self) -> float:
        """Mean of all observations; NaN if there is none."""
        return self._read(self.distribution.mean)

    @property
    def min(self) -> float:
        """Smallest observation; NaN if there is none."""
        return self._read(self.distribution.min)

    @property
    def max(self) -> float:
        """Largest observation; NaN if there is none."""
        return self._read(self.distribution.max)

    def quantile(self, q: float) -> float:
        """Give the value that a share ``q`` (0 to 1) of the observations do not exceed; see ``Distribution.quantile``.

        :raises InvalidMetricError: if ``q`` is outside 0 to 1.
        """
        return self._read(self.distribution.quantile(q))

    def _read(self, value: float) -> float:
        return cast("_HasUnit", self).unit.from_base(value)


class ReadsTimer(ReadsDistribution):
    """A distribution of seconds, read in milliseconds or seconds."""

    __slots__ = ()

    @property
    def mean_ms(self) -> float:
        """Mean duration in milliseconds; NaN if there is none."""
        return MILLISECONDS.from_base(self.distribution.mean)

    @property
    def duration_ms(self) -> float:
        """The same as ``mean_ms``: of one observation, that observation."""
        return self.mean_ms

    @property
    def duration_seconds(self) -> float:
        """Mean duration in seconds; NaN if there is none."""
        return self.distribution.mean

    @property
    def total_ms(self) -> float:
        """Sum of all durations in milliseconds."""
        return MILLISECONDS.from_base(self.distribution.sum)

    @property
    def min_ms(self) -> float:
        """Shortest duration in milliseconds; NaN if there is none."""
        return MILLISECONDS.from_base(self.distribution.min)

    @property
    def max_ms(self) -> float:
        """Longest duration in milliseconds; NaN if there is none."""
        return MILLISECONDS.from_base(self.distribution.max)

    def quantile_ms(self, q: float) -> float:
        """Give the duration in milliseconds that a share ``q`` (0 to 1) do not exceed.

        :raises InvalidMetricError: if ``q`` is outside 0 to 1.
        """
        return MILLISECONDS.from_base(self.distribution.quantile(q))


class _Distributed(Metric, ReadsDistribution):
    """What both kinds of distribution share."""

    __slots__ = ("_distribution",)

    _distribution: Distribution

    def __init__(
        self,
        name: str,
        value: float | Distribution = EMPTY,
        tags: TagsLike | None = None,
        *,
        start: float = 0.0,
        timestamp: float = 0.0,
        unit: Unit | str | None = None,
        exemplars: Iterable[Exemplar] = (),
    ) -> None:
        """Make a value.

        :param value: one observation in ``unit``, or a distribution in base units.
        :param exemplars: where some of the observations came from; the latest of each octave is kept.
        :raises InvalidMetricError: for a value that is not finite, a negative duration, a bad name or tag.
        """
        self._set(name, tags, start, timestamp, unit)
        if exemplars:
            self._keep(exemplars)
        if not isinstance(value, Distribution):
            number = checked_number(name, value, negative=self.kind is not Kind.TIMER)
            value = Distribution.of([self.unit.to_base(number)])
        elif self.kind is Kind.TIMER and (value.negative.counts or value.min < 0):
            checked_number(name, value.min, negative=False)
        object.__setattr__(self, "_distribution", value)

    @classmethod
    def of_parts(  # noqa: PLR0917 - called for each series of a snapshot
        cls,
        name: str,
        distribution: Distribution,
        tags: Tags,
        start: float,
        timestamp: float,
        unit: Unit,
        exemplars: tuple[Exemplar, ...],
    ) -> Self:
        """Make a value of parts that were looked at when they were recorded: nothing is checked."""
        made = object.__new__(cls._unsealed)
        made.name = name
        made._distribution = distribution
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

    @property
    def distribution(self) -> Distribution:
        """The distribution, in base units."""
        return self._distribution

    @property
    def value(self) -> float:
        """The mean; of one observation, that observation. NaN if there is none."""
        return self.mean

    @classmethod
    def identity(cls, name: str, tags: TagsLike | None = None, *, unit: Unit | str | None = None) -> Self:
        """Give no observation, at no time."""
        return cls(name, EMPTY, tags, start=math.inf, timestamp=-math.inf, unit=unit)

    def _merged(self, other: Self, start: float, timestamp: float) -> Self:
        exemplars = self.exemplars + other.exemplars
        return self._with(self._distribution.merge(other.distribution), self.tags, start, timestamp, exemplars)

    def since(self, earlier: Metric, /) -> Self:
        """Give what was observed after ``earlier``; its minimum and maximum are unknown (NaN)."""
        before = earlier.distribution if isinstance(earlier, ReadsDistribution) else EMPTY
        added = self._distribution.minus(before)
        return self._with(added, self.tags, earlier.timestamp, self.timestamp, self._exemplars_since(earlier))

    def retagged(self, tags: TagsLike | None) -> Self:
        """Give the same distribution under other tags."""
        return self._with(self._distribution, tags, self.start, self.timestamp, self.exemplars)

    def _with(
        self,
        distribution: Distribution,
        tags: TagsLike | None,
        start: float,
        timestamp: float,
        exemplars: tuple[Exemplar, ...],
    ) -> Self:
        return type(self)(
            self.name, distribution, tags, start=start, timestamp=timestamp, unit=self.unit, exemplars=exemplars
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain values: count, sum, extremes and quantiles beside what every metric has."""
        readings = {name: getattr(self, name) for name in ("count", "sum", "mean", "min", "max")}
        quantiles = {f"p{round(q * 100)}": self.quantile(q) for q in (0.5, 0.9, 0.99)}
        return {**super().to_dict(), **readings, **quantiles}

    def _state(self) -> tuple[object, ...]:
        return (self._distribution, self.start, self.timestamp)


class Histogram(_Distributed):
    """The distribution of a value: tokens of a call, bytes of a body."""

    __slots__ = ()

    kind = Kind.HISTOGRAM


class Timer(_Distributed, ReadsTimer):
    """The distribution of a duration: seconds inside, milliseconds unless name or definition say otherwise."""

    __slots__ = ()

    kind = Kind.TIMER

    @property
    def value(self) -> float:
        """The mean in milliseconds; of one observation, that observation. NaN if there is none."""
        return self.mean_ms
