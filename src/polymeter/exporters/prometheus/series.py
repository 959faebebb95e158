"""Series: the labels and values of a family, one by one.

Mostly each metric of a family has labels of its own. Only where two may be one to Prometheus (``a.b`` and ``a_b``, a
tag without text, several registries) are all of the family gathered first, and those that are one put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, cast

from polymeter.exporters.prometheus.labelling import Block
from polymeter.exporters.prometheus.readings import joined, reading_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from polymeter.data.histogram import ReadsDistribution
    from polymeter.data.metric import Metric
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.prometheus.labelling import Labelling
    from polymeter.exporters.prometheus.naming import Labels
    from polymeter.exporters.prometheus.readings import Reading

__all__ = ["SeriesOf"]

_AT_ONCE: Final = 1024
"""Series that are looked at in one step: about a millisecond's work."""

_Texts: TypeAlias = tuple[str, ...]


class SeriesOf(Generic[Block]):
    """The series of a family. Once ``prepare()`` has been walked through it can be iterated over, any number of times.

    Iterating gives of each series the block of its labels, its value in base units or its distribution, and what has
    its ``start`` and ``exemplars``.
    """

    def __init__(self, family: Family, labelling: Labelling[Block]) -> None:
        self._family = family
        self._labelling: Labelling[Block] = labelling
        self._tags: list[tuple[_Texts, _Texts]] = []  # of each metric the names and the texts
        self._readings: dict[Labels, Reading] | None = None

    def prepare(self) -> Iterator[None]:
        """Look at all labels, step by step."""
        all_differ = yield from self._look()
        if not all_differ:
            yield from self._gather()

    def _look(self) -> Generator[None, None, bool]:
        """Find out whether no two series have the same labels for sure."""
        if len(self._family.sources) > 1:
            return False
        metrics = self._family.sources[0].metrics
        for begin in range(0, len(metrics), _AT_ONCE):
            tags = [(metric.tags.names, metric.tags.texts) for metric in metrics[begin : begin + _AT_ONCE]]
            if any("" in texts for _, texts in tags):
                return False
            self._tags += tags
            yield
        shapes = [self._labelling.shape(names) for names in {names for names, _ in self._tags}]
        return all(shape.write for shape in shapes) and len({shape.names for shape in shapes}) == len(shapes)

    def _gather(self) -> Iterator[None]:
        self._tags = []
        readings = self._readings = {}
        for source in self._family.sources:
            for place, metric in enumerate(source.metrics):
                labels = self._labelling.naming.labels(metric.tags.canonical)
                known = readings.get(labels)
                new = reading_of(metric)
                readings[labels] = new if known is None else joined(known, new)
                if not place % _AT_ONCE:
                    yield

    def __iter__(self) -> Iterator[tuple[Block, Any, Metric | Reading]]:
        if self._readings is None:
            return self._one_by_one()
        block = self._labelling.block
        return ((block(labels), reading.sample, reading) for labels, reading in self._readings.items())

    def _one_by_one(self) -> Iterator[tuple[Block, Any, Metric]]:
        labelling, source = self._labelling, self._family.sources[0]
        is_distribution = source.kind.is_distribution
        to_base = None if source.unit.numerator == source.unit.denominator else source.unit.to_base
        writers: dict[_Texts, Any] = {
            names: labelling.shape(names).write for names in {names for names, _ in self._tags}
        }
        for metric, (names, texts) in zip(source.metrics, self._tags, strict=True):
            block = writers[names](texts) if names else labelling.block_of_none
            if is_distribution:
                yield block, cast("ReadsDistribution", metric).distribution, metric
            else:
                yield block, metric.value if to_base is None else to_base(metric.value), metric
