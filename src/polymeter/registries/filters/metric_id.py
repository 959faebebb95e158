"""MetricId: what a filter looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from polymeter.data.tags import Tags

if TYPE_CHECKING:
    from polymeter.data.kind import Kind
    from polymeter.data.tags import TagsLike

__all__ = ["MetricId"]


class MetricId(NamedTuple):
    """Kind, name and tags of one series, as it is recorded or as filters have made it.

    :ivar kind: its kind, which no filter changes.
    :ivar name: its name.
    :ivar tags: its tags.
    """

    kind: Kind
    name: str
    tags: Tags

    def named(self, name: str) -> MetricId:
        """Give the same under another name."""
        return MetricId(self.kind, name, self.tags)

    def tagged(self, tags: TagsLike | None) -> MetricId:
        """Give the same with other tags.

        :raises InvalidTagsError: for tags that are none.
        """
        return MetricId(self.kind, self.name, Tags.of(tags))

    def __str__(self) -> str:
        return f"{self.kind} {self.name}{{{self.tags}}}"
