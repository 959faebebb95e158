"""Cells: what one series holds of one window, or of all time. Immutable, so that a reader never sees a half of one."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import DistributionBuilder
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.sums import ZERO, Sum
from polymeter.registries.poison import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.data.units import Unit

__all__ = ["Cell", "Identity", "Reading", "empty_metric"]


class Reading(NamedTuple):
    """One reading of a gauge. The largest is the last one."""

    at: float
    """Unix seconds at which it was true."""
    sequence: int
    """Its place in the order of all."""
    value: float


class Identity:
    """What a series is, and how its numbers come in.

    :ivar converts: whether its cells hold its numbers in another unit than they come in.
    :ivar empty: the cell that holds nothing.
    """

    __slots__ = ("converts", "empty", "kind", "name", "tags", "unit")

    def __init__(self, definition: MetricDefinition, tags: Tags) -> None:
        self.kind = definition.kind
        self.name = definition.name
        self.tags = tags
        self.unit = definition.resolved_unit
        self.converts = self.kind.is_distribution and self.unit.numerator != self.unit.denominator
        self.empty = _empty(definition)

    def in_base(self, number: float) -> float | None:
        """Convert a number as its cell holds it; ``None`` if nothing can hold it."""
        converted = self.unit.to_base(number)
        return converted if -LARGEST < converted < LARGEST else None

    def metric(self, cell: Cell, start: float, timestamp: float, tags: Tags | None = None) -> Metric:
        """Give a cell of this series as a metric.

        :param tags: other tags to give it.
        """
        return cell.metric(self.name, self.tags if tags is None else tags, start, timestamp, self.unit)


class Cell(ABC):
    """What was recorded, gathered."""

    __slots__ = ()

    @abstractmethod
    def plus(self, values: list[Any]) -> Cell:
        """Give a cell with more in it; this one stays as it is.

        :param values: numbers in base units, or a gauge's readings; at least one.
        """

    @abstractmethod
    def metric(self, name: str, tags: Tags, start: float, timestamp: float, unit: Unit) -> Metric:
        """Give the content as a metric.

        :param timestamp: Unix seconds up to which it was gathered; a gauge says when its reading was true instead.
        """


class _SumCell(Cell):
    __slots__ = ("_make", "_total")

    def __init__(self, make: Callable[..., Metric], total: Sum = ZERO) -> None:
        self._make = make
        self._total = total

    def plus(self, values: list[Any]) -> Cell:
        return _SumCell(self._make, self._total.plus(Sum.of_all(values)))

    def metric(self, name: str, tags: Tags, start: float, timestamp: float, unit: Unit) -> Metric:
        return self._make(name, self._total, tags, start=start, timestamp=timestamp, unit=unit)


class _GaugeCell(Cell):
    __slots__ = ("_last",)

    def __init__(self, last: Reading | None = None) -> None:
        self._last = last

    def plus(self, values: list[Any]) -> Cell:
        newest: Reading = max(values)
        return _GaugeCell(newest) if self._last is None or newest > self._last else self

    def metric(self, name: str, tags: Tags, start: float, timestamp: float, unit: Unit) -> Metric:
        if self._last is None:
            return Gauge(name, math.nan, tags, start=start, timestamp=timestamp, sequence=-1, unit=unit)
        at, sequence, value = self._last
        return Gauge(name, value, tags, start=min(start, at), timestamp=at, sequence=sequence, unit=unit)


class _DistributionCell(Cell):
    __slots__ = ("_builder", "_make")

    def __init__(self, make: Callable[..., Metric], builder: DistributionBuilder) -> None:
        self._make = make
        self._builder = builder

    def plus(self, values: list[Any]) -> Cell:
        # A builder replaces what it has published as a whole, so a shallow copy of it shares nothing that changes.
        builder = copy.copy(self._builder)
        builder.add_checked(values, Sum.of_all(values), min(values), max(values))
        return _DistributionCell(self._make, builder)

    def metric(self, name: str, tags: Tags, start: float, timestamp: float, unit: Unit) -> Metric:
        return self._make(name, self._builder.freeze(), tags, start=start, timestamp=timestamp, unit=unit)


_MAKE: Final[dict[Kind, Callable[..., Metric]]] = {
    Kind.COUNTER: Counter,
    Kind.UP_DOWN: UpDownCounter,
    Kind.HISTOGRAM: Histogram,
    Kind.TIMER: Timer,
}


def _empty(definition: MetricDefinition) -> Cell:
    kind = definition.kind
    if kind is Kind.GAUGE:
        return _GaugeCell()
    if kind.is_distribution:
        return _DistributionCell(_MAKE[kind], DistributionBuilder(definition.base_bounds))
    return _SumCell(_MAKE[kind])


def empty_metric(definition: MetricDefinition, tags: Tags, start: float, timestamp: float) -> Metric:
    """Give the metric of a name that has nothing."""
    return Identity(definition, tags).metric(_empty(definition), start, timestamp)
