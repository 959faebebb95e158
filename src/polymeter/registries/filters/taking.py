"""TakesFilters: what registries with filters have in common."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError
from polymeter.registries.filters.declaring import DeclaresFiltered
from polymeter.registries.filters.denials import Denials
from polymeter.registries.rejects import Rejects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["DENIED", "FILTER_METRICS", "Placed", "TakesFilters"]

DENIED: Final = "denied"
"""Why a record does not count that a filter has refused."""

FILTER_METRICS: Final = {
    each.name: each
    for each in (
        MetricDefinition.of("polymeter.records.denied", Kind.COUNTER, help="Records that filters refused, by metric."),
        MetricDefinition.of("polymeter.filters.failed", Kind.COUNTER, help="Answers of filters that were none."),
    )
}
_DENIED_RECORDS, _FAILED_FILTERS = FILTER_METRICS

Placed: TypeAlias = "tuple[MetricDefinition, Tags]"
"""Where a record belongs: to the series of these tags, of this metric."""

_MOST_PLACES: Final = 10_000

_logger: Final = logging.getLogger("polymeter.registries")


class TakesFilters(DeclaresFiltered):
    """Filters, what they refused, and what was said of names that they change."""

    _started: float

    def __init__(self, filters: Iterable[MetricFilter] = ()) -> None:
        """Take filters.

        :raises DefinitionError: for something that is no filter.
        """
        super().__init__()
        self._denials = Denials()
        self._failures = Rejects()
        self._join(filters)

    def _join(self, filters: Iterable[MetricFilter]) -> None:
        given = tuple(filters)
        if given:
            from polymeter.registries.filters.chain import FilterChain  # who has no filters does not wait for them

            known = () if self._filters is None else self._filters.filters
            self._filters = FilterChain((*known, *given), self._filter_failed)

    def add_filter(self, *filters: MetricFilter) -> None:
        """Add filters after those that there are, before anything is recorded or declared.

        :raises DefinitionError: if something was, or for something that is no filter.
        """
        known = self._definitions.to_dict()
        if known:
            message = (
                f"filters come before metrics, and this registry has {next(iter(known))!r} already: give filters=[...] "
                "to the registry, or add them before collectors are registered and anything is recorded"
            )
            raise DefinitionError(message)
        self._join(filters)

    # -- records

    def _placed(self, kind: Kind, name: str, tags: Tags) -> Placed | str:
        """Give where a record belongs that is made here and now, or why it does not count; asked once per series."""
        from polymeter.context import texts_of_context

        try:
            context, plan = texts_of_context(), self.filters.plan(kind, name, tags)
            identity: tuple[object, ...] = tags.canonical
            if plan.ignored:
                identity = tuple((each, None if each in plan.ignored else text) for each, text in tags.canonical)
            key = (kind, name, identity, tuple(map(context.get, plan.context)))
            place = self._places.get(key)
            if place is None:
                if len(self._places) >= _MOST_PLACES:
                    self._places.clear()
                place = self._places[key] = self._place(kind, name, tags, context)
        except Exception:  # noqa: BLE001 - a value of the context that no tag can have
            return "tags"
        if isinstance(place, str):
            return place
        return self._definitions.known_or(MetricDefinition(place[0], kind)), place[1]

    def _place(self, kind: Kind, name: str, tags: Tags, context: Mapping[str, Any]) -> tuple[str, Tags] | str:
        """Ask the filters.

        :raises InvalidTagsError: for a value of the context that no tag can have.
        """
        metric = self.filters.resolve(kind, name, tags, context)
        if metric is None:
            return DENIED
        reason = self._reasons.get((kind, name, metric.name))
        if reason is None:
            if len(self._reasons) >= _MOST_PLACES:
                self._reasons.clear()
            reason = self._reasons[kind, name, metric.name] = self._reason_against(kind, name, metric.name)
        return reason or (metric.name, metric.tags)

    def _reason_against(self, kind: Kind, name: str, target: str) -> str:
        """Say why records of one name cannot be kept under another; empty if they can, and that is defined then."""
        said = self._declared.get(name)
        if said is None or said.kind is not kind:
            said = MetricDefinition(name, kind)
        moved = self.filters.moved(said, target)
        known = self._definitions.known_or(moved)
        if known is moved:
            self._defined(known)
        if known.kind is not kind:
            return "kind"
        return "" if known.resolved_unit == moved.resolved_unit else "unit"

    # -- what was lost

    def _filter_failed(self, failing: object, error: Exception) -> None:
        """Count an answer that was none. Of filter and error the class alone: their texts may hold anything."""
        of, what = type(failing).__qualname__, type(error).__qualname__
        if (of, what) not in self._failures.to_dict():
            with suppress(Exception):  # a handler of the user's must not reach whoever records
                _logger.warning(
                    "filter %s raised %s: what it cannot map or decide on is denied; that is counted from now on",
                    of,
                    what,
                )
        self._failures.count(of, what)

    def _filter_metrics(self, now: float) -> Iterator[Metric]:
        start = self._started
        for name, count in self._denials.to_dict().items():
            yield Counter(_DENIED_RECORDS, count, {"metric": name}, start=start, timestamp=now)
        for (of, error), count in self._failures.to_dict().items():
            yield Counter(_FAILED_FILTERS, count, {"filter": of, "error": error}, start=start, timestamp=now)

    def _forget_losses(self) -> None:
        self._denials.clear()
        self._failures.clear()
