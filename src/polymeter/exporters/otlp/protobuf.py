"""OTLP in protobuf: messages of ``opentelemetry.proto.metrics.v1`` and what they hold.

Field numbers are those of ``metrics.proto``, ``common.proto`` and ``resource.proto`` in opentelemetry-proto 1.x.
"""

from __future__ import annotations

from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Final

from polymeter.data.buckets import SCALE
from polymeter.exporters import wire
from polymeter.exporters.otlp.attributes import AttributesOf, fits
from polymeter.exporters.otlp.encoding import NO_RECORDED_VALUE, nanoseconds
from polymeter.exporters.otlp.exponential import ZERO_THRESHOLD, exponential
from polymeter.exporters.otlp.streams import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.otlp.attributes import AttributeValue
    from polymeter.exporters.otlp.encoding import Numbers, Observed
    from polymeter.exporters.otlp.exemplars import Shown
    from polymeter.exporters.otlp.explicit import Explicit
    from polymeter.exporters.otlp.exponential import Dense
    from polymeter.exporters.otlp.streams import Stream

__all__ = ["Protobuf"]

# Points of the same shape begin with the same fields: tag, eight bytes, tag, eight bytes, ...
_TIMES: Final = Struct("<BQBQ").pack
_WHOLE: Final = Struct("<BQBQBq").pack
_REAL: Final = Struct("<BQBQBd").pack
_COUNTED: Final = Struct("<BQBQBQ").pack
_SUMMED: Final = Struct("<BQBQBQBd").pack
_EXTREMES: Final = Struct("<BdBd").pack
_START, _TIME, _COUNT, _SUM = 0x11, 0x19, 0x21, 0x29  # fields 2 to 5, of eight bytes
_AS_DOUBLE, _AS_INT = 0x21, 0x31  # fields 4 and 6
_MIN_EXPLICIT, _MIN_EXPONENTIAL = 0x59, 0x61  # fields 11 and 12; the next one is the maximum

_DATA: Final = {Shape.SUM: 7, Shape.UP_DOWN: 7, Shape.GAUGE: 5, Shape.EXPLICIT: 9, Shape.EXPONENTIAL: 10}
"""Shape -> the field of a ``Metric`` that holds its points."""
_ATTRIBUTES: Final = {Shape.SUM: 7, Shape.UP_DOWN: 7, Shape.GAUGE: 7, Shape.EXPLICIT: 9, Shape.EXPONENTIAL: 1}
"""Shape -> the field of a point that holds an attribute."""
_FLAGS: Final = {Shape.SUM: 8, Shape.UP_DOWN: 8, Shape.GAUGE: 8, Shape.EXPLICIT: 10, Shape.EXPONENTIAL: 10}
_SCALE: Final = {scale: wire.signed(6, scale) for scale in range(-10, SCALE + 1)}
_THRESHOLD: Final = wire.double(14, ZERO_THRESHOLD)


class Protobuf:
    """Writes protobuf."""

    def __init__(self) -> None:
        of_field = {field: AttributesOf(partial(_attributes, field)) for field in set(_ATTRIBUTES.values())}
        self._attributes = {shape: of_field[field] for shape, field in _ATTRIBUTES.items()}

    @property
    def content_type(self) -> str:
        """Of a request."""
        return "application/x-protobuf"

    def attributes(self, shape: Shape) -> AttributesOf[bytes]:
        """Give what encodes the attributes of points of a shape."""
        return self._attributes[shape]

    def numbers(self, points: Numbers[bytes]) -> list[bytes]:
        """Give ``NumberDataPoint`` messages."""
        made: list[bytes] = []
        for block, start, time, value, exemplars in points:
            began, at = nanoseconds(start), nanoseconds(time)
            if isinstance(value, int) and fits(value):
                point = block + _WHOLE(_START, began, _TIME, at, _AS_INT, value)
            else:
                point = block + _REAL(_START, began, _TIME, at, _AS_DOUBLE, wire.as_float(value))
            made.append(wire.prefixed(point + _exemplars(5, exemplars) if exemplars else point))
        return made

    def exponential(self, points: Observed[bytes], most: int | None, *, extremes: bool) -> list[bytes]:
        """Give ``ExponentialHistogramDataPoint`` messages."""
        made: list[bytes] = []
        for block, start, time, distribution, exemplars in points:
            scale, zeros, positive, negative = exponential(distribution, most)
            parts = [
                block,
                _observed(distribution, nanoseconds(start), nanoseconds(time)),
                _SCALE[scale],
                wire.fixed(7, zeros) if zeros else b"",
                _buckets(8, positive) if positive.counts else b"",
                _buckets(9, negative) if negative.counts else b"",
                _exemplars(11, exemplars) if exemplars else b"",
                _extremes(_MIN_EXPONENTIAL, distribution) if extremes else b"",
                _THRESHOLD,
            ]
            made.append(wire.prefixed(b"".join(parts)))
        return made

    def explicit(self, points: Observed[bytes], explicit: Explicit, *, extremes: bool) -> list[bytes]:
        """Give ``HistogramDataPoint`` messages."""
        made: list[bytes] = []
        bounds = wire.packed_doubles(7, explicit.bounds)
        for block, start, time, distribution, exemplars in points:
            parts = [
                block,
                _observed(distribution, nanoseconds(start), nanoseconds(time)),
                wire.packed_fixed(6, explicit.counts(distribution)),
                bounds,
                _exemplars(8, exemplars) if exemplars else b"",
                _extremes(_MIN_EXPLICIT, distribution) if extremes else b"",
            ]
            made.append(wire.prefixed(b"".join(parts)))
        return made

    def ended(self, block: bytes, shape: Shape, at: float) -> bytes:
        """Give the point that says that a series has ended."""
        times = _TIMES(_START, 0, _TIME, nanoseconds(at))
        return wire.prefixed(block + times + wire.number(_FLAGS[shape], NO_RECORDED_VALUE))

    def metric(self, stream: Stream, points: list[bytes], temporality: int) -> bytes:
        """Give a ``Metric``."""
        head = wire.text(1, stream.name) + wire.text(2, stream.description) + wire.text(3, stream.unit)
        data = b"\x0a" + b"\x0a".join(points)  # field 1 of all kinds of data
        if stream.shape is not Shape.GAUGE:
            data += wire.number(2, temporality)
        if stream.shape is Shape.SUM:
            data += wire.number(3, 1)
        return head + wire.embedded(_DATA[stream.shape], data)

    def request(self, resource: Iterable[tuple[str, AttributeValue]], version: str, metrics: list[bytes]) -> bytes:
        """Give an ``ExportMetricsServiceRequest``."""
        scope = wire.text(1, "polymeter") + wire.text(2, version)
        of_scope = wire.embedded(1, scope) + b"".join([wire.embedded(2, metric) for metric in metrics])
        return wire.embedded(1, wire.embedded(1, _attributes(1, resource)) + wire.embedded(2, of_scope))


def _attributes(field: int, attributes: Iterable[tuple[str, AttributeValue]]) -> bytes:
    return b"".join(
        wire.embedded(field, wire.text(1, name) + wire.embedded(2, _any_value(value))) for name, value in attributes
    )


def _any_value(value: AttributeValue) -> bytes:
    if isinstance(value, str):
        return wire.text(1, value)
    if isinstance(value, bool):
        return wire.number(2, value)
    if isinstance(value, int):
        return wire.number(3, value & (1 << 64) - 1)  # of a negative one the two's complement
    return wire.double(4, value)


def _observed(distribution: Distribution, start: int, time: int) -> bytes:
    """Give the fields 2 to 5 of both histograms: times, count and, if nothing negative is in it, sum."""
    if distribution.negative.counts:
        return _COUNTED(_START, start, _TIME, time, _COUNT, distribution.count)
    return _SUMMED(_START, start, _TIME, time, _COUNT, distribution.count, _SUM, wire.as_float(distribution.sum))


def _buckets(field: int, dense: Dense) -> bytes:
    return wire.embedded(field, wire.signed(1, dense.offset) + wire.packed_unsigned(2, dense.counts))


def _extremes(tag: int, distribution: Distribution) -> bytes:
    least, most = distribution.min, distribution.max
    return _EXTREMES(tag, least, tag + 8, most) if least <= most else b""  # neither is unknown


def _exemplars(field: int, exemplars: Sequence[Shown]) -> bytes:
    return b"".join(wire.embedded(field, _exemplar(each)) for each in exemplars)


def _exemplar(exemplar: Shown) -> bytes:
    value = exemplar.value
    is_whole = isinstance(value, int) and fits(value)
    return b"".join(
        (
            wire.fixed(2, nanoseconds(exemplar.at)),
            wire.fixed(6, int(value) & (1 << 64) - 1) if is_whole else wire.double(3, value),
            wire.embedded(4, exemplar.span_id) if exemplar.span_id else b"",
            wire.embedded(5, exemplar.trace_id) if exemplar.trace_id else b"",
            _attributes(7, exemplar.attributes),
        )
    )
