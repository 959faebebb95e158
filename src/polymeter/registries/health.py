"""RegistryHealth: what became of the records of a registry. Imported when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    applied: int
    invalid_by: Mapping[tuple[str, str], int]
    series: int
    denied: int = 0

    @property
    def invalid(self) -> int:
        """Records that could not be used, for whatever reason."""
        return sum(self.invalid_by.values())

    @property
    def records(self) -> int:
        """All records that were made."""
        return self.applied + self.invalid + self.denied
