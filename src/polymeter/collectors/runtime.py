"""RuntimeMetricsCollector: the process, its garbage collector, event loops, threads, disks and Python as metrics."""

from __future__ import annotations

from typing import Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.collectors.states import always
from polymeter.events.runtime import (
    DiskSampled,
    EventLoopSampled,
    EventLoopTicked,
    GarbageCollected,
    GarbageSampled,
    ProcessSampled,
    PythonSampled,
    ThreadsSampled,
)

__all__ = ["RuntimeMetricsCollector"]

PAUSE_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000)
"""Bucket bounds of pauses, in milliseconds: a young generation takes microseconds, an old one up to a second."""

LAG_BOUNDS: Final = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Bucket bounds of lags, in milliseconds."""

_GENERATION: Final = ("generation",)
_LOOP: Final = ("loop",)
_PATH: Final = ("path",)


def _is_stalled(event: EventLoopTicked) -> bool:
    return event.is_stalled


class RuntimeMetricsCollector(MetricsCollector):
    """What dashboards for ``prometheus_client`` show, under the names that they know, and what they lack.

    In Prometheus they are ``process_resident_memory_bytes``, ``process_cpu_seconds_total``,
    ``python_gc_collections_total``, ``python_info`` and so on. Of several processes that share a registry, counts and
    sizes add up; ``process.start_time_seconds`` is that of the oldest.
    """

    cpu_seconds = measure.counter(
        "process.cpu_seconds",
        on=ProcessSampled,
        value="added.cpu_seconds",
        help="Time that the process has spent on CPUs, in its own code and in the kernel.",
    )
    resident_memory = measure.gauge(
        "process.resident_memory_bytes",
        on=ProcessSampled,
        value="resident_bytes",
        combine="sum",
        help="Memory of the process that is in RAM.",
    )
    virtual_memory = measure.gauge(
        "process.virtual_memory_bytes",
        on=ProcessSampled,
        value="virtual_bytes",
        combine="sum",
        help="Address space of the process.",
    )
    start_time = measure.gauge(
        "process.start_time_seconds",
        on=ProcessSampled,
        value="started_at",
        combine="min",
        help="When the process began, in Unix seconds.",
    )
    open_fds = measure.gauge(
        "process.open_fds",
        on=ProcessSampled,
        value="open_files",
        combine="sum",
        help="File descriptors in use.",
    )
    max_fds = measure.gauge(
        "process.max_fds",
        on=ProcessSampled,
        value="max_files",
        combine="sum",
        help="File descriptors that may be in use; of several processes the sum of their limits.",
    )
    os_threads = measure.gauge(
        "process.threads",
        on=ProcessSampled,
        value="threads",
        combine="sum",
        help="Threads of the operating system.",
    )
    voluntary_switches = measure.counter(
        "process.voluntary_context_switches",
        on=ProcessSampled,
        value="added.voluntary_switches",
        help="Times that a thread gave up the CPU to wait for something.",
    )
    involuntary_switches = measure.counter(
        "process.involuntary_context_switches",
        on=ProcessSampled,
        value="added.involuntary_switches",
        help="Times that the CPU was taken from a thread.",
    )
    collections = measure.counter(
        "python.gc.collections",
        on=GarbageSampled,
        value="added.collections",
        tags=_GENERATION,
        help="Times that a generation of objects was collected.",
    )
    objects_collected = measure.counter(
        "python.gc.objects_collected",
        on=GarbageSampled,
        value="added.collected",
        tags=_GENERATION,
        help="Objects that the garbage collector has freed.",
    )
    objects_uncollectable = measure.counter(
        "python.gc.objects_uncollectable",
        on=GarbageSampled,
        value="added.uncollectable",
        tags=_GENERATION,
        help="Objects that the garbage collector has found and could not free.",
    )
    pause = measure.timer(
        "python.gc.pause_ms",
        on=GarbageCollected,
        value="duration_ms",
        tags=_GENERATION,
        buckets=PAUSE_BOUNDS,
        help="Time for which the program stood still while garbage was collected.",
    )
    threads = measure.gauge(
        "python.threads",
        on=ThreadsSampled,
        value="others",
        tags={"daemon": always(value=False)},
        combine="sum",
        help="Threads that Python knows of.",
    )
    daemon_threads = measure.gauge(
        "python.threads",
        on=ThreadsSampled,
        value="daemons",
        tags={"daemon": always(value=True)},
        combine="sum",
        help="Threads that Python knows of.",
    )
    python = measure.info(
        "python.info",
        on=PythonSampled,
        tags=("implementation", "version", "major", "minor", "patchlevel"),
        help="Which Python this is.",
    )
    lag = measure.timer(
        "asyncio.loop.lag_ms",
        on=EventLoopTicked,
        value="lag_ms",
        tags=_LOOP,
        buckets=LAG_BOUNDS,
        help="How late the event loop came to a timer that was due.",
    )
    stalls = measure.counter(
        "asyncio.loop.stalls",
        on=EventLoopTicked,
        tags=_LOOP,
        when=_is_stalled,
        help="Times that something blocked the event loop for so long that it counts as slow.",
    )
    tasks = measure.gauge(
        "asyncio.tasks",
        on=EventLoopSampled,
        value="tasks",
        tags=_LOOP,
        combine="sum",
        help="Tasks of the event loop that are not done.",
    )
    disk_total = measure.gauge(
        "disk.total_bytes", on=DiskSampled, value="total_bytes", tags=_PATH, help="How large the file system is."
    )
    disk_used = measure.gauge(
        "disk.used_bytes",
        on=DiskSampled,
        value="used_bytes",
        tags=_PATH,
        help="How much of the file system is in use.",
    )
    disk_free = measure.gauge(
        "disk.free_bytes",
        on=DiskSampled,
        value="free_bytes",
        tags=_PATH,
        help="How much of the file system this user may still use.",
    )
    disk_unreadable = measure.counter(
        "disk.unreadable",
        on=DiskSampled,
        tags=("path", "error_type"),
        when=lambda event: event.error_type is not None,
        help="Times that a file system could not be asked.",
    )
