"""FindsFiltered: how an aggregating registry finds the series that its filters lead to.

What is recorded is looked up as it comes, in tables of its own (:class:`~polymeter.registries.filters.route.Route`):
after the first record of a series no filter is asked, and the way to it is as short as without filters.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from polymeter.data.definition import MetricDefinition
from polymeter.data.tags import Tags
from polymeter.registries.exemplars import TakesExemplars
from polymeter.registries.series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.kind import Kind
    from polymeter.data.layout import RowLayout
    from polymeter.data.tags import TagsLike
    from polymeter.registries.family import LookUp, Way
    from polymeter.registries.filters.bound import ContextSeries
    from polymeter.registries.filters.route import FilteredLookUp, Route
    from polymeter.registries.null import NullSeries
    from polymeter.registries.rows import RowBuffer

__all__ = ["FindsFiltered"]


class FindsFiltered(TakesExemplars):
    """Nothing of this is called without filters."""

    _look_ups: dict[Kind, dict[object, LookUp | FilteredLookUp]]
    _ways: dict[Kind, dict[str, Way]]
    _routes: dict[tuple[Kind, str, tuple[str, ...]], Route]

    @abstractmethod
    def series_for(self, kind: Kind, name: str, tags: TagsLike | None, /) -> Any:
        """Find or make the series of a name and tags; what cannot be one gives one that counts what it refuses."""

    @abstractmethod
    def _series_at(self, definition: MetricDefinition, tags: Tags) -> Series[Any]:
        """Find or make the series of a metric, within its budget; no filter is asked."""

    @abstractmethod
    def _shorten(self, kind: Kind, name: str, look_up: LookUp | FilteredLookUp) -> None:
        """Have records of a name take the short way of a look-up."""

    def _find_filtered(
        self, kind: Kind, name: str, tags: Tags, key: object, values: tuple[Any, ...]
    ) -> Series[Any] | NullSeries:
        """Find or make the series that a record goes to, and find it by its values from now on.

        :param key: the look-up that ``values`` are for.
        """
        from polymeter.context import texts_of_context

        look_up: Any = self._look_ups[kind].get(key)
        if look_up is None:
            from polymeter.registries.filters.route import FilteredLookUp

            made = FilteredLookUp(self._route(kind, name, tags), () if isinstance(key, str) else tuple(tags))
            look_up = self._look_ups[kind].setdefault(key, made)
        series, is_folded = self._series_placed(texts_of_context(), kind, name, tags)
        if is_folded and isinstance(series, Series):
            # The value itself is not worth a place in a table, and each such record is counted.
            shelf, _ = series.place
            if look_up.route.fold_into(shelf):
                self._shorten(kind, name, look_up)
            return series
        look_up.learn(values, series)
        if name not in self._ways[kind]:
            self._shorten(kind, name, look_up)
        return series

    def _route(self, kind: Kind, name: str, tags: Tags) -> Route:
        """Give the route of a name with tags of these names: one, whatever order they come in."""
        from polymeter.registries.filters.route import Route

        names = tuple(sorted(tags))
        known = self._routes.get((kind, name, names))
        if known is None:
            known = self._routes.setdefault((kind, name, names), Route(names, self.filters.plan(kind, name, names)))
        return known

    def _series_placed(
        self, context: Mapping[str, Any], kind: Kind, name: str, tags: Tags
    ) -> tuple[Series[Any] | NullSeries, bool]:
        """Ask the filters; tell whether the tags were folded.

        :raises InvalidTagsError: for a value of the context that no tag can have.
        """
        place = self._place(kind, name, tags, context)
        if isinstance(place, str):
            return self._null(kind, name, place), False
        definition = self._definitions.known_or(MetricDefinition(place[0], kind))
        series = self._series_at(definition, place[1])
        return series, series.tags != place[1]

    def series_in(
        self, context: Mapping[str, Any], kind: Kind, name: str, tags: TagsLike, /
    ) -> Series[Any] | NullSeries:
        """Find or make the series of a name, tags and a context that was."""
        try:
            return self._series_placed(context, kind, name, Tags.of(tags))[0]
        except Exception:  # noqa: BLE001 - tags that are none, or that raise when looked at
            return self._null(kind, name, "tags")

    def _begin_series(self, definition: MetricDefinition, tags: Tags) -> None:
        self._series_at(definition, tags)

    # -- what depends on the context of each record

    def _bound_to_context(self, kind: Kind, name: str, tags: TagsLike | None) -> ContextSeries | None:
        """Give what records in any context, if that decides to which series; else ``None``."""
        if not self.filters.takes_context(kind, name, tags):
            return None
        from polymeter.registries.filters.bound import ContextSeries

        given = None if tags is None else dict(tags)
        return ContextSeries(kind, lambda: self.series_for(kind, name, given))

    def _rows_in_context(self, layout: RowLayout) -> RowBuffer | None:
        """Give a buffer for rows whose metrics take tags from the context, if one of them does; else ``None``."""
        wanted = {
            tag: None for each in layout.columns for tag in self.filters.plan(each.kind, each.name, layout.tags).context
        }
        if not wanted:
            return None
        from polymeter.registries.filters.context_rows import ContextRows

        return ContextRows(self, layout, tuple(wanted))
