"""Metrics as lines. A line that would not fit into a packet is split, or left out and counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polymeter.data.histogram import ReadsDistribution
from polymeter.data.kind import Kind
from polymeter.data.units import MILLISECONDS
from polymeter.exporters.statsd.numbers import in_unit, number_text, observed_text, rate_text
from polymeter.exporters.statsd.weights import counted, evenly_weighted, weighted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from polymeter.data.metric import Metric
    from polymeter.exporters.statsd.dialects import Dialect, Type
    from polymeter.exporters.statsd.levels import Levels
    from polymeter.exporters.statsd.series import SeriesTexts, Texts

__all__ = ["Lines"]


class Lines:
    """Writes lines of one dialect.

    :param limit: bytes that a line may have.
    :param types: of timers and histograms.
    :param repeats: so many values of a series are repeated rather than weighted.
    :param timestamps: whether counts and levels say when they were true.
    :param dropped: is told why a line was left out.
    """

    def __init__(
        self,
        dialect: Dialect,
        texts: SeriesTexts,
        *,
        limit: int,
        types: dict[Kind, Type],
        repeats: int,
        timestamps: bool,
        dropped: Callable[[str], object],
    ) -> None:
        self._dialect = dialect
        self._texts = texts
        self._limit = limit
        self._types = types
        self._repeats = repeats
        self._timestamps = timestamps
        self._dropped = dropped

    def of(
        self, metrics: Iterable[Metric], levels: Levels, exact: Callable[[Metric], Sequence[float] | None]
    ) -> Iterator[bytes]:
        """Give the lines of metrics: counts as they come, then what was read last of each level.

        A negative level is two lines in one text, where a sign alone would change the level.

        :param exact: gives the observations of a distribution in its unit, if they are known.
        """
        for metric in metrics:
            if isinstance(metric, ReadsDistribution):
                yield from self._distribution(metric, exact(metric))
            elif metric.kind is Kind.COUNTER:
                yield from self._count(metric)
            else:
                levels.add(self._texts.of(metric), metric)
        for texts, metric, value in levels.read():
            yield from self._level(texts, metric, value)

    def _count(self, metric: Metric) -> Iterator[bytes]:
        value = metric.value
        if value <= 0:
            return
        texts = self._texts.of(metric)
        yield from self._whole(f"{texts.head}:{self._number(value)}|c{texts.tail}{self._at(metric)}", value)

    def _level(self, texts: Texts, metric: Metric, value: float) -> Iterator[bytes]:
        if math.isnan(value):  # never set
            return
        head, tail = texts.head, f"|g{texts.tail}{self._at(metric)}"
        zero = f"{head}:0{tail}\n" if value < 0 and self._dialect.has_signs else ""
        yield from self._whole(f"{zero}{head}:{self._number(value)}{tail}", value)

    def _whole(self, line: str, value: float) -> Iterator[bytes]:
        data = line.encode()
        if not math.isfinite(value):
            self._dropped("infinite")
        elif len(data) > self._limit:
            self._dropped("too_long")
        else:
            yield data

    def _number(self, value: float) -> str:
        return number_text(value, exponents=self._dialect.exponents)

    def _at(self, metric: Metric) -> str:
        return f"|T{int(metric.timestamp)}" if self._timestamps and metric.timestamp >= 1 else ""

    def _distribution(self, metric: Metric, observed: Sequence[float] | None) -> Iterator[bytes]:
        if not isinstance(metric, ReadsDistribution) or not metric.count:
            return
        letters = self._types[metric.kind]
        is_in_ms = letters == "ms" and metric.unit.is_time
        texts = self._texts.of(metric, in_milliseconds=is_in_ms)
        unit = MILLISECONDS if is_in_ms else metric.unit
        if observed is None:
            weigh = weighted if self._dialect.multiplies else evenly_weighted
            by_weight = weigh(self._allowed(counted(metric.distribution, unit), letters), self._repeats)
        else:
            found = [in_unit(unit, value) for value in observed]
            each = [(observed_text(value), 1) for value in found if math.isfinite(value)]
            for _ in range(len(found) - len(each)):
                self._dropped("infinite")
            by_weight = {0: [text for text, _ in self._allowed(each, letters)]}
        for exponent, values in by_weight.items():
            rate = f"|@{rate_text(exponent)}" if exponent else ""
            yield from self._values(values, letters, rate, texts)

    def _allowed(self, parts: list[tuple[str, int]], letters: Type) -> list[tuple[str, int]]:
        """Leave out what is below zero, where a timing cannot be."""
        if letters != "ms" or self._dialect.is_datadog or not any(text[0] == "-" for text, _ in parts):
            return parts
        self._dropped("negative")
        return [part for part in parts if part[0][0] != "-"]

    def _values(self, values: Sequence[str], letters: Type, rate: str, texts: Texts) -> Iterator[bytes]:
        """Give as many values in a line as there is room for."""
        joint = self._dialect.joint
        if joint == ":":
            each, end, between = "", f"|{letters}{rate}{texts.tail}", ":"
        else:
            each, end, between = f"|{letters}{rate}", texts.tail, ":"
        room = self._limit - len(texts.head) - len(end.encode()) - 1
        line: list[str] = []
        size = 0
        for value in values:
            more = len(value) + len(each) + 1
            if line and (size + more > room + 1 or not joint):
                yield f"{texts.head}:{between.join(line)}{end}".encode()
                line, size = [], 0
            if more > room + 1:
                self._dropped("too_long")
                continue
            line.append(value + each)
            size += more
        if line:
            yield f"{texts.head}:{between.join(line)}{end}".encode()
