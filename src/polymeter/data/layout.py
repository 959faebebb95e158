"""Layout: what stands where in a row that a compiled collector leaves with a registry.

A row is a tuple: first the key (a tuple of the values of the tags, and of what else tells them apart), then one value
for each metric that has one, and at the end the time and the sequence number of the event, where a metric needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ABSENT", "Column", "RowLayout"]


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What stands in a key for a tag that this series does not have; ``None`` there is the tag value ``unknown``."""


class Column(NamedTuple):
    """One metric of a row.

    :ivar kind: its kind.
    :ivar name: its name.
    :ivar place: where its value stands, ``None`` being no record; without a place each row counts one.
    """

    kind: Kind
    name: str
    place: int | None

    def of(self, table: Sequence[Sequence[Any]], rows: int) -> list[Any]:
        """Give the column of a table of so many rows; of a gauge that of values, of times and of sequence numbers."""
        if self.place is None:
            return [None] * rows
        if self.kind is Kind.GAUGE:
            return [list(table[self.place]), list(table[-2]), list(table[-1])]
        return list(table[self.place])


class RowLayout(NamedTuple):
    """All metrics of one event class that share their tags.

    :ivar tags: names of the tags, whose values the key begins with.
    :ivar flags: places of tags that are ``True`` or ``False``, also where 1 or 0 is written.
    :ivar columns: the metrics.
    :ivar is_timed: whether a row ends with time and sequence number.
    """

    tags: tuple[str, ...]
    flags: tuple[int, ...]
    columns: tuple[Column, ...]
    is_timed: bool

    def tags_of(self, key: Sequence[Any]) -> dict[str, Any]:
        """Give the tags of a key."""
        values = list(key[: len(self.tags)])
        for place in self.flags:
            if values[place] in {0, 1}:
                values[place] = bool(values[place])
        tags = zip(self.tags, values, strict=True)
        return {name: value for name, value in tags if value is not ABSENT}
