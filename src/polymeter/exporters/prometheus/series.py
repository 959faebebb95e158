"""Series: the labels and values of a family, one by one.

Mostly each metric of a family has labels of its own. Only where two may be one to Prometheus (``a.b`` and ``a_b``, a
tag without text, several registries) are all of the family gathered first, and those that are one put together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.sums import Sum
from polymeter.exporters.prometheus.exemplars import exemplars_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polymeter.data.gauge import Gauge
    from polymeter.data.histogram import ReadsDistribution
    from polymeter.data.metric import Metric
    from polymeter.exporters.prometheus.families import Family, Source
    from polymeter.exporters.prometheus.labelling import Block, Labelling
    from polymeter.exporters.prometheus.naming import Labels

__all__ = ["Reading", "series_of"]


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


def series_of(family: Family, labelling: Labelling[Block]) -> Iterator[tuple[Block, Any, Metric | Reading]]:
    """Walk over a family: block of labels, value in base units or distribution, and what has ``start``."""
    parts = _all_different(family, labelling)
    if parts is None:
        return _together(family, labelling)
    return _one_by_one(family.sources[0], parts, labelling)


_Parts: TypeAlias = "list[tuple[tuple[str, ...], tuple[str, ...]]]"  # of each series the tag names and their texts
_NO_TAGS: Final[tuple[tuple[str, ...], tuple[str, ...]]] = ((), ())


def _all_different(family: Family, labelling: Labelling[Block]) -> _Parts | None:
    """Give the tags of all series, if for sure no two of them have the same labels."""
    if len(family.sources) > 1:
        return None
    canonical: Any = [metric.tags.canonical for metric in family.sources[0].metrics]
    split: Any = [tuple(zip(*pairs, strict=True)) or _NO_TAGS for pairs in canonical]
    parts: _Parts = split
    if any("" in texts for _, texts in parts):
        return None
    shapes = [labelling.shape(names) for names in {names for names, _ in parts}]
    if not all(shape.write for shape in shapes) or len({shape.names for shape in shapes}) < len(shapes):
        return None
    return parts


def _one_by_one(source: Source, parts: _Parts, labelling: Labelling[Block]) -> Iterator[tuple[Block, Any, Metric]]:
    is_distribution = source.kind.is_distribution
    to_base = None if source.unit.numerator == source.unit.denominator else source.unit.to_base
    writers: dict[tuple[str, ...], Any] = {names: labelling.shape(names).write for names in {part[0] for part in parts}}
    for metric, (names, texts) in zip(source.metrics, parts, strict=True):
        block = writers[names](texts) if names else labelling.block_of_none
        if is_distribution:
            yield block, cast("ReadsDistribution", metric).distribution, metric
        else:
            yield block, metric.value if to_base is None else to_base(metric.value), metric


def _together(family: Family, labelling: Labelling[Block]) -> Iterator[tuple[Block, Any, Reading]]:
    readings: dict[Labels, Reading] = {}
    for source in family.sources:
        for metric in source.metrics:
            labels = labelling.naming.labels(metric.tags.canonical)
            known = readings.get(labels)
            new = _reading(metric)
            readings[labels] = new if known is None else _joined(known, new)
    for labels, reading in readings.items():
        yield labelling.block(labels), reading.sample, reading


def _reading(metric: Metric) -> Reading:
    exemplars = exemplars_of(metric)
    if metric.kind.is_distribution:
        return Reading(cast("ReadsDistribution", metric).distribution, _NO_READING, metric.start, exemplars)
    sample = metric.unit.to_base(metric.value)
    if isinstance(metric, Counter | UpDownCounter):
        return Reading(sample, _NO_READING, metric.start, exemplars)
    return Reading(sample, (metric.timestamp, cast("Gauge", metric).sequence), metric.start, exemplars)


def _joined(known: Reading, new: Reading) -> Reading:
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
