"""RegistryHealth: what became of the records of a registry. Imported when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RegistryHealth"]


@dataclass(frozen=True, slots=True)
class RegistryHealth:
    """What became of the records of one registry: ``records == applied + invalid + denied``.

    :ivar applied: records that count in a metric.
    :ivar invalid_by: ``(metric, reason)`` -> records that could not be used.
    :ivar denied: records that a filter refused.
    :ivar series: series that are kept now.
    :ivar denied_by: metric, as it is recorded -> records that a filter refused.
    """

    applied: int
    invalid_by: Mapping[tuple[str, str], int]
    series: int
    denied: int = 0
    denied_by: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def invalid(self) -> int:
        """Records that could not be used, for whatever reason."""
        return sum(self.invalid_by.values())

    @property
    def records(self) -> int:
        """All records that were made."""
        return self.applied + self.invalid + self.denied
