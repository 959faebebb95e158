"""ReplaceTagValues: fewer values of a tag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import EVERYTHING, Patterns, checked_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from polymeter.data.tags import TagValue
    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["ReplaceTagValues"]

Replacing: TypeAlias = "tuple[tuple[Patterns, TagValue], ...] | Callable[[str], TagValue]"


class ReplaceTagValues(Filter):
    """Replaces values of one tag: ``ReplaceTagValues("route", {"/users/*": "/users/{id}"}, others="other")``.

    Series that differ in nothing else become one. The first pattern that fits the value's text is taken.
    """

    __slots__ = ("others", "tag", "values")
    __match_args__ = ("tag", "values", "others", "metrics")

    tag: str
    values: Replacing
    others: TagValue | None

    def __init__(
        self,
        tag: str,
        values: Mapping[str, TagValue] | Callable[[str], TagValue],
        *,
        others: TagValue | None = None,
        metrics: str | Iterable[str] = EVERYTHING.texts,
    ) -> None:
        """Make one.

        :param values: pattern of a text -> what takes its place; or a function of the text, that depends on nothing
            else.
        :param others: takes the place of all values that no pattern fits; ``None``: they stay.
        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for what is no name, no pattern or no tag value.
        """
        whose = "ReplaceTagValues"
        checked_text(tag, "tag name", whose)
        if callable(values) or not _is_mapping(values):
            if not callable(values) or others is not None:
                message = f"{whose}({tag!r}): values are {{pattern: value}}, and others=..., or a function of the text"
                raise DefinitionError(message)
            self._set(metrics, tag=tag, values=values, others=None)
            return
        kept: dict[str, TagValue] = dict(values)
        if not kept and others is None:
            message = f"{whose}({tag!r}, {{}}) replaces nothing: give {{pattern: value}}, or others=..."
            raise DefinitionError(message)
        try:
            Tags.of({f"{tag} of {pattern}": value for pattern, value in (*kept.items(), ("others", others))})
        except InvalidTagsError as error:
            message = f"{whose}({tag!r}): {error}"
            raise DefinitionError(message) from None
        pairs = tuple((Patterns.of(pattern, whose), value) for pattern, value in kept.items())
        self._set(metrics, tag=tag, values=pairs, others=others)

    def reads(self, metric: MetricId) -> Collection[str]:
        """Give the tag."""
        return (self.tag,) if self.metrics.match(metric.name) else ()

    def map(self, metric: MetricId, /) -> MetricId:
        """Replace the value."""
        text = dict(metric.tags.canonical).get(self.tag)
        if text is None or not self.metrics.match(metric.name):
            return metric
        value = self._instead_of(text)
        return metric if value is None else metric.tagged(metric.tags.with_(self.tag, value))

    def _instead_of(self, text: str) -> TagValue | None:
        """Give what takes the place of a value; ``None``: it stays."""
        if callable(self.values):
            return self.values(text)
        return next((value for pattern, value in self.values if pattern.match(text)), self.others)

    def __repr__(self) -> str:
        values = self.values if callable(self.values) else {each.texts[0]: value for each, value in self.values}
        others = "" if self.others is None else f", others={self.others!r}"
        return f"ReplaceTagValues({self.tag!r}, {values!r}{others}{self._for()})"


def _is_mapping(values: object) -> bool:
    return isinstance(values, Mapping)
