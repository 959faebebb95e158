"""Filter: the base of those that come with us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.data.value import Immutable, Value
from polymeter.registries.filters.patterns import EVERYTHING, Patterns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["Filter"]


class Filter(Value, Immutable):
    """An immutable object that knows which metrics it is for. Filters of your own need not derive from it.

    :ivar metrics: the names that it is for: those that the filters before it have given.
    """

    __slots__ = ("metrics",)

    metrics: Patterns

    def _set(self, metrics: str | Iterable[str] | Patterns, **parts: Any) -> None:
        put = object.__setattr__
        if not isinstance(metrics, Patterns):
            metrics = Patterns.of_metrics(metrics, type(self).__name__)
        put(self, "metrics", metrics)
        for name, part in parts.items():
            put(self, name, part)

    def reads(self, metric: MetricId) -> Collection[str]:
        """Give the names of the tags whose values decide what it does with ``metric``, whose names alone count here.

        A ``map`` that reads any changes values alone.
        """
        del metric
        return ()

    def _for(self) -> str:
        """Say which metrics it is for, as the end of a call's arguments; nothing for all of them."""
        if self.metrics == EVERYTHING:
            return ""
        texts = self.metrics.texts
        return f", metrics={texts[0]!r}" if len(texts) == 1 else f", metrics={texts!r}"
