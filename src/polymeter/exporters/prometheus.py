"""PrometheusExporter: the text that Prometheus scrapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import ReadsDistribution
from polymeter.data.snapshot import Snapshot
from polymeter.data.sums import Sum
from polymeter.exporters.prometheus_buckets import default_bounds
from polymeter.exporters.prometheus_naming import family_name, labels_of
from polymeter.exporters.prometheus_text import (
    CONTENT_TYPE,
    bound_text,
    help_line,
    label_block,
    number_text,
    type_line,
)
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric

__all__ = ["PrometheusExporter"]

Labels: TypeAlias = "tuple[tuple[str, str], ...]"
_SUFFIXES: Final = {"histogram": ("", "_bucket", "_sum", "_count")}


class PrometheusExporter:
    """Renders metrics in the Prometheus text format 0.0.4.

    Attached to a facade (``metrics.export_to(exporter)``) ``render()`` reads the newest state itself, so nothing has
    to be exported first. Used alone, it renders what was given to ``export`` last.

    Histograms and timers become classic histograms: with the bounds of their definition, else with defaults for their
    unit. Two names that Prometheus cannot tell apart share a family if they are of the same type; if they are not,
    the second gets its type as a suffix, and a warning says so once.
    """

    temporality: Temporality = "cumulative"
    content_type: Final = CONTENT_TYPE

    def __init__(self) -> None:
        self._readers: list[Callable[[], Snapshot]] = []
        self._exported = Snapshot()
        self._warned: set[str] = set()

    def attach(self, read: Callable[[], Snapshot], /) -> Subscription:
        """Read through ``read`` from now on."""
        self._readers.append(read)
        return Subscription(lambda: self._readers.remove(read))

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Keep ``snapshot`` for the next ``render()`` of an exporter that is not attached."""
        self._exported = Snapshot.of(snapshot)

    def render(self, snapshot: Iterable[Metric] | None = None) -> str:
        """Give the text.

        :param snapshot: what to render; default: the newest state, else what was exported last.
        """
        families, resource = self._families(snapshot)
        lines: list[str] = []
        if resource:
            lines += [help_line("target_info", "Target metadata"), type_line("target_info", "gauge")]
            lines.append(f"target_info{{{label_block(resource)}}} 1\n")
        for family in families:
            lines += [help_line(family.name, family.help), type_line(family.name, family.type)]
            for labels, value in family.series.items():
                if isinstance(value, Distribution):
                    lines += _histogram_lines(family.name, labels, value, family.bounds)
                else:
                    block = f"{{{label_block(labels)}}}" if labels else ""
                    lines.append(f"{family.name}{block} {number_text(value[0])}\n")
        return "".join(lines)

    def _families(self, given: Iterable[Metric] | None) -> tuple[list[_Family], Labels]:
        if given is not None:
            snapshots = [Snapshot.of(given)]
        else:
            snapshots = [read() for read in list(self._readers)] or [self._exported]
        families: dict[tuple[str, str], _Family] = {}
        resource: Labels = ()
        for snapshot in snapshots:
            resource = resource or labels_of(snapshot.resource.canonical)
            for metric in snapshot:
                _add(families, metric, snapshot.definitions.get(metric.name))
        self._settle_names(families, taken={"target_info"} if resource else set())
        return list(families.values()), resource

    def _settle_names(self, families: dict[tuple[str, str], _Family], taken: set[str]) -> None:
        """See that no sample of one family has the name of a sample of another."""
        # Sorted, so that which family keeps its name does not depend on which was recorded first.
        for family in sorted(families.values(), key=lambda each: (each.name, each.type)):
            wanted = family.name
            tries = 1
            while any(family.name + suffix in taken for suffix in _SUFFIXES.get(family.type, ("",))):
                family.name = f"{wanted}_{family.type}" if tries == 1 else f"{wanted}_{family.type}_{tries}"
                tries += 1
            taken.update(family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",)))
            if family.name != wanted and wanted not in self._warned:
                self._warned.add(wanted)
                import logging  # dear to import, and rarely needed

                logging.getLogger("polymeter.exporters").warning(
                    "Prometheus cannot tell two metrics named %s apart: one is %s there", wanted, family.name
                )


_Scalar: TypeAlias = tuple[float, float, int]  # the value, and for gauges what orders readings
_Sample: TypeAlias = "_Scalar | Distribution"
_NO_READING: Final = (-math.inf, -1)  # the place of a sum: it is no reading


@dataclass(slots=True)
class _Family:
    name: str
    type: str
    help: str
    bounds: tuple[float, ...]
    series: dict[Labels, _Sample]


def _add(families: dict[tuple[str, str], _Family], metric: Metric, definition: MetricDefinition | None) -> None:
    sample: _Sample
    if isinstance(metric, Counter | UpDownCounter):
        sample, of_type = (metric.unit.to_base(metric.value), *_NO_READING), "gauge"
        if isinstance(metric, Counter):
            of_type = "counter"
    elif isinstance(metric, Gauge):
        if metric.sequence < 0:  # bound, never set: there is no reading to show
            return
        sample, of_type = (metric.unit.to_base(metric.value), metric.timestamp, metric.sequence), "gauge"
    elif isinstance(metric, ReadsDistribution):
        sample, of_type = metric.distribution, "histogram"
    else:
        return
    name = family_name(metric.name, metric.kind, metric.unit)
    family = families.get((name, of_type))
    if family is None:
        text = definition.help if definition is not None and definition.help else f"{metric.kind} {metric.name}"
        bounds = definition.base_bounds if definition is not None else ()
        family = families[name, of_type] = _Family(name, of_type, text, bounds or default_bounds(metric.unit), {})
    labels = labels_of(metric.tags.canonical)
    known = family.series.get(labels)
    family.series[labels] = sample if known is None else _together(known, sample)


def _together(known: _Sample, new: _Sample) -> _Sample:
    """Make one sample of two that Prometheus cannot tell apart, whichever comes first."""
    if isinstance(known, Distribution) and isinstance(new, Distribution):
        return known.merge(new)
    if isinstance(known, Distribution) or isinstance(new, Distribution):
        return known
    if known[1:] == new[1:] == _NO_READING:
        return (Sum.of(known[0]).plus(Sum.of(new[0])).value, *_NO_READING)
    return max(known, new, key=_place)


def _place(scalar: _Scalar) -> tuple[float, int, float]:
    """Order readings as :class:`~polymeter.data.gauge.Gauge` does; a reading comes after any sum."""
    return (*scalar[1:], -math.inf if math.isnan(scalar[0]) else scalar[0])


def _histogram_lines(family: str, labels: Labels, distribution: Distribution, bounds: tuple[float, ...]) -> list[str]:
    block = label_block(labels)
    prefix = f"{family}_bucket{{{block},le=" if block else f"{family}_bucket{{le="
    lines = [
        f'{prefix}"{bound_text(bound)}"}} {count}\n'
        for bound, count in zip(bounds, distribution.project(bounds), strict=True)
    ]
    tags = f"{{{block}}}" if block else ""
    lines.append(f'{prefix}"+Inf"}} {distribution.count}\n')
    lines.append(f"{family}_sum{tags} {number_text(distribution.sum)}\n")
    lines.append(f"{family}_count{tags} {distribution.count}\n")
    return lines
