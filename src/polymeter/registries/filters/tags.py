"""Filters that add, drop and rename tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import EVERYTHING, Patterns, checked_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["CommonTags", "DropTags", "KeepTags", "RenameTag"]


class CommonTags(Filter):
    """Adds the same tags to all series: ``CommonTags({"region": "eu"})``. A tag that a record has itself wins.

    What is the same for everything a process records is better said once, as the registry's ``resource``.
    """

    __slots__ = ("tags",)
    __match_args__ = ("tags", "metrics")

    tags: Tags

    def __init__(self, tags: TagsLike, *, metrics: str | Iterable[str] = EVERYTHING.texts) -> None:
        """Make one.

        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for what is no pattern, for tags that are none, and for no tags.
        """
        try:
            checked = Tags(tags)
        except InvalidTagsError as error:
            message = f"CommonTags: {error}"
            raise DefinitionError(message) from None
        if not checked:
            message = f"CommonTags({tags!r}): give at least one tag"
            raise DefinitionError(message)
        self._set(metrics, tags=checked)

    def map(self, metric: MetricId, /) -> MetricId:
        """Add them."""
        return metric.tagged(self.tags.merge(metric.tags)) if self.metrics.match(metric.name) else metric

    def __repr__(self) -> str:
        return f"CommonTags({self.tags.to_dict()!r}{self._for()})"


class _OfTags(Filter):
    __slots__ = ("tags",)
    __match_args__ = ("tags", "metrics")

    tags: Patterns

    def __init__(self, *tags: str, metrics: str | Iterable[str] = EVERYTHING.texts) -> None:
        """Make one.

        :param tags: names or patterns of tags.
        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for none, or for what is no pattern.
        """
        self._set(metrics, tags=Patterns.of(tags, type(self).__name__))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.tags!r}{self._for()})"


class DropTags(_OfTags):
    """Takes tags away: ``DropTags("user_id", metrics="http.*")``. Series that differ in nothing else become one."""

    __slots__ = ()

    def map(self, metric: MetricId, /) -> MetricId:
        """Take them away."""
        dropped = [name for name in metric.tags if self.tags.match(name)]
        if not dropped or not self.metrics.match(metric.name):
            return metric
        return metric.tagged(metric.tags.without(*dropped))


class KeepTags(_OfTags):
    """Takes all tags away but these: ``KeepTags("method", "status", metrics="http.*")``."""

    __slots__ = ()

    def map(self, metric: MetricId, /) -> MetricId:
        """Take the others away."""
        dropped = [name for name in metric.tags if not self.tags.match(name)]
        if not dropped or not self.metrics.match(metric.name):
            return metric
        return metric.tagged(metric.tags.without(*dropped))


class RenameTag(Filter):
    """Renames a tag: ``RenameTag("http.status_code", "status")``. It takes the place of one that has the new name."""

    __slots__ = ("new", "old")
    __match_args__ = ("old", "new", "metrics")

    old: str
    new: str

    def __init__(self, old: str, new: str, *, metrics: str | Iterable[str] = EVERYTHING.texts) -> None:
        """Make one.

        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for what is no name or no pattern.
        """
        for each in (old, new):
            checked_text(each, "tag name", "RenameTag")
        self._set(metrics, old=old, new=new)

    def map(self, metric: MetricId, /) -> MetricId:
        """Give the tag its new name."""
        if self.old not in metric.tags or not self.metrics.match(metric.name):
            return metric
        return metric.tagged(metric.tags.without(self.old, self.new).with_(self.new, metric.tags[self.old]))

    def __repr__(self) -> str:
        return f"RenameTag({self.old!r}, {self.new!r}{self._for()})"
