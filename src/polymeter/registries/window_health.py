"""What a registry that keeps time says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.registries.health import RegistryHealth

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LATE_RECORDS", "MISPLACED_RECORDS", "WindowedHealth"]

LATE_RECORDS: Final = MetricDefinition.of(
    "polymeter.records.late", Kind.COUNTER, help="Records older than every window: counted in totals alone."
)
MISPLACED_RECORDS: Final = MetricDefinition.of(
    "polymeter.records.future", Kind.COUNTER, help="Records too far ahead of the clock: placed now."
)


@dataclass(frozen=True, slots=True)
class WindowedHealth(RegistryHealth):
    """What became of the records; those that were late or ahead are among the applied ones.

    :ivar late_by: metric -> records that were older than every window: in the totals, in no window.
    :ivar future_by: metric -> records that were too far ahead of the clock: placed now.
    """

    late_by: Mapping[str, int] = field(default_factory=dict[str, int])
    future_by: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def late(self) -> int:
        """Records that were older than every window."""
        return sum(self.late_by.values())

    @property
    def future(self) -> int:
        """Records that were too far ahead of the clock."""
        return sum(self.future_by.values())
