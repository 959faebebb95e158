"""Fold and combine: many points of a series become one, over time and over writers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.gauge import Gauge
from polymeter.data.kind import Kind
from polymeter.data.sums import Sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.metric import Metric, MetricKey

__all__ = ["WRITER_TAG", "combine", "combined", "fold"]

WRITER_TAG: Final = "writer"
"""The tag that keeps the series of different writers apart where a definition asks for it."""


def fold(metrics: Iterable[Metric], folded_before: Mapping[MetricKey, Metric] | None = None) -> dict[MetricKey, Metric]:
    """Merge metrics of one writer to one per kind, name and tags, in the order in which each first came.

    :param folded_before: what comes before all of them.
    """
    folded: dict[MetricKey, Metric] = dict(folded_before or {})
    for metric in metrics:
        key = metric.key
        known = folded.get(key)
        folded[key] = metric if known is None else known.merge(metric)
    return folded


def combine(parts: Mapping[str, Iterable[Metric]], definitions: Mapping[str, MetricDefinition]) -> list[Metric]:
    """Make one view of the metrics of several writers, by the rule of each definition.

    :param parts: writer id -> the metrics of that writer.
    :param definitions: name -> definition; a name without one combines by the default of its kind.
    """
    series: dict[MetricKey, list[tuple[str, Metric]]] = {}
    for writer in sorted(parts):
        for key, metric in fold(parts[writer]).items():
            series.setdefault(key, []).append((writer, metric))
    result: list[Metric] = []
    for (kind, name, _), candidates in series.items():
        definition = definitions.get(name)
        if definition is None or definition.kind is not kind:
            definition = MetricDefinition(name, kind)
        result.extend(combined(definition, candidates))
    return result


def combined(definition: MetricDefinition, candidates: list[tuple[str, Metric]]) -> list[Metric]:
    """Make one view of one series of several writers: one metric, or one of each writer.

    :param candidates: the id of a writer and its metric, at least one; writers in ascending order.
    """
    rule = definition.rule
    if definition.kind is Kind.GAUGE and rule is not Combine.PER_PROCESS:
        # A gauge that was never set has nothing to say, and must not hide one that was.
        candidates = [part for part in candidates if not math.isnan(part[1].value)] or candidates[:1]
    if rule is Combine.PER_PROCESS:
        return [metric.retagged(metric.tags.with_(WRITER_TAG, writer)) for writer, metric in candidates]
    if rule is Combine.SUM and definition.kind is not Kind.GAUGE:
        result = candidates[0][1]
        for _, metric in candidates[1:]:
            result = result.merge(metric)
        return [result]
    if rule is Combine.SUM:
        return [_sum_of_gauges([metric for _, metric in candidates])]
    return [max(candidates, key=_PREFERENCE[rule])[1]]


def _sum_of_gauges(gauges: list[Metric]) -> Metric:
    if len(gauges) == 1:
        return gauges[0]
    total = Sum.of_all([gauge.value for gauge in gauges]).value
    first = gauges[0]
    timestamp = max(gauge.timestamp for gauge in gauges)
    start = min(gauge.start for gauge in gauges)
    return Gauge(first.name, total, first.tags, start=start, timestamp=timestamp, unit=first.unit)


_PREFERENCE: Final[dict[Combine, Callable[[tuple[str, Metric]], tuple[float, float, str]]]] = {
    Combine.MAX: lambda part: (part[1].value, part[1].timestamp, part[0]),
    Combine.MIN: lambda part: (-part[1].value, part[1].timestamp, part[0]),
    Combine.LATEST: lambda part: (part[1].timestamp, 0.0, part[0]),
}
