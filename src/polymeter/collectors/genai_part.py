"""A part of GenAIMetricsCollector: what it can be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from polymeter.collectors.base import MetricsCollector
from polymeter.data.kind import Kind
from polymeter.events.inference import InferenceCompleted

if TYPE_CHECKING:
    from polymeter.collectors.exemplars import Origin
    from polymeter.collectors.measure import Measure

__all__ = ["GenAIPart"]


class GenAIPart(MetricsCollector):
    """Declared metrics of one generation of names.

    :cvar is_of_chunks: whether it listens to every chunk of a stream.
    """

    is_of_chunks: ClassVar[bool] = False

    def __init__(self, origin: Origin | None = None) -> None:
        """:param origin: where the exemplars of durations come from."""
        self._origin = origin

    def _origin_of(self, measure: Measure) -> Origin | None:
        is_duration = measure.definition.kind is Kind.TIMER and measure.event_type is InferenceCompleted
        return self._origin if is_duration else None
