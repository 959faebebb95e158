"""OTLP in JSON, after the rules of "OTLP/HTTP: JSON Protobuf Encoding" in the OTLP specification.

Names in lowerCamelCase, integers of 64 bits as text, enums as numbers, ids of traces and spans as hexadecimal digits,
floats that JSON has no number for as text.
"""

from __future__ import annotations

import math
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Final

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

__all__ = ["JsonText"]

_DATA: Final = {
    Shape.SUM: "sum",
    Shape.UP_DOWN: "sum",
    Shape.GAUGE: "gauge",
    Shape.EXPLICIT: "histogram",
    Shape.EXPONENTIAL: "exponentialHistogram",
}


class JsonText:
    """Writes JSON."""

    def __init__(self) -> None:
        self._attributes = AttributesOf(_attributes)

    @property
    def content_type(self) -> str:
        """Of a request."""
        return "application/json"

    def attributes(self, shape: Shape) -> AttributesOf[str]:
        """Give what encodes the attributes of points, the same for all shapes."""
        del shape
        return self._attributes

    def numbers(self, points: Numbers[str]) -> list[str]:
        """Give points of sums and gauges."""
        return [
            f"{{{_head(block, start, time)},{_value(value)}{_exemplars(exemplars)}}}"
            for block, start, time, value, exemplars in points
        ]

    def exponential(self, points: Observed[str], most: int | None, *, extremes: bool) -> list[str]:
        """Give points of exponential histograms."""
        made: list[str] = []
        for block, start, time, distribution, exemplars in points:
            scale, zeros, positive, negative = exponential(distribution, most)
            made.append(
                f"{{{_head(block, start, time)},{_observed(distribution, extremes=extremes)}"
                f',"scale":{scale},"zeroCount":"{zeros}","zeroThreshold":{_number(ZERO_THRESHOLD)}'
                f"{_buckets('positive', positive)}{_buckets('negative', negative)}{_exemplars(exemplars)}}}"
            )
        return made

    def explicit(self, points: Observed[str], explicit: Explicit, *, extremes: bool) -> list[str]:
        """Give points of explicit histograms."""
        bounds = ",".join(map(_number, explicit.bounds))
        return [
            f"{{{_head(block, start, time)},{_observed(distribution, extremes=extremes)}"
            f',"bucketCounts":{_texts(explicit.counts(distribution))},"explicitBounds":[{bounds}]{_exemplars(exemplars)}}}'
            for block, start, time, distribution, exemplars in points
        ]

    def ended(self, block: str, shape: Shape, at: float) -> str:
        """Give the point that says that a series has ended."""
        del shape
        return f'{{{_head(block, 0, at)},"flags":{NO_RECORDED_VALUE}}}'

    def metric(self, stream: Stream, points: list[str], temporality: int) -> str:
        """Give a metric with its points."""
        data = f'"dataPoints":[{",".join(points)}]'
        if stream.shape is not Shape.GAUGE:
            data += f',"aggregationTemporality":{temporality}'
        if stream.shape is Shape.SUM:
            data += ',"isMonotonic":true'
        head = f'"name":{quoted(stream.name)},"description":{quoted(stream.description)},"unit":{quoted(stream.unit)}'
        return f'{{{head},"{_DATA[stream.shape]}":{{{data}}}}}'

    def request(self, resource: Iterable[tuple[str, AttributeValue]], version: str, metrics: list[str]) -> bytes:
        """Give a whole request."""
        scope = f'"scope":{{"name":"polymeter","version":{quoted(version)}}}'
        of_scope = f'"scopeMetrics":[{{{scope},"metrics":[{",".join(metrics)}]}}]'
        of_resource = f'"resource":{{"attributes":[{_attributes(resource)}]}}'
        return f'{{"resourceMetrics":[{{{of_resource},{of_scope}}}]}}'.encode()


def _attributes(attributes: Iterable[tuple[str, AttributeValue]]) -> str:
    return ",".join(f'{{"key":{quoted(name)},"value":{{{_any_value(value)}}}}}' for name, value in attributes)


def _any_value(value: AttributeValue) -> str:
    if isinstance(value, str):
        return f'"stringValue":{quoted(value)}'
    if isinstance(value, bool):
        return f'"boolValue":{"true" if value else "false"}'
    return f'"intValue":"{value}"' if isinstance(value, int) else f'"doubleValue":{_number(value)}'


def _head(block: str, start: float, time: float) -> str:
    began = f'"startTimeUnixNano":"{nanoseconds(start)}",' if start else ""
    return f'"attributes":[{block}],{began}"timeUnixNano":"{nanoseconds(time)}"'


def _value(value: float) -> str:
    return f'"asInt":"{value}"' if isinstance(value, int) and fits(value) else f'"asDouble":{_number(value)}'


def _number(value: float) -> str:
    number = wire.as_float(value)
    if math.isfinite(number):
        return repr(number)
    return '"NaN"' if math.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'


def _observed(distribution: Distribution, *, extremes: bool) -> str:
    said = f'"count":"{distribution.count}"'
    if not distribution.negative.counts:
        said += f',"sum":{_number(distribution.sum)}'
    if extremes and distribution.count and distribution.min <= distribution.max:  # neither is unknown
        said += f',"min":{_number(distribution.min)},"max":{_number(distribution.max)}'
    return said


def _texts(counts: Iterable[int]) -> str:
    return f'["{joined}"]' if (joined := '","'.join(map(str, counts))) else "[]"


def _buckets(sign: str, dense: Dense) -> str:
    return f',"{sign}":{{"offset":{dense.offset},"bucketCounts":{_texts(dense.counts)}}}' if dense.counts else ""


def _exemplars(exemplars: Sequence[Shown]) -> str:
    return f',"exemplars":[{",".join(map(_exemplar, exemplars))}]' if exemplars else ""


def _exemplar(exemplar: Shown) -> str:
    said = f'"timeUnixNano":"{nanoseconds(exemplar.at)}",{_value(exemplar.value)}'
    if exemplar.trace_id:
        said += f',"traceId":"{exemplar.trace_id.hex()}"'
    if exemplar.span_id:
        said += f',"spanId":"{exemplar.span_id.hex()}"'
    return f'{{{said},"filteredAttributes":[{_attributes(exemplar.attributes)}]}}'
