"""Which series were sent before: what is gone has to be said, and no exemplar is sent twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.exporters.prometheus.naming import Labels
    from polymeter.exporters.remote_write.encoding import Parts

__all__ = ["Known", "KnownFamily", "KnownSeries", "Shape"]


Sample: TypeAlias = "tuple[str, float | None]"
"""The name of a sample, and its place among others of that name: a bound or a quantile."""


class Shape(NamedTuple):
    """What makes the names of the samples of a family.

    :ivar places: the bounds of a histogram's buckets, or the quantiles of a summary.
    """

    name: str
    type: str
    places: tuple[float, ...] = ()
    is_native: bool = False

    @property
    def samples(self) -> list[Sample]:
        """All samples of one metric."""
        if self.type == "histogram" and not self.is_native:
            placed: list[Sample] = [(f"{self.name}_bucket", place) for place in (*self.places, math.inf)]
        elif self.type == "summary":
            placed = [(self.name, place) for place in self.places]
        else:
            return [(self.name, None)]
        return [*placed, (f"{self.name}_sum", None), (f"{self.name}_count", None)]


class KnownSeries:
    """One metric, as it was sent last.

    :ivar export: the number of the export.
    :ivar exemplars_at: Unix seconds of the newest exemplar that has been taken.
    :ivar parts: its labels as they are sent, if those are the same in every request.
    """

    __slots__ = ("exemplars_at", "export", "parts")

    def __init__(self) -> None:
        self.export = 0
        self.exemplars_at = 0.0
        self.parts: Parts | None = None


class KnownFamily(dict["Labels", KnownSeries]):
    """The metrics of one family, by their labels; what is asked for is there."""

    def __missing__(self, labels: Labels) -> KnownSeries:
        self[labels] = series = KnownSeries()
        return series


class Known:
    """All metrics that have been sent by this process, by their labels."""

    def __init__(self) -> None:
        self._families: dict[Shape, KnownFamily] = {}
        self._export = 0

    def begin(self) -> int:
        """Give the number of another export."""
        self._export += 1
        return self._export

    def family(self, shape: Shape) -> KnownFamily:
        """Give the metrics of a family."""
        return self._families.setdefault(shape, KnownFamily())

    def gone(self, export: int) -> Iterator[tuple[Shape, Labels, list[Sample]]]:
        """Give what was sent before and not by this export, with the samples that have ended by that.

        A sample that goes on in another shape (a histogram that has other bounds now) has not.
        """
        gone = [
            (shape, labels)
            for shape, family in list(self._families.items())
            for labels, series in list(family.items())
            if series.export != export
        ]
        families: dict[Sample, list[KnownFamily]] = {}
        for shape, family in list(self._families.items()) if gone else ():
            for sample in shape.samples:
                families.setdefault(sample, []).append(family)
        for shape, labels in gone:
            ended = [
                sample
                for sample in shape.samples
                if not any(labels in family and family[labels].export == export for family in families[sample])
            ]
            yield shape, labels, ended

    def forget(self, shape: Shape, labels: Labels) -> None:
        """Take note that a series has been said to be gone."""
        family = self._families.get(shape)
        if family is not None:
            family.pop(labels, None)
            if not family:
                del self._families[shape]
