"""All of it together, as a program would wire it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from polymeter.collectors import MemoryMetricsCollector, RuntimeMetricsCollector, RuntimeSemconvMetricsCollector
from polymeter.errors import DefinitionError
from polymeter.events.runtime import DiskSampled, EventLoopTicked, GarbageSampled, ProcessSampled, PythonSampled
from polymeter.exporters import PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.sources import EventLoopSource, RuntimeSource
from tests.interpreter import bare_environment
from tests.sources.runtime.hearing import Ear, needs_proc


@needs_proc
def test_dashboards_for_prometheus_client_find_what_they_ask_for():
    """Every metric of its default registry, of the same type and with the same labels; the values where they hold."""
    exporter = PrometheusExporter()
    metrics = Metrics().watch(RuntimeSource()).collect(RuntimeMetricsCollector()).export_to(exporter)
    theirs = [each for each in REGISTRY.collect() if each.name.startswith(("process_", "python_"))]
    ours = {each.name: each for each in text_string_to_metric_families(exporter.render())}
    metrics.close()
    assert {each.name for each in theirs} >= {"process_cpu_seconds", "python_gc_collections", "python_info"}
    for family in theirs:
        mine = ours[family.name]
        assert mine.type == family.type
        labels = {frozenset(each.labels.items()) for each in family.samples}
        assert {frozenset(each.labels.items()) for each in mine.samples if "_created" not in each.name} == labels
    for name, tolerance in {
        "process_resident_memory_bytes": {"rel": 0.02},
        "process_virtual_memory_bytes": {"rel": 0.02},
        "process_max_fds": {"rel": 0},
        "process_start_time_seconds": {"abs": 1.2},
        "process_cpu_seconds": {"abs": 0.2},
        "python_info": {"rel": 0},
    }.items():
        (family,) = (each for each in theirs if each.name == name)
        assert ours[name].samples[0].value == pytest.approx(family.samples[0].value, **tolerance), name


def test_it_asks_all_of_them():
    ear = Ear()
    RuntimeSource(disks=["/"]).poll(ear)
    told = {type(each) for each in ear.heard}
    assert {ProcessSampled, GarbageSampled, PythonSampled, DiskSampled} <= told


def test_it_leaves_everything_as_it_was_found():
    callbacks, threads = list(gc.callbacks), threading.active_count()
    metrics = Metrics().watch(RuntimeSource()).collect(RuntimeMetricsCollector())
    metrics.snapshot()
    metrics.close()
    assert gc.callbacks == callbacks
    assert threading.active_count() == threads


def test_it_takes_the_event_loop_that_runs_and_no_second_time():
    ear = Ear(EventLoopTicked)

    async def main():
        ticked = asyncio.Event()
        ear.add_listener(EventLoopTicked, lambda _: ticked.set())
        with RuntimeSource().install(ear), EventLoopSource().install(ear):
            await ticked.wait()

    asyncio.run(main())
    assert len(ear.heard) == 1


def test_one_that_fails_keeps_no_other_from_telling():
    ear = Ear(PythonSampled)
    source = RuntimeSource()

    class Broken:
        def poll(self, events):
            raise ZeroDivisionError

    source._sources.insert(0, Broken())
    with pytest.raises(ZeroDivisionError):
        source.poll(ear)
    assert len(ear.heard) == 1


def test_a_configuration_names_them(tmp_path):
    path = tmp_path / "polymeter.toml"
    path.write_text("""
collectors = ["runtime", "memory"]
[sources]
runtime = {disks = ["/"]}
""")
    with Metrics.from_config(path) as metrics:
        metrics.snapshot()
        assert metrics.registry.get("disk.total_bytes", {"path": "/"}).value > 0
        assert metrics.registry.total("memory.peak_bytes") > 0


@pytest.mark.parametrize("options", [{"disks": "/"}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(DefinitionError, match=r"\('/',\)"):
        RuntimeSource(**options)


def test_watching_again_counts_nothing_twice():
    metrics = Metrics().collect(RuntimeMetricsCollector())
    for _ in range(3):
        source = RuntimeSource()
        metrics.watch(source)
        metrics.snapshot()
        metrics.remove(source)
    counted = metrics.registry.total("process.cpu_seconds")
    assert 0 < counted <= sum(os.times()[:2]) + 0.02
    metrics.close()


@needs_proc
def test_processes_that_share_a_registry_add_up(tmp_path):
    """Counts and sizes are sums, the beginning is the oldest one's, the peak the largest one's."""
    code = """
import json, os, sys, time
from polymeter import Metrics
from polymeter.collectors import MemoryMetricsCollector, RuntimeMetricsCollector
from polymeter.registries import SharedRegistry
from polymeter.sources import ProcessSource

def figures():
    with open("/proc/self/statm") as file:
        return os.getpid(), int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), sum(os.times()[:2])

registry = SharedRegistry("binders", directory=sys.argv[1])
metrics = Metrics(registry=registry).watch(ProcessSource())
metrics.collect(RuntimeMetricsCollector()).collect(MemoryMetricsCollector())
metrics.snapshot()
go, told = os.pipe(), os.pipe()
child = os.fork()
if not child:
    ballast = b"x" * 40_000_000
    while time.process_time() < 0.2:
        pass
    metrics.snapshot()
    os.write(told[1], json.dumps(figures()).encode())
    os.read(go[0], 1)
    os._exit(0)
other = json.loads(os.read(told[0], 1000))
own = figures()
registry.snapshot()
metrics.snapshot()
names = ("process.resident_memory_bytes", "process.cpu_seconds", "process.start_time_seconds", "memory.peak_bytes")
found = [[each.value for each in registry.find(name)] for name in names]
own_start = metrics.registry.own.total("process.start_time_seconds")
os.write(go[1], b".")
os.waitpid(child, 0)
metrics.close()
registry.close()
print(json.dumps([found, own, other, own_start]))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code, tmp_path],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ((resident,), (cpu,), (start,), (peak,)), own, other, own_start = json.loads(done.stdout)
    assert resident == pytest.approx(own[1] + other[1], rel=0.05)
    assert cpu == pytest.approx(own[2] + other[2], abs=0.1)
    assert start == own_start
    assert peak == pytest.approx(other[1], rel=0.05)


def test_both_readings_agree():
    metrics = Metrics().watch(RuntimeSource(disks=["/"]))
    metrics.collect(RuntimeMetricsCollector()).collect(RuntimeSemconvMetricsCollector())
    metrics.collect(MemoryMetricsCollector())
    metrics.snapshot()
    metrics.snapshot()
    metrics.close()
    total = metrics.registry.total
    assert total("process.cpu.time") == pytest.approx(total("process.cpu_seconds"))
    assert total("process.memory.usage") == total("process.resident_memory_bytes") == total("memory.usage_bytes")
    assert total("process.context_switches") == total("process.voluntary_context_switches") + total(
        "process.involuntary_context_switches"
    )
    assert total("cpython.gc.collections") == total("python.gc.collections")
    assert total("system.filesystem.usage") == total("system.filesystem.limit") == total("disk.total_bytes")
