"""The definitions of one registry: said by hand, or by the first record of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.data.definition import MetricDefinition
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.kind import Kind

__all__ = ["Definitions"]


class Definitions:
    """Name -> definition. Adding is safe from any thread and takes no lock."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, MetricDefinition] = {}

    def add(self, definition: MetricDefinition, *, has_series: bool) -> MetricDefinition:
        """Declare; what an earlier definition left unsaid is added to it.

        :param has_series: whether values are kept under this name already.
        :raises DefinitionConflictError: if it contradicts an earlier one.
        :raises DefinitionError: if it would change how values are read that are there already.
        """
        while True:
            known = self._by_name.setdefault(definition.name, definition)
            refined = known.refined_by(definition)
            if refined is known:
                return known
            if has_series and (refined.resolved_unit != known.resolved_unit or refined.buckets != known.buckets):
                message = (
                    f"metric {definition.name!r} was recorded before its unit or buckets were defined: "
                    f"define it first ({definition})"
                )
                raise DefinitionError(message)
            if self._by_name.get(definition.name) is known:
                self._by_name[definition.name] = refined
                return refined

    def implied(self, name: str, kind: Kind) -> MetricDefinition:
        """Give the definition of a name that is recorded as ``kind``; without one, that is its definition."""
        known = self._by_name.get(name)
        return self._by_name.setdefault(name, MetricDefinition(name, kind)) if known is None else known

    def known_or(self, definition: MetricDefinition) -> MetricDefinition:
        """Give the definition of a name; without one, ``definition`` is that from now on."""
        return self._by_name.setdefault(definition.name, definition)

    def get(self, name: str) -> MetricDefinition | None:
        """Give the definition of a name, if there is one."""
        return self._by_name.get(name)

    def to_dict(self) -> Mapping[str, MetricDefinition]:
        """Give all of them by name."""
        return dict(self._by_name)
