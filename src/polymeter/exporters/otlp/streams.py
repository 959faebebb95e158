"""Streams: what has one name, one shape and one unit, and of which metrics it is made.

Two names that OpenTelemetry cannot tell apart (it does not look at case) are one stream if they are of one shape and
unit. If they are not, the second keeps its suffix or gets its shape as one: two things under one name are an error to
whoever receives them (OpenTelemetry specification, metrics data model, "Opentelemetry protocol data model: identity").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.data.kind import Kind
from polymeter.exporters.otlp.naming import full_name, instrument_name
from polymeter.exporters.otlp.units import ucum
from polymeter.exporters.prometheus.escaping import utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.gauge import Gauge
    from polymeter.data.metric import Metric
    from polymeter.data.units import Unit

__all__ = ["Shape", "Source", "Stream", "streams_of"]


class Shape(Enum):
    """What kind of points a stream has. Its value is the suffix that tells two streams of one name apart."""

    SUM = "sum"
    UP_DOWN = "up_down"
    GAUGE = "gauge"
    EXPONENTIAL = "histogram"
    EXPLICIT = "buckets"

    @property
    def is_distribution(self) -> bool:
        """Whether its points are those of a histogram."""
        return self in {Shape.EXPONENTIAL, Shape.EXPLICIT}


_SHAPES: Final = {Kind.COUNTER: Shape.SUM, Kind.UP_DOWN: Shape.UP_DOWN, Kind.GAUGE: Shape.GAUGE}


@dataclass(slots=True)
class Source:
    """The metrics of one name, kind and unit in one snapshot: no two have the same tags."""

    name: str
    kind: Kind
    unit: Unit
    definition: MetricDefinition | None
    metrics: list[Any]


@dataclass(slots=True)
class Stream:
    """What has one name.

    :ivar unit: as OpenTelemetry writes it.
    :ivar description: of several the longest, as the specification of the SDK has it.
    """

    name: str
    shape: Shape
    unit: str
    description: str = ""
    sources: list[Source] = field(default_factory=list[Source])

    @property
    def key(self) -> tuple[str, Shape, str]:
        """What tells it from others."""
        return (self.name, self.shape, self.unit)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The explicit bounds that are declared, in base units; those of the first that declares some."""
        declared = (each.definition.base_bounds for each in self.sources if each.definition is not None)
        return next(filter(None, declared), ())


def streams_of(
    metrics: Iterable[Metric],
    definitions: Mapping[str, MetricDefinition],
    histograms: Shape,
    clash: Callable[[str, str], object],
) -> list[Stream]:
    """Sort metrics into streams.

    :param histograms: the shape of distributions.
    :param clash: told a name that could not be had, and what the metric is called instead.
    """
    sources = _sources(metrics, definitions)
    wanted: dict[tuple[str, Shape, str], list[Source]] = {}
    for source in sources:
        name = instrument_name(source.name, source.unit)
        wanted.setdefault((name.lower(), _SHAPES.get(source.kind, histograms), ucum(source.unit)), []).append(source)
    streams: list[Stream] = []
    taken: set[str] = set()
    # Sorted, so that which of two keeps its name does not depend on which was recorded first.
    for (folded, shape, unit), same in sorted(
        wanted.items(), key=lambda item: (item[0][0], item[0][1].value, item[0][2])
    ):
        first = same[0]
        name = instrument_name(first.name, first.unit)
        if folded in taken:
            got = _another(full_name(first.name), shape, taken)
            clash(first.name, got)
            name = got
        taken.add(name.lower())
        said = [each.definition.help for each in same if each.definition is not None and each.definition.help]
        streams.append(Stream(name, shape, unit, utf8(max(said, key=len, default="")), same))
    return streams


def _another(name: str, shape: Shape, taken: set[str]) -> str:
    tries = 0
    found = name
    while found.lower() in taken:
        tries += 1
        found = full_name(f"{name}_{shape.value}" if tries == 1 else f"{name}_{shape.value}_{tries}")
    return found


def _sources(metrics: Iterable[Metric], definitions: Mapping[str, MetricDefinition]) -> list[Source]:
    sources: dict[tuple[str, Kind, Unit], Source] = {}
    last: Source | None = None
    for metric in metrics:
        name, kind, unit = metric.name, metric.kind, metric.unit
        if kind is Kind.GAUGE and cast("Gauge", metric).value != cast("Gauge", metric).value:  # NaN: never set
            continue
        if last is None or name != last.name or kind is not last.kind or unit is not last.unit:
            key = (name, kind, unit)
            last = sources.get(key)
            if last is None:
                last = sources[key] = Source(name, kind, unit, definitions.get(name), [])
        last.metrics.append(metric)
    return sorted(sources.values(), key=lambda each: each.name)
