"""Hop: what one filter does with one metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from polymeter.data.definition import MetricDefinition
    from polymeter.registries.filters.metric_id import MetricId
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["Hop"]


class Hop(NamedTuple):
    """What one filter does with one metric.

    :ivar filter: the filter.
    :ivar stage: what it was asked for.
    :ivar before: what it was given: a definition for ``configure``.
    :ivar after: its answer: what it maps to (``None``: nothing, it failed), its verdict, or the definition.
    :ivar error: the class of what it raised, if it did.
    """

    filter: MetricFilter
    stage: Literal["map", "accept", "configure"]
    before: MetricId | MetricDefinition
    after: MetricId | MetricDefinition | bool | None
    error: str | None = None

    @property
    def is_denial(self) -> bool:
        """Whether the metric ends here."""
        return self.after is False or (self.stage == "map" and self.after is None)

    @property
    def does_something(self) -> bool:
        """Whether the answer is another than that of no filter at all."""
        if self.stage == "accept":
            return self.after is not None
        return self.error is not None or self.after != self.before

    def __str__(self) -> str:
        if self.error is not None:
            said = f"raised {self.error}: {'denied' if self.is_denial else 'passed over'}"
        elif self.stage == "accept":
            said = "no verdict" if self.after is None else "accepted" if self.after else "denied"
        else:
            said = f"-> {self.after}" if self.does_something else "unchanged"
        return f"{self.filter!r}: {self.before} {said}"
