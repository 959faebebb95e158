"""What the parts of the exporter's contract share: how one is made, exported to, and looked at."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from polymeter.contracts import CanExportMetrics
    from polymeter.data.metric import Metric

__all__ = ["EVERY_KIND", "ODD", "ExporterTests", "export"]

EVERY_KIND: Final[tuple[Metric, ...]] = (
    Counter("jobs.done", 3, {"queue": "night"}, start=1_700_000_000.0, timestamp=1_700_000_060.0),
    UpDownCounter("jobs.active", -2, start=1_700_000_000.0, timestamp=1_700_000_060.0),
    Gauge("queue.length", 7.5, {"queue": "night"}, timestamp=1_700_000_060.0),
    Histogram("jobs.size_bytes", 1024, start=1_700_000_000.0, timestamp=1_700_000_060.0),
    Timer("jobs.duration_ms", 12.5, {"ok": True}, start=1_700_000_000.0, timestamp=1_700_000_060.0),
)
"""One metric of each kind."""

ODD: Final[tuple[Metric, ...]] = (
    Gauge("never.set", math.nan),
    Gauge("enormous", -1e300),
    Counter("large", 10**30),
    Counter('a name with spaces, {braces} and "quotes"\n', 1, {"a tag\n": 'a "value"\\ \u2713'}),
    Histogram("observed.by.nobody").since(Histogram("observed.by.nobody")),
    Histogram("below.zero", -5),
)
"""What is unusual, and allowed."""


def export(exporter: CanExportMetrics, metrics: Iterable[Metric]) -> None:
    """Export, whether the exporter is asynchronous or not."""
    exporting: Any = exporter.export(metrics)
    if exporting is not None:
        asyncio.run(exporting)


class ExporterTests:
    """The fixtures of an exporter's tests, and what it may say about itself.

    :cvar secrets: texts that :meth:`make_exporter` gives to the exporter and that it must not show.
    """

    secrets: ClassVar[tuple[str, ...]] = ()

    def make_exporter(self) -> CanExportMetrics:
        """Give a new exporter, whose back end is there."""
        message = f"{type(self).__name__}: override make_exporter() to say how one is made"
        raise NotImplementedError(message)

    def delivered(self, exporter: CanExportMetrics) -> Any:
        """Give what its back end has got with the last export, as something that can be compared.

        Default: ``None``, for one whose back end cannot be asked.
        """

    def out_of_order(self, exporter: CanExportMetrics) -> AbstractContextManager[object] | None:
        """Give a block in which the back end cannot be delivered to; ``None``, the default: there is no such thing."""

    @pytest.fixture
    def exporter(self) -> Any:
        """Give a new exporter, closed at the end if it can be."""
        exporter = self.make_exporter()
        yield exporter
        close = getattr(exporter, "close", None)
        closing: Any = None if close is None else close()
        if closing is not None:
            asyncio.run(closing)

    @pytest.fixture
    def snapshot(self) -> Snapshot:
        """Give one metric of each kind."""
        return Snapshot(EVERY_KIND, taken_at=1_700_000_060.0)
