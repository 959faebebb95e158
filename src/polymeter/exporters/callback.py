"""CallbackExporter: to a function of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.data.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric

__all__ = ["CallbackExporter"]


class CallbackExporter:
    """Calls a function with each snapshot."""

    def __init__(self, callback: Callable[[Snapshot], object], *, temporality: Temporality = "cumulative") -> None:
        """Make an exporter.

        :param callback: delivers a snapshot; an exception means that it was not delivered.
        :param temporality: ``cumulative`` for totals since the start, ``delta`` for what came since the last success.
        """
        self.temporality: Temporality = temporality
        self._callback = callback

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Call the function; what it raises passes through."""
        self._callback(Snapshot.of(snapshot))
