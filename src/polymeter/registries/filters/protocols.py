"""What a filter can do. One that does any of the three is a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from polymeter.data.definition import MetricDefinition
    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["CanAcceptMetrics", "CanConfigureMetrics", "CanMapMetrics", "MetricFilter"]


@runtime_checkable
class CanMapMetrics(Protocol):
    """A filter that gives metrics another name or other tags."""

    def map(self, metric: MetricId, /) -> MetricId:
        """Give what ``metric`` is to be kept as: itself, for nothing to change. The kind stays.

        It is asked when a series is made, not for each record, perhaps more than once and from any thread: its answer
        must depend on nothing else.
        """
        ...


@runtime_checkable
class CanAcceptMetrics(Protocol):
    """A filter that decides which metrics are kept."""

    def accept(self, metric: MetricId, /) -> bool | None:
        """Say whether to keep ``metric``, as all filters have mapped it; ``None`` leaves it to the next filter."""
        ...


@runtime_checkable
class CanConfigureMetrics(Protocol):
    """A filter that overrules what the code says about a metric."""

    def configure(self, definition: MetricDefinition, /) -> MetricDefinition:
        """Give the definition that holds; name, kind, unit and domains stay."""
        ...


MetricFilter: TypeAlias = CanMapMetrics | CanAcceptMetrics | CanConfigureMetrics
"""Any of the three."""
