"""MemoryMetricsCollector: the memory of this process, and nothing else."""

from __future__ import annotations

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.events.runtime import ProcessSampled

__all__ = ["MemoryMetricsCollector"]


class MemoryMetricsCollector(MetricsCollector):
    """How much memory is in use, and the most that ever was.

    Of several processes that share a registry the sizes add up, pages that they share counted once for each; the peak
    is that of the largest one.
    """

    usage = measure.gauge(
        "memory.usage_bytes",
        on=ProcessSampled,
        value="resident_bytes",
        combine="sum",
        help="Memory of the process that is in RAM.",
    )
    peak = measure.gauge(
        "memory.peak_bytes",
        on=ProcessSampled,
        value="peak_resident_bytes",
        combine="max",
        help="The most memory of the process that ever was in RAM.",
    )
    virtual = measure.gauge(
        "memory.virtual_bytes",
        on=ProcessSampled,
        value="virtual_bytes",
        combine="sum",
        help="Address space of the process.",
    )
