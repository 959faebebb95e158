"""ContextRows: rows of events whose metrics take tags from the context in which the event came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from polymeter.context import texts_of_context
from polymeter.registries.rows import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.kind import Kind
    from polymeter.data.layout import Column, RowLayout
    from polymeter.registries.null import NullSeries
    from polymeter.registries.series import Series

__all__ = ["ContextRows"]


class _Owner(Protocol):
    def series_in(
        self, context: Mapping[str, Any], kind: Kind, name: str, tags: dict[str, Any], /
    ) -> Series[Any] | NullSeries:
        """Give the series of a name, tags and a context, or what counts records as refused."""
        ...


class ContextRows(RowBuffer):
    """The rows of one layout; what the context has ends the key of each row, since a drain has another context."""

    __slots__ = ("_names", "_series_in")

    def __init__(self, owner: Any, layout: RowLayout, names: tuple[str, ...]) -> None:
        """Make an empty one.

        :param names: of the tags that any of the metrics may take from the context.
        """
        self._names = names
        series_owner: _Owner = owner
        self._series_in = series_owner.series_in
        super().__init__(owner, layout)
        self.wait_in(self.waiting)

    def wait_in(self, waiting: list[Any]) -> None:
        """Have the rows wait in another list; before anybody has left one."""
        super().wait_in(waiting)
        names, take = self._names, waiting.append

        def append(row: tuple[Any, ...]) -> None:
            take(((*row[0], *map(texts_of_context().get, names)), *row[1:]))

        self.append = append

    def _series(self, column: Column, key: Any) -> Series[Any] | NullSeries:
        texts = zip(self._names, key[-len(self._names) :], strict=True)
        context = {name: text for name, text in texts if text is not None}
        return self._series_in(context, column.kind, column.name, self._layout.tags_of(key))
