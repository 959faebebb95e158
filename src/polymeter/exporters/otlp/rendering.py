"""From a snapshot to a request: which metric becomes which point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias

from polymeter.exporters.otlp.attributes import Block
from polymeter.exporters.otlp.encoding import CUMULATIVE, DELTA, nanoseconds
from polymeter.exporters.otlp.exemplars import shown
from polymeter.exporters.otlp.explicit import Explicit, default_bounds
from polymeter.exporters.otlp.streams import Shape, Stream, streams_of
from polymeter.exporters.prometheus.readings import Reading, joined, reading_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from polymeter.data.snapshot import Snapshot
    from polymeter.exporters.otlp.attributes import AttributeValue
    from polymeter.exporters.otlp.encoding import Encoding
    from polymeter.exporters.otlp.exemplars import Shown
    from polymeter.exporters.otlp.style import Style

__all__ = ["NOTHING_SENT", "Rendered", "Renderer", "Sent"]

_Row: TypeAlias = "tuple[Block, float, float, Any, Sequence[Shown]]"

_OF_DIFFERENCES: Final = frozenset({Shape.SUM, Shape.EXPONENTIAL, Shape.EXPLICIT})
"""Shapes that have differences where those are wanted; levels are always shown as they are."""


class Sent(NamedTuple):
    """Which series were sent: what is no longer there the next time has ended.

    :ivar writer: whose they are.
    :ivar series: stream -> what it was called, and the attributes of its series.
    """

    writer: str
    series: Mapping[tuple[str, Shape, str], tuple[Stream, frozenset[Any]]]


NOTHING_SENT: Final = Sent("", {})


class Rendered(NamedTuple):
    """A request.

    :ivar points: how many it has; without any there is nothing to send.
    :ivar sent: what has been sent once it is.
    """

    body: bytes
    points: int
    sent: Sent


class Renderer(Generic[Block]):
    """Renders in one encoding.

    :param clash: told the name of a metric that could not have it, and what it is called instead.
    """

    def __init__(self, encoding: Encoding[Block], style: Style, clash: Callable[[str, str], object]) -> None:
        self._encoding: Encoding[Block] = encoding
        self._style = style
        self._clash = clash
        self._explicit: dict[tuple[float, ...], Explicit] = {}

    @property
    def content_type(self) -> str:
        """Of a request."""
        return self._encoding.content_type

    def render(
        self,
        snapshot: Snapshot,
        now: float,
        resource: Iterable[tuple[str, AttributeValue]],
        version: str,
        before: Sent = NOTHING_SENT,
    ) -> Rendered:
        """Give the request.

        :param now: Unix seconds, for what does not say its time.
        :param version: of the scope.
        :param before: what was sent last, so that the end of a series can be told.
        """
        known = dict(before.series) if before.writer == snapshot.writer else {}
        series: dict[tuple[str, Shape, str], tuple[Stream, frozenset[Any]]] = {}
        metrics: list[Block] = []
        count = 0
        for stream in streams_of(snapshot, snapshot.definitions, self._style.histograms, self._clash):
            is_delta = self._style.temporality == "delta" and stream.shape in _OF_DIFFERENCES
            blocks, points = self._points(stream, snapshot.taken_at, now, is_delta=is_delta)
            if not is_delta:  # between two differences nobody expects anything
                head, here = replace(stream, sources=[]), frozenset(blocks)
                gone = known.pop(stream.key, (head, here))[1] - here
                points += self._ends(gone, stream, now)
                series[stream.key] = (head, here)
            if points:
                metrics.append(self._encoding.metric(stream, points, DELTA if is_delta else CUMULATIVE))
                count += len(points)
        for stream, gone in known.values():
            points = self._ends(gone, stream, now)
            metrics.append(self._encoding.metric(stream, points, CUMULATIVE))
            count += len(points)
        body = self._encoding.request(resource, version, metrics)
        return Rendered(body, count, Sent(snapshot.writer, series))

    def _ends(self, gone: Iterable[Block], stream: Stream, now: float) -> list[Block]:
        return [self._encoding.ended(block, stream.shape, now) for block in gone]

    def _points(
        self, stream: Stream, taken_at: float, now: float, *, is_delta: bool
    ) -> tuple[list[Block], list[Block]]:
        """Give the attributes of all points, and the points."""
        rows = list(self._rows(stream, taken_at, now))
        if is_delta:
            rows = [row for row in rows if (row[3].count if stream.shape.is_distribution else row[3])]
        write, extremes = self._encoding, not is_delta
        if stream.shape is Shape.EXPONENTIAL:
            points = write.exponential(rows, self._style.most, extremes=extremes)
        elif stream.shape is Shape.EXPLICIT:
            points = write.explicit(rows, self._explicit_of(stream), extremes=extremes)
        else:
            points = write.numbers(rows)
        return [row[0] for row in rows], points

    def _rows(self, stream: Stream, taken_at: float, now: float) -> Iterator[_Row[Block]]:
        attributes, which = self._encoding.attributes(stream.shape), self._style.exemplars
        is_distribution, is_gauge = stream.shape.is_distribution, stream.shape is Shape.GAUGE
        if len(stream.sources) > 1:
            for block, (reading, time) in self._gathered(stream).items():
                at = _moment((taken_at if is_gauge else 0) or time, now)
                start = 0.0 if is_gauge else reading.start
                yield block, start, at, reading.sample, shown(reading.exemplars, which)
            return
        source = stream.sources[0]
        unit = source.unit
        to_base = None if unit.numerator == unit.denominator else unit.to_base
        for metric in source.metrics:
            value = metric.distribution if is_distribution else metric.value
            if to_base is not None and not is_distribution:
                value = to_base(value)
            if is_gauge:  # a reading holds until the next one
                yield attributes(metric.tags), 0.0, _moment(taken_at or metric.timestamp, now), value, ()
            else:
                exemplars = shown(metric.exemplars, which) if metric.exemplars else ()
                yield attributes(metric.tags), metric.start, _moment(metric.timestamp, now), value, exemplars

    def _gathered(self, stream: Stream) -> dict[Block, tuple[Reading, float]]:
        """Put together the series that are one to OpenTelemetry; give with each up to when it was gathered."""
        attributes = self._encoding.attributes(stream.shape)
        gathered: dict[Block, tuple[Reading, float]] = {}
        for source in stream.sources:
            for metric in source.metrics:
                block, new = attributes(metric.tags), reading_of(metric)
                known = gathered.get(block)
                if known is None:
                    gathered[block] = (new, metric.timestamp)
                else:
                    gathered[block] = (joined(known[0], new), max(known[1], metric.timestamp))
        return gathered

    def _explicit_of(self, stream: Stream) -> Explicit:
        bounds = stream.bounds or default_bounds(stream.sources[0].unit)
        known = self._explicit.get(bounds)
        if known is None:
            known = self._explicit[bounds] = Explicit(bounds)
        return known


def _moment(at: float, now: float) -> float:
    """Give a time that can be sent."""
    return at if nanoseconds(at) else now
