"""ContextTags: tags that come from the context of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.context import texts_of_context
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import EVERYTHING, checked_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["ContextTags"]


class ContextTags(Filter):
    """Has metrics take tags from ``with polymeter.context_tags(...)``: ``ContextTags("tenant", metrics="http.*")``.

    Only the tags that are named are taken, so that a budget of series holds; what the context does not have is left
    out, and a tag that a record has itself wins. Filters after it see these tags like all others.
    """

    __slots__ = ("tags",)
    __match_args__ = ("tags", "metrics")

    tags: tuple[str, ...]

    def __init__(self, *tags: str, metrics: str | Iterable[str] = EVERYTHING.texts) -> None:
        """Make one.

        :param tags: names of tags, without wild cards: each takes a look-up per record.
        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for none, or for what is no name or no pattern.
        """
        for each in tags or ("",):
            checked_text(each, "tag name", "ContextTags")
        self._set(metrics, tags=tuple(dict.fromkeys(tags)))

    def map(self, metric: MetricId, /) -> MetricId:
        """Add what the context of here and now has."""
        return self.added(metric, texts_of_context())

    def added(self, metric: MetricId, context: Mapping[str, Any]) -> MetricId:
        """Add what a context has."""
        if not self.metrics.match(metric.name):
            return metric
        found = {name: context[name] for name in self.tags if name in context and name not in metric.tags}
        return metric.tagged(metric.tags.merge(found)) if found else metric

    def wanted(self, metric: MetricId) -> tuple[str, ...]:
        """Give the tags that it would take for a metric of this name."""
        return self.tags if self.metrics.match(metric.name) else ()

    def __repr__(self) -> str:
        return f"ContextTags({', '.join(map(repr, self.tags))}{self._for()})"
