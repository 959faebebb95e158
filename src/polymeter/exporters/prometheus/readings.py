"""Readings: metrics that are one to Prometheus, put together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.sums import Sum
from polymeter.exporters.prometheus.exemplars import exemplars_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.data.gauge import Gauge
    from polymeter.data.histogram import ReadsDistribution
    from polymeter.data.metric import Metric

__all__ = ["Reading", "joined", "reading_of"]


class Reading:
    """What several metrics that are one to Prometheus come to.

    :ivar sample: the value in base units, or the distribution.
    :ivar place: what orders readings of gauges; a sum is none.
    :ivar start: Unix seconds since which it has been gathered.
    """

    __slots__ = ("exemplars", "place", "sample", "start")

    def __init__(self, sample: Any, place: _Place, start: float, exemplars: Sequence[Any]) -> None:
        self.sample = sample
        self.place = place
        self.start = start
        self.exemplars = exemplars


_Place: TypeAlias = tuple[float, int]
_NO_READING: Final = (-math.inf, -1)


def reading_of(metric: Metric) -> Reading:
    """Give one metric as a reading."""
    exemplars = exemplars_of(metric)
    if metric.kind.is_distribution:
        return Reading(cast("ReadsDistribution", metric).distribution, _NO_READING, metric.start, exemplars)
    sample = metric.unit.to_base(metric.value)
    if isinstance(metric, Counter | UpDownCounter):
        return Reading(sample, _NO_READING, metric.start, exemplars)
    return Reading(sample, (metric.timestamp, cast("Gauge", metric).sequence), metric.start, exemplars)


def joined(known: Reading, new: Reading) -> Reading:
    """Make one of two, whichever comes first."""
    start, exemplars = min(known.start, new.start), (*known.exemplars, *new.exemplars)
    if isinstance(known.sample, Distribution):
        return Reading(known.sample.merge(new.sample), _NO_READING, start, exemplars)
    if known.place == new.place == _NO_READING:
        total = Sum.of(known.sample).plus(Sum.of(new.sample)).value
        return Reading(total, _NO_READING, start, exemplars)
    return max(known, new, key=_order)


def _order(reading: Reading) -> tuple[float, int, float]:
    """Order readings as :class:`~polymeter.data.gauge.Gauge` does; a reading comes after any sum."""
    return (*reading.place, -math.inf if math.isnan(reading.sample) else reading.sample)
