"""SeriesWriter: families as series, by what they were when they were sent last."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from polymeter.exporters.prometheus.exemplars import by_bucket, exemplars_of, shown
from polymeter.exporters.prometheus.families import Family
from polymeter.exporters.prometheus.labelling import Labelling
from polymeter.exporters.prometheus.projection import Projection
from polymeter.exporters.prometheus.series import SeriesOf
from polymeter.exporters.prometheus.styles import Classic, Native, Quantiles
from polymeter.exporters.prometheus.text import bound_text
from polymeter.exporters.remote_write.common import CommonLabels
from polymeter.exporters.remote_write.encoding import NAME, parts_of
from polymeter.exporters.remote_write.known import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.naming import Labels, Naming
    from polymeter.exporters.remote_write.encoding import Encoding, Parts
    from polymeter.exporters.remote_write.known import Known, KnownSeries

__all__ = ["Group", "SeriesWriter"]

_EXTRA: Final = {"histogram": "le", "summary": "quantile"}


_time: Final = attrgetter("at")


class Group(NamedTuple):
    """The series of one metric: they are sent in one request.

    :ivar fields: of the request.
    :ivar series: how many there are, each with one sample.
    :ivar taken: what to do when a receiver has answered for them.
    """

    fields: bytes
    series: int
    taken: Callable[[], None] | None = None


class SeriesWriter:
    """Writes the series of one export."""

    nothing: Group | None = None
    end: Group | None = None

    def __init__(self, naming: Naming, common: Labels, encoding: Encoding, known: Known) -> None:
        """:param common: labels of every series, of which there are at least two."""
        self.naming = naming
        self._encoding = encoding
        self._known = known
        self._export = known.begin()
        self._labels = CommonLabels(common)
        self._labelling = Labelling(naming, self._labels)

    def target_info(self, labels: Labels) -> Group | None:
        """Give the series of the resource."""
        family = Family("target_info", "target_info", "gauge", "Target metadata", "", (), Classic(), [])
        self._encoding.about(family)
        shape = Shape(family.name, family.type)
        block = self._labels.block(labels)
        series = self._known.family(shape)[block]
        parts = self._parts(series, block, "")
        return Group(self._encoding.number(parts.named(self._encoding.pair(NAME, family.name)), 1), 1)

    def family(self, family: Family) -> Iterator[Group | None]:
        """Give the series of a family, metric by metric."""
        series = SeriesOf(family, self._labelling)
        for _ in series.prepare():
            yield None
        self._encoding.about(family)
        if family.type == "histogram":
            is_native = isinstance(family.style, Native)
            yield from self._native(family, series) if is_native else self._histogram(family, series)
        elif family.type == "summary":
            yield from self._summary(family, series)
        else:
            yield from self._numbers(family, series)

    def gone(self) -> Iterator[Group]:
        """Give the end of every series that was sent before, and not by this export."""
        encode = self._encoding
        for shape, labels, ended in self._known.gone(self._export):
            extra = _EXTRA.get(shape.type, "")
            parts = parts_of(encode, labels, extra)
            fields: list[bytes] = []
            for sample, place in ended:
                name = encode.pair(NAME, sample)
                all_labels = (
                    parts.named(name) if place is None else parts.placed(name, encode.pair(extra, bound_text(place)))
                )
                fields.append(encode.ended(all_labels, is_native=shape.is_native))

            def forget(shape: Shape = shape, labels: Labels = labels) -> None:
                self._known.forget(shape, labels)

            if fields:
                yield Group(b"".join(fields), len(fields), forget)
            else:
                forget()

    # -- the types

    def _numbers(self, family: Family, series: SeriesOf[Labels]) -> Iterator[Group]:
        encode = self._encoding
        known = self._known.family(Shape(family.name, family.type))
        is_counter = family.type == "counter"
        for labels, value, metric in series:
            each = known[labels]
            name = encode.pair(NAME, family.name)
            written: tuple[Shown, ...] = ()
            taken = None
            if is_counter:
                exemplars, taken = self._fresh(each, metric)
                written = tuple(exemplars[-1:])
            parts = self._parts(each, labels, "")
            yield Group(encode.number(parts.named(name), value, written), 1, taken)

    def _native(self, family: Family, series: SeriesOf[Labels]) -> Iterator[Group]:
        encode = self._encoding
        known = self._known.family(Shape(family.name, family.type, is_native=True))
        for labels, distribution, metric in series:
            each = known[labels]
            exemplars, taken = self._fresh(each, metric)
            name = encode.pair(NAME, family.name)
            parts = self._parts(each, labels, "le")
            yield Group(encode.native(parts.named(name), distribution, exemplars), 1, taken)

    def _histogram(self, family: Family, series: SeriesOf[Labels]) -> Iterator[Group]:
        encode = self._encoding
        known = self._known.family(Shape(family.name, family.type, family.bounds))
        project = Projection(family.bounds).of
        bounds = [bound_text(bound) for bound in (*family.bounds, math.inf)]
        bucket, total, count_name = (f"{family.name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))
        for labels, found, metric in series:
            distribution: Distribution = found
            each = known[labels]
            exemplars, taken = self._fresh(each, metric)
            placed = by_bucket(exemplars, family.bounds) if exemplars else {}
            parts = self._parts(each, labels, "le")
            count = distribution.count
            counts = [*project(distribution), count]
            name = encode.pair(NAME, bucket)
            extras = [encode.pair("le", bound) for bound in bounds]
            if placed:
                fields = [
                    encode.number(parts.placed(name, extra), up_to, (placed[place],) if place in placed else ())
                    for place, (extra, up_to) in enumerate(zip(extras, counts, strict=True))
                ]
            else:
                fields = [encode.counts(parts, name, extras, counts)]
            fields.append(encode.number(parts.named(encode.pair(NAME, total)), distribution.sum))
            fields.append(encode.number(parts.named(encode.pair(NAME, count_name)), count))
            yield Group(b"".join(fields), len(bounds) + 2, taken)

    def _summary(self, family: Family, series: SeriesOf[Labels]) -> Iterator[Group]:
        encode = self._encoding
        quantiles = cast("Quantiles", family.style).quantiles
        known = self._known.family(Shape(family.name, family.type, quantiles))
        for labels, distribution, _ in series:
            each = known[labels]
            parts = self._parts(each, labels, "quantile")
            name = encode.pair(NAME, family.name)
            fields = [
                encode.number(
                    parts.placed(name, encode.pair("quantile", bound_text(share))), distribution.quantile(share)
                )
                for share in quantiles
            ]
            fields.append(encode.number(parts.named(encode.pair(NAME, f"{family.name}_sum")), distribution.sum))
            fields.append(encode.number(parts.named(encode.pair(NAME, f"{family.name}_count")), distribution.count))
            yield Group(b"".join(fields), len(fields))

    # -- what was sent before

    def _parts(self, series: KnownSeries, labels: Labels, extra: str) -> Parts:
        series.export = self._export
        if not self._encoding.is_lasting:
            return parts_of(self._encoding, labels, extra)
        if series.parts is None:
            series.parts = parts_of(self._encoding, labels, extra)
        return series.parts

    def _fresh(self, series: KnownSeries, metric: object) -> tuple[list[Shown], Callable[[], None] | None]:
        """Give the exemplars that have not been taken yet, the oldest first, and what to do when they have."""
        given = exemplars_of(metric)
        if not given:
            return [], None
        fresh = sorted((each for each in shown(given, self.naming) if each.at > series.exemplars_at), key=_time)
        if not fresh:
            return [], None
        at = fresh[-1].at

        def taken() -> None:
            series.exemplars_at = at

        return fresh, taken
