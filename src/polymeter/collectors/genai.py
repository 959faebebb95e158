"""GenAIMetricsCollector: LLM calls under the names of the OpenTelemetry GenAI conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from polymeter.collectors.exemplars import ExemplarSource, origin_of
from polymeter.collectors.genai_current import CurrentGenAI, CurrentGenAIChunks
from polymeter.collectors.genai_names import GenAINames
from polymeter.collectors.genai_next import NextGenAI, NextGenAIChunks
from polymeter.errors import DefinitionError
from polymeter.events.inference import InferenceCompleted
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.collectors.genai_part import GenAIPart
    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics

__all__ = ["GenAIMetricsCollector"]

_PARTS: Final[Mapping[str, tuple[type[GenAIPart], ...]]] = {
    "current": (CurrentGenAI, CurrentGenAIChunks),
    "next": (NextGenAI, NextGenAIChunks),
    "both": (CurrentGenAI, CurrentGenAIChunks, NextGenAI, NextGenAIChunks),
}


class GenAIMetricsCollector:
    """The names, units, attributes and bucket bounds that dashboards for OpenTelemetry expect.

    A second reading of the events that :class:`~polymeter.collectors.inference.InferenceMetricsCollector` reads, and
    independent of it: collect either, or both. Attributes that are not known are left out.
    """

    def __init__(
        self, names: GenAINames = "current", *, chunks: bool = True, exemplars: ExemplarSource | None = None
    ) -> None:
        """Make one.

        :param names: the generation: ``current`` (what today's instrumentations emit), ``next`` (the names that are
            split by operation), or ``both``.
        :param chunks: whether to measure the time between the chunks of a stream, for which sources then make an event
            of every chunk.
        :param exemplars: where the exemplars of durations come from, as in
            :class:`~polymeter.collectors.inference.InferenceMetricsCollector`. Default: there are none.
        :raises DefinitionError: for other names, and for a field of ``exemplars`` that
            :class:`~polymeter.events.inference.InferenceCompleted` does not have.
        """
        if names not in _PARTS:
            message = f"there are no GenAI names {names!r}: use {', '.join(map(repr, get_args(GenAINames)))}"
            raise DefinitionError(message)
        origin = origin_of(exemplars, InferenceCompleted, type(self).__name__)
        self._parts = [part(origin) for part in _PARTS[names] if chunks or not part.is_of_chunks]

    def register(self, events: CanDispatchEvents, registry: CanStoreMetrics) -> Subscription:
        """Begin to record into ``registry`` what is heard from ``events``.

        :raises DefinitionConflictError: if ``registry`` knows one of the names as something else.
        :raises DefinitionError: if this collector is registered already.
        """
        added: list[Subscription] = []
        try:
            added += (part.register(events, registry) for part in self._parts)
        except BaseException:
            Subscription.of_all(added).cancel()
            raise
        return Subscription.of_all(added)
