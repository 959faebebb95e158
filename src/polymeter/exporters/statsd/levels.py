"""Levels: gauges and up-down counters, one for each series that the server can tell apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polymeter.data.definition import Combine
from polymeter.data.kind import Kind
from polymeter.data.sums import Sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.exporters.statsd.series import Texts

__all__ = ["Levels"]


class Levels:
    """The levels of one export.

    Counts that a server takes for one series it adds up, but of levels it would keep whichever comes last. So those
    that have become one (without tags, or with tags whose texts are the same there) are combined here, as their
    definition says.
    """

    def __init__(self, definitions: Mapping[str, MetricDefinition]) -> None:
        self._definitions = definitions
        self._found: dict[tuple[str, str], tuple[Texts, list[Metric]]] = {}

    def add(self, texts: Texts, metric: Metric) -> None:
        """Take one more."""
        self._found.setdefault((texts.head, texts.tail), (texts, []))[1].append(metric)

    def read(self) -> Iterator[tuple[Texts, Metric, float]]:
        """Give each level, with the latest of its metrics and its value."""
        for texts, metrics in self._found.values():
            latest = max(metrics, key=lambda metric: metric.timestamp)
            value = latest.value if len(metrics) == 1 else self._combined(metrics, latest)
            yield texts, latest, value

    def _combined(self, metrics: list[Metric], latest: Metric) -> float:
        definition = self._definitions.get(latest.name)
        rule = definition.rule if definition is not None else None
        readings = [(metric.timestamp, metric.value) for metric in metrics if not math.isnan(metric.value)]
        values = [value for _, value in readings]
        if not values:
            return latest.value
        if rule is Combine.MAX:
            return max(values)
        if rule is Combine.MIN:
            return min(values)
        if rule is Combine.SUM or latest.kind is Kind.UP_DOWN:
            return Sum.of_all(values).value
        return max(readings)[1]
