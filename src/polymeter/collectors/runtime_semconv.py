"""RuntimeSemconvMetricsCollector: the process under the names of the OpenTelemetry conventions.

Semantic conventions 1.45: *OS process metrics*, *CPython runtime metrics*, and *filesystem* of the system metrics. They
have the status *Development* or *Release candidate*. Where the conventions ask for an up-down counter this gives a
gauge: a level that is read anew each time needs no history, and is right again after one reading that was lost.
"""

from __future__ import annotations

from typing import Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import Measure, measure
from polymeter.collectors.states import always
from polymeter.events.runtime import DiskSampled, GarbageSampled, ProcessSampled

__all__ = ["RuntimeSemconvMetricsCollector"]

_GENERATION: Final = {"cpython.gc.generation": "generation"}


def _cpu(mode: str) -> Measure:
    return measure.counter(
        "process.cpu.time",
        on=ProcessSampled,
        value=f"added.{mode}_seconds",
        tags={"cpu.mode": always(mode)},
        unit="s",
        help="Time that the process has spent on CPUs.",
    )


def _switches(of_type: str) -> Measure:
    return measure.counter(
        "process.context_switches",
        on=ProcessSampled,
        value=f"added.{of_type}_switches",
        tags={"process.context_switch.type": always(of_type)},
        unit="{context_switch}",
        help="Times that a thread of the process gave up the CPU, or had it taken away.",
    )


def _level(name: str, field: str, unit: str, text: str) -> Measure:
    return measure.gauge(name, on=ProcessSampled, value=field, combine="sum", unit=unit, help=text)


def _filesystem(state: str) -> Measure:
    return measure.gauge(
        "system.filesystem.usage",
        on=DiskSampled,
        value=f"{state}_bytes",
        tags={"system.filesystem.mountpoint": "mountpoint", "system.filesystem.state": always(state)},
        when=_is_readable,
        unit="By",
        help="How much of a file system is in which state.",
    )


def _is_readable(event: DiskSampled) -> bool:
    return event.error_type is None


class RuntimeSemconvMetricsCollector(MetricsCollector):
    """The names, units and attributes that dashboards for OpenTelemetry expect.

    A second reading of the events that :class:`~polymeter.collectors.runtime.RuntimeMetricsCollector` reads, and
    independent of it: collect either, or both. What the conventions have no name for is left out: pauses, event loops,
    the threads of Python; which Python it is stands in the resource.
    """

    cpu_user = _cpu("user")
    cpu_system = _cpu("system")
    memory = _level("process.memory.usage", "resident_bytes", "By", "Memory of the process that is in RAM.")
    virtual_memory = _level("process.memory.virtual", "virtual_bytes", "By", "Address space of the process.")
    threads = _level("process.thread.count", "threads", "{thread}", "Threads of the process.")
    open_files = _level(
        "process.unix.file_descriptor.count", "open_files", "{file_descriptor}", "File descriptors in use."
    )
    voluntary_switches = _switches("voluntary")
    involuntary_switches = _switches("involuntary")
    uptime = measure.gauge(
        "process.uptime",
        on=ProcessSampled,
        value="uptime_seconds",
        combine="max",
        unit="s",
        help="Time for which the process has been running.",
    )
    collections = measure.counter(
        "cpython.gc.collections",
        on=GarbageSampled,
        value="added.collections",
        tags=_GENERATION,
        unit="{collection}",
        help="Times that a generation of objects was collected.",
    )
    collected_objects = measure.counter(
        "cpython.gc.collected_objects",
        on=GarbageSampled,
        value="added.collected",
        tags=_GENERATION,
        unit="{object}",
        help="Objects that the garbage collector has freed.",
    )
    uncollectable_objects = measure.counter(
        "cpython.gc.uncollectable_objects",
        on=GarbageSampled,
        value="added.uncollectable",
        tags=_GENERATION,
        unit="{object}",
        help="Objects that the garbage collector has found and could not free.",
    )
    disk_used = _filesystem("used")
    disk_free = _filesystem("free")
    disk_reserved = _filesystem("reserved")
    disk_limit = measure.gauge(
        "system.filesystem.limit",
        on=DiskSampled,
        value="total_bytes",
        tags={"system.filesystem.mountpoint": "mountpoint"},
        when=_is_readable,
        unit="By",
        help="How large a file system is.",
    )
