"""Families in the text formats: 0.0.4, 1.0.0 and OpenMetrics 1.0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

from polymeter.exporters.prometheus.exemplars import by_bucket, exemplars_of, is_moment, newest, shown
from polymeter.exporters.prometheus.labelling import Labelling
from polymeter.exporters.prometheus.lines import Lines
from polymeter.exporters.prometheus.projection import Projection
from polymeter.exporters.prometheus.series import SeriesOf
from polymeter.exporters.prometheus.text import TextBlocks, bound_text, help_text, name_text, number_text, sample_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.prometheus.naming import Labels, Naming
    from polymeter.exporters.prometheus.styles import Quantiles

__all__ = ["TextWriter"]

_LINES_AT_ONCE: Final = 512
"""Lines in a slice, and those of one more series: about a millisecond's work."""


class TextWriter:
    """Writes families as text. One for each rendering."""

    def __init__(self, naming: Naming, *, is_openmetrics: bool, created: bool) -> None:
        self.naming = naming
        self.nothing = ""
        self._is_openmetrics = is_openmetrics
        self._created = created
        self._blocks = TextBlocks()
        self._labelling = Labelling(naming, self._blocks)
        self.end = "# EOF\n" if is_openmetrics else ""

    def target_info(self, labels: Labels) -> str:
        """Give the family of the resource."""
        said = "Target metadata"
        head = self._head("target", "info", said) if self._is_openmetrics else self._head("target_info", "gauge", said)
        return f"{head}target_info{{{self._blocks.block(labels)}}} 1\n"

    def family(self, family: Family) -> Iterator[str]:
        """Give a family in slices; the first ones are empty, while its labels are looked at."""
        series = SeriesOf(family, self._labelling)
        for _ in series.prepare():
            yield self.nothing
        if self._is_openmetrics and family.info:
            head = self._head(family.info, "info", family.help)
        elif self._is_openmetrics:
            head = self._head(family.stem, family.type, family.help, family.unit)
        else:
            head = self._head(family.name, family.type, family.help)
        lines = {"histogram": self._histogram, "summary": self._summary, "counter": self._counter}
        yield from _in_slices(head, lines.get(family.type, self._gauge)(family, series))
        if self._created and not self._is_openmetrics and family.type != "gauge":
            yield from self._created_family(family, series)

    def _head(self, name: str, of_type: str, said: str, unit: str = "") -> str:
        written = name_text(name)
        said = f"# HELP {written} {help_text(said, quotes=self._is_openmetrics)}\n"
        kind = f"# TYPE {written} {of_type}\n"
        if not self._is_openmetrics:
            return said + kind
        return kind + (f"# UNIT {written} {unit}\n" if unit else "") + said

    # -- series: each gives its lines and how many those are

    def _gauge(self, family: Family, series: SeriesOf[str]) -> Iterator[tuple[str, int]]:
        before, after = sample_text(family.name, labelled=True)
        alone = sample_text(family.name, labelled=False)[0]
        for block, value, _ in series:
            yield f"{before}{block}{after} {number_text(value)}\n" if block else f"{alone} {number_text(value)}\n", 1

    def _counter(self, family: Family, series: SeriesOf[str]) -> Iterator[tuple[str, int]]:
        before, after = sample_text(family.name, labelled=True)
        alone = sample_text(family.name, labelled=False)[0]
        for block, value, metric in series:
            line = f"{before}{block}{after} {number_text(value)}" if block else f"{alone} {number_text(value)}"
            end = "\n"
            if self._is_openmetrics:
                exemplars = exemplars_of(metric)
                exemplar = newest(shown(exemplars, self.naming)) if exemplars else None
                if exemplar is not None:
                    line += self._exemplar(exemplar)
                if self._created:
                    end += self._created_line(family, block, metric.start)
            yield line + end, 2

    def _histogram(self, family: Family, series: SeriesOf[str]) -> Iterator[tuple[str, int]]:
        project = Projection(family.bounds).of
        bounds = [f'le="{bound_text(bound)}"' for bound in (*family.bounds, math.inf)]
        buckets = [(f"{family.name}_bucket", bound, "%d") for bound in bounds]
        totals = [(f"{family.name}_sum", "", "%s"), (f"{family.name}_count", "", "%d")]
        whole, of_buckets = Lines([*buckets, *totals]), Lines(buckets)
        is_strict = self._is_openmetrics
        is_signed = bool(family.bounds) and family.bounds[0] < 0
        for block, distribution, metric in series:
            count = distribution.count
            counts = project(distribution)
            if is_strict and (is_signed or not _may_be_summed(distribution)):
                lines = of_buckets.of(block, (*counts, count))
            else:
                lines = whole.of(block, (*counts, count, number_text(distribution.sum), count))
            if is_strict:
                exemplars = exemplars_of(metric)
                if exemplars:
                    lines = self._with_exemplars(lines, by_bucket(shown(exemplars, self.naming), family.bounds))
                if self._created:
                    lines += self._created_line(family, block, metric.start)
            yield lines, len(bounds) + 3

    def _summary(self, family: Family, series: SeriesOf[str]) -> Iterator[tuple[str, int]]:
        quantiles = cast("Quantiles", family.style).quantiles
        shares = [(family.name, f'quantile="{bound_text(share)}"', "%s") for share in quantiles]
        totals = [(f"{family.name}_sum", "", "%s"), (f"{family.name}_count", "", "%d")]
        whole = Lines([*shares, *totals])
        for block, distribution, metric in series:
            values = [distribution.quantile(share) for share in quantiles]
            if self._is_openmetrics and not _may_be_summed(distribution):
                # Neither a quantile nor a sum below zero may be said there.
                kept = [each for each, value in zip(shares, values, strict=True) if not value < 0]
                texts = [number_text(value) for value in values if not value < 0]
                lines = Lines(kept).of(block, tuple(texts)) if kept else ""
            else:
                texts = [number_text(value) for value in values]
                lines = whole.of(block, (*texts, number_text(distribution.sum), distribution.count))
            if self._created and self._is_openmetrics:
                lines += self._created_line(family, block, metric.start)
            yield lines, len(quantiles) + 3

    # -- beside the samples

    def _with_exemplars(self, lines: str, exemplars: dict[int, Shown]) -> str:
        split = lines.split("\n")
        for place, exemplar in exemplars.items():
            split[place] += self._exemplar(exemplar)
        return "\n".join(split)

    def _exemplar(self, exemplar: Shown) -> str:
        block = self._blocks.block(exemplar.labels)
        return f" # {{{block}}} {number_text(exemplar.value)} {exemplar.at:.3f}"

    def _created_line(self, family: Family, block: str, start: float) -> str:
        if not is_moment(start):
            return ""
        before, after = sample_text(f"{family.stem}_created", labelled=bool(block))
        return f"{before}{block}{after} {start:.3f}\n"

    def _created_family(self, family: Family, series: SeriesOf[str]) -> Iterator[str]:
        """Give the times at which the series of a family began as a family of their own, as the old formats have it."""
        lines = ((line, 1) for block, _, metric in series if (line := self._created_line(family, block, metric.start)))
        first = next(lines, None)
        if first is not None:
            head = self._head(f"{family.stem}_created", "gauge", family.help)
            yield from _in_slices(head + first[0], lines)


def _may_be_summed(distribution: Distribution) -> bool:
    """Tell whether OpenMetrics lets a sum be said: one that can only grow."""
    return not distribution.negative.counts and not math.isnan(distribution.sum)


def _in_slices(head: str, series: Iterator[tuple[str, int]]) -> Iterator[str]:
    lines = [head]
    weight = 1
    for text, number in series:
        lines.append(text)
        weight += number
        if weight >= _LINES_AT_ONCE:
            yield "".join(lines)
            lines.clear()
            weight = 0
    if lines:
        yield "".join(lines)
