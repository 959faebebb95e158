"""DeclaresFiltered: what becomes of definitions whose metrics filters change."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Final

from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.registries.definitions import Definitions

if TYPE_CHECKING:
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.kind import Kind
    from polymeter.registries.filters.chain import FilterChain

__all__ = ["DeclaresFiltered"]

_MOST_COMBINATIONS: Final = 100_000


class DeclaresFiltered:
    """What was said of names that filters change."""

    _definitions: Definitions

    def __init__(self) -> None:
        """Begin without filters."""
        self._filters: FilterChain | None = None
        # What was said, by the names that are recorded, before filters.
        self._declared = Definitions()
        # Name after filters -> tags of the series that exist from the start.
        self._begun: dict[str, dict[Tags, None]] = {}
        # What was found out about records, until something else is declared.
        self._places: dict[object, tuple[str, Tags] | str] = {}
        self._reasons: dict[tuple[Kind, str, str], str] = {}

    @property
    def filters(self) -> FilterChain:
        """All filters, in the order in which they are asked; its ``trace`` tells what each does with a metric."""
        if self._filters is None:
            from polymeter.registries.filters.chain import FilterChain

            return FilterChain()
        return self._filters

    def _define_filtered(self, said: MetricDefinition) -> MetricDefinition:
        """Declare what becomes of a metric; give the definition that holds, or, if all of it is denied, what was said.

        :raises DefinitionConflictError: if it contradicts what was declared or recorded before.
        :raises DefinitionError: if it cannot work.
        """
        filters, before = self.filters, self._declared.get(said.name)
        said = said if before is None else before.refined_by(said)
        begun = self._begun_by(said)
        if not begun:
            metric = filters.resolve(said.kind, said.name, Tags.empty(), {})
            begun = {} if metric is None else {metric.name: dict[Tags, None]()}
        held: list[MetricDefinition] = []
        for name, series in begun.items():
            moved, known = filters.moved(said, name), self._definitions.get(name)
            if known is not None and known.help is not None:  # of two metrics that become one, either describes it
                moved = moved.replaced(help=known.help)
            self._check_number(moved, len(series))
            held.append(self._definitions.add(moved, has_series=self._has_series(name)))
        self._declared.add(said, has_series=False)
        self._reasons.clear()
        self._places.clear()
        for definition in held:
            self._defined(definition)
            self._begun.setdefault(definition.name, {}).update(begun[definition.name])
            for tags in begun[definition.name]:
                self._begin_series(definition, tags)
        return held[0] if held else said

    def _begun_by(self, said: MetricDefinition) -> dict[str, dict[Tags, None]]:
        """Give the series that the domains of a definition lead to, by name."""
        begun: dict[str, dict[Tags, None]] = {}
        if not said.domains:
            return begun
        ignored = self.filters.plan(said.kind, said.name, said.domains).ignored
        domains = {name: values[:1] if name in ignored else values for name, values in said.domains.items()}
        combinations = math.prod(map(len, domains.values()))
        if combinations > _MOST_COMBINATIONS:
            message = f"metric {said.name!r} declares {combinations} combinations of tag values: declare fewer"
            raise DefinitionError(message)
        for values in product(*domains.values()):
            tags = Tags.of(dict(zip(domains, values, strict=True)))
            metric = self.filters.resolve(said.kind, said.name, tags, {})
            if metric is not None:
                begun.setdefault(metric.name, {})[metric.tags] = None
        return begun

    def _check_number(self, definition: MetricDefinition, series: int) -> None:
        limit: int | None = definition.budget or getattr(self, "_budget", None)
        if limit is not None and series > limit:
            message = (
                f"metric {definition.name!r} declares {series} combinations of tag values, "
                f"more than its budget of {limit} series: raise the budget or declare fewer"
            )
            raise DefinitionError(message)

    def _begin_declared(self) -> None:
        """Make the series that exist from the start, in a new epoch."""
        for name, series in list(self._begun.items()):
            definition = self._definitions.get(name)
            if definition is not None:
                for tags in list(series):
                    self._begin_series(definition, tags)

    def _begin_series(self, definition: MetricDefinition, tags: Tags) -> None:
        """Make a series at zero; by default nothing exists before its first record."""

    def _defined(self, definition: MetricDefinition) -> None:
        """Act on a definition that has been accepted; by default there is nothing to do."""

    def _has_series(self, name: str) -> bool:
        """Tell whether values are kept under ``name``."""
        raise NotImplementedError
