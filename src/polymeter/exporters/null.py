"""NullExporter: nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric

__all__ = ["NullExporter"]


class NullExporter:
    """Takes everything and delivers nothing: for switching export off without an ``if``."""

    temporality: Temporality = "cumulative"
    is_quick = True

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Do nothing."""
