"""Rows: what events of one class say, kept as rows until a drain makes columns of them.

While an event is on its way, nothing is looked up and nothing computed: a row is one tuple of tag values and numbers,
appended to a list. A drain groups many rows by their tags, finds the series once for each group, and hands each series
a whole column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from polymeter.data.kind import Kind
from polymeter.registries.series import Now

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.layout import Column, RowLayout
    from polymeter.registries.drain import InHand, WorkedOut
    from polymeter.registries.null import NullSeries
    from polymeter.registries.series import Series

__all__ = ["MOST_ROWS", "RowBuffer"]

MOST_ROWS: Final = 1024
"""So many rows wait before whoever made the last one has them drained: a soft bound."""

_MOST_KEYS: Final = 10_000  # tags that are remembered with their series; the registry itself bounds the series


_Batches: TypeAlias = "dict[tuple[Series[Any] | NullSeries, bool], list[Any]]"
"""What is in hand, by series and by whether it is a column."""


class _Owner(Protocol):
    def now(self) -> float:
        """Give Unix seconds that never go back."""
        ...

    def next_sequence(self) -> int:
        """Give the place of one record in the order of all."""
        ...

    def series_for(self, kind: Kind, name: str, tags: dict[str, Any], /) -> Series[Any] | NullSeries:
        """Give the series of a name and tags, or what counts records as refused."""
        ...

    def refusing(self, kind: Kind, name: str, reason: str, /) -> NullSeries:
        """Give what counts records as refused."""
        ...

    def drain_rows(self, rows: RowBuffer, /) -> None:
        """Drain ``rows``, unless a drain is running."""


class RowBuffer:
    """The rows of one layout: see :class:`polymeter.contracts.Rows`."""

    __slots__ = ("_keys", "_layout", "_owner", "append", "limit", "next_sequence", "waiting")

    def __init__(self, owner: _Owner, layout: RowLayout) -> None:
        self._owner = owner
        self._layout = layout
        self._keys: dict[object, list[Series[Any] | NullSeries | None]] = {}
        self.limit = MOST_ROWS
        self.waiting: list[Any] = []  # rows, behind what pads them
        self.append: Callable[[tuple[Any, ...]], None] = self.waiting.append
        self.next_sequence = owner.next_sequence

    def now(self) -> Now:
        """Give the time of an event that says none."""
        return Now(self._owner.now())

    def drain(self) -> None:
        """Make the rows count, unless a drain is running."""
        self._owner.drain_rows(self)

    def clear(self) -> None:
        """Forget the rows."""
        self.waiting.clear()

    def wait_in(self, waiting: list[Any]) -> None:
        """Have the rows wait in another list; before anybody has left one."""
        self.waiting = waiting
        self.append = waiting.append

    def pad(self) -> None:
        """Look nearly full, so that whoever leaves the next row has it drained at once."""
        if not self.waiting:
            self.waiting[:0] = [None] * (self.limit - 1)

    def _series(self, column: Column, key: Any) -> Series[Any] | NullSeries:
        return self._owner.series_for(column.kind, column.name, self._layout.tags_of(key))

    def work_out(self) -> WorkedOut:
        """Say which batches the rows of now make: a column for each series."""
        waiting = self.waiting[:]
        # What pads it stands in front of all rows.
        rows = waiting[waiting.count(None) :] if waiting and waiting[0] is None else waiting
        if not rows:
            return [], self.waiting, slice(0)
        batches: _Batches = {}
        for key, group in self._grouped(rows, batches).items():
            self._columns(key, group, batches)
        in_hand: list[InHand] = [(series, batch, is_column) for (series, is_column), batch in batches.items()]
        return in_hand, self.waiting, slice(len(waiting))

    def _grouped(self, rows: list[tuple[Any, ...]], batches: _Batches) -> dict[Any, list[tuple[Any, ...]]]:
        groups: dict[Any, list[tuple[Any, ...]]] = {}
        try:
            for row in rows:
                try:
                    groups[row[0]].append(row)
                except KeyError:
                    groups[row[0]] = [row]
        except Exception:  # noqa: BLE001 - a tag value that no dict can hold, or that raises when looked at
            groups.clear()
            for row in rows:
                try:
                    groups.setdefault(row[0], []).append(row)
                except Exception:  # noqa: BLE001 - this row, then
                    self._refuse(row, batches)
        return groups

    def _refuse(self, row: tuple[Any, ...], batches: _Batches) -> None:
        for column in self._layout.columns:
            refusing = self._owner.refusing(column.kind, column.name, "tags")
            batches[refusing, column.place is not None] = column.of([(value,) for value in row], 1)

    def _columns(self, key: Any, group: list[tuple[Any, ...]], batches: _Batches) -> None:
        known = self._keys.get(key)
        if known is None:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            known = self._keys[key] = [None] * len(self._layout.columns)
        table = list(zip(*group, strict=True))
        for number, column in enumerate(self._layout.columns):
            batch = column.of(table, len(group))
            is_column = column.place is not None
            series = known[number]
            if series is None:
                # Not before it has a value: not every metric has one in every event.
                values = batch[0] if column.kind is Kind.GAUGE else batch
                if is_column and all(value is None for value in values):
                    continue
                series = known[number] = self._series(column, key)
            earlier = batches.get((series, is_column))
            if earlier is None:
                batches[series, is_column] = batch
            elif column.kind is Kind.GAUGE:  # several keys, one series: beyond the budget
                for part, more in zip(earlier, batch, strict=True):
                    part.extend(more)
            else:
                earlier.extend(batch)
