"""The contract of collectors, over those of the process itself."""

from __future__ import annotations

import pytest

from polymeter.collectors import MemoryMetricsCollector, RuntimeMetricsCollector, RuntimeSemconvMetricsCollector
from polymeter.data.definition import Combine
from polymeter.events.runtime import (
    DiskSampled,
    EventLoopSampled,
    EventLoopTicked,
    GarbageCollected,
    GarbageCounts,
    GarbageSampled,
    ProcessCounts,
    ProcessSampled,
    PythonSampled,
    ThreadsSampled,
)
from polymeter.exporters import PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.testing.contracts.collectors import CollectorContract

KNOWN = {
    "resident_bytes": 50_000_000,
    "peak_resident_bytes": 60_000_000,
    "virtual_bytes": 200_000_000,
    "threads": 4,
    "open_files": 12,
    "max_files": 1024,
    "started_at": 1_700_000_000.0,
    "uptime_seconds": 90.5,
}


def samples():
    """Give one event of each sort, and two of the process."""
    first, second = ProcessCounts(1.5, 0.5, 100, 10), ProcessCounts(2.0, 0.75, 150, 15)
    return [
        ProcessSampled(pid=7, total=first, added=first, **KNOWN),
        ProcessSampled(pid=7, total=second, added=ProcessCounts(0.5, 0.25, 50, 5), **KNOWN),
        GarbageSampled(generation=0, total=GarbageCounts(9, 80, 0), added=GarbageCounts(9, 80, 0)),
        GarbageSampled(generation=2, total=GarbageCounts(2, 30, 1), added=GarbageCounts(1, 20, 1)),
        GarbageCollected(generation=2, duration_ms=12.5, collected=20, uncollectable=1, at=1_700_000_000.5),
        EventLoopTicked(loop="MainThread", lag_ms=0.25, is_stalled=False),
        EventLoopTicked(loop="MainThread", lag_ms=99.75, is_stalled=True),
        EventLoopSampled(loop="MainThread", tasks=6),
        ThreadsSampled(daemons=1, others=3),
        DiskSampled(path="/data", mountpoint="/", total_bytes=1000, used_bytes=600, free_bytes=350),
        DiskSampled(path="/gone", error_type="FileNotFoundError"),
        PythonSampled(implementation="CPython", version="3.13.1", major="3", minor="13", patchlevel="1"),
    ]


class TestRuntimeMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "process.cpu_seconds": 2.75,
            "process.resident_memory_bytes": 50_000_000,
            "process.virtual_memory_bytes": 200_000_000,
            "process.start_time_seconds": 1_700_000_000.0,
            "process.open_fds": 12,
            "process.max_fds": 1024,
            "process.threads": 4,
            "process.voluntary_context_switches": 150,
            "process.involuntary_context_switches": 15,
            "python.gc.collections": 10,
            "python.gc.objects_collected": 100,
            "python.gc.objects_uncollectable": 1,
            "python.gc.pause_ms": 12.5,
            "python.threads": 4,
            "python.info": 1,
            "asyncio.loop.lag_ms": 100,
            "asyncio.loop.stalls": 1,
            "asyncio.tasks": 6,
            "disk.total_bytes": 1000,
            "disk.used_bytes": 600,
            "disk.free_bytes": 350,
            "disk.unreadable": 1,
        }

    def make_collector(self):
        return RuntimeMetricsCollector()

    def make_events(self):
        return samples()


class TestRuntimeSemconvMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "process.cpu.time": 2.75,
            "process.memory.usage": 50_000_000,
            "process.memory.virtual": 200_000_000,
            "process.thread.count": 4,
            "process.unix.file_descriptor.count": 12,
            "process.context_switches": 165,
            "process.uptime": 90.5,
            "cpython.gc.collections": 10,
            "cpython.gc.collected_objects": 100,
            "cpython.gc.uncollectable_objects": 1,
            "system.filesystem.usage": 1000,
            "system.filesystem.limit": 1000,
        }

    def make_collector(self):
        return RuntimeSemconvMetricsCollector()

    def make_events(self):
        return [each for each in samples() if isinstance(each, ProcessSampled | GarbageSampled | DiskSampled)]


class TestMemoryMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "memory.usage_bytes": 50_000_000,
            "memory.peak_bytes": 60_000_000,
            "memory.virtual_bytes": 200_000_000,
        }

    def make_collector(self):
        return MemoryMetricsCollector()

    def make_events(self):
        return [each for each in samples() if isinstance(each, ProcessSampled)]


FAMILIES = {
    RuntimeMetricsCollector: {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_start_time_seconds",
        "process_open_fds",
        "process_max_fds",
        "process_threads",
        "process_voluntary_context_switches_total",
        "process_involuntary_context_switches_total",
        "python_gc_collections_total",
        "python_gc_objects_collected_total",
        "python_gc_objects_uncollectable_total",
        "python_gc_pause_seconds",
        "python_threads",
        "python_info",
        "asyncio_loop_lag_seconds",
        "asyncio_loop_stalls_total",
        "asyncio_tasks",
        "disk_total_bytes",
        "disk_used_bytes",
        "disk_free_bytes",
        "disk_unreadable_total",
    },
    RuntimeSemconvMetricsCollector: {
        "process_cpu_time_seconds_total",
        "process_memory_usage_bytes",
        "process_memory_virtual_bytes",
        "process_thread_count",
        "process_unix_file_descriptor_count",
        "process_context_switches_total",
        "process_uptime_seconds",
        "cpython_gc_collections_total",
        "cpython_gc_collected_objects_total",
        "cpython_gc_uncollectable_objects_total",
        "system_filesystem_usage_bytes",
        "system_filesystem_limit_bytes",
    },
}
"""What each collector is in Prometheus."""


@pytest.mark.parametrize("collector", FAMILIES)
def test_the_names_in_prometheus(collector):
    exporter = PrometheusExporter(target_info=False)
    metrics = Metrics().collect(collector()).export_to(exporter)
    for event in samples():
        metrics.events.dispatch(event)
    shown = {line.split()[2] for line in exporter.render().splitlines() if line.startswith("# TYPE")}
    ours = {name for name in shown if not name.startswith("polymeter_") and not name.endswith("_created")}
    assert ours == FAMILIES[collector]


def test_what_the_system_does_not_say_makes_no_series():
    metrics = Metrics().collect(RuntimeMetricsCollector()).collect(RuntimeSemconvMetricsCollector())
    metrics.events.dispatch(ProcessSampled(pid=7, total=ProcessCounts(), added=ProcessCounts()))
    assert len(metrics.registry) == 0
    assert metrics.health().registry.invalid == 0


def test_every_gauge_of_a_process_says_how_processes_become_one():
    """The latest of several processes would be a number of one of them, at random."""
    for collector in (RuntimeMetricsCollector, RuntimeSemconvMetricsCollector, MemoryMetricsCollector):
        metrics = Metrics().collect(collector())
        for definition in metrics.snapshot().definitions.values():
            # Of a disk, and of the Python, they all say the same.
            is_of_process = definition.name.startswith(("process.", "memory.", "asyncio.", "python.threads"))
            if definition.kind == "gauge" and is_of_process:
                assert definition.rule in {Combine.SUM, Combine.MIN, Combine.MAX}, definition
