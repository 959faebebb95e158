"""JsonLinesExporter, and how it and LogfmtExporter append to a file."""

from __future__ import annotations

import io
import json
import math
import os
import threading

import pytest

from polymeter.data import Counter, Gauge, Snapshot, Tags, Timer
from polymeter.exporters import JsonLinesExporter, LogfmtExporter
from polymeter.metrics import Metrics

METRICS = [Counter("calls", 3, {"model": "é\n\u2028\ud800"}), Gauge("level", math.nan), Timer("wait_ms", 12.5)]

each_kind = pytest.mark.parametrize("make", [JsonLinesExporter, LogfmtExporter])


def refuse(constant):
    pytest.fail(f"{constant} is not JSON")


def read(path):
    return [json.loads(line, parse_constant=refuse) for line in path.read_bytes().decode().splitlines()]


def test_each_metric_is_one_strict_object_with_its_plain_values_and_where_it_is_from(tmp_path):
    path = tmp_path / "metrics.jsonl"
    JsonLinesExporter(path).export(Snapshot(METRICS, taken_at=5.5, resource=Tags.of({"service": "s"}), writer="w"))
    counter, gauge, timer = read(path)
    assert counter == {
        "kind": "counter",
        "name": "calls",
        "tags": {"model": "é\n\u2028?"},
        "unit": "",
        "value": 3,
        "start": 0.0,
        "timestamp": 0.0,
        "taken_at": 5.5,
        "resource": {"service": "s"},
        "writer": "w",
    }
    assert gauge["value"] is None
    assert (timer["count"], timer["p99"], timer["unit"]) == (1, 12.5, "ms")


def test_a_stream_gets_one_write_per_export():
    writes = []

    class Stream(io.StringIO):
        def write(self, text):
            writes.append(text)
            return super().write(text)

    JsonLinesExporter(Stream()).export(METRICS)
    assert [text.count("\n") for text in writes] == [3]


@each_kind
def test_exports_are_appended_and_nothing_at_all_makes_no_file(tmp_path, make):
    path = tmp_path / "metrics"
    exporter = make(str(path))
    exporter.export([])
    assert not path.exists()
    path.write_text("before\n")
    exporter.export(METRICS[:1])
    exporter.export(METRICS[:1])
    first, second, third = path.read_text("utf-8").splitlines()
    assert (first, second) == ("before", third)


@each_kind
def test_a_file_that_was_moved_away_is_made_anew(tmp_path, make):
    path = tmp_path / "metrics"
    exporter = make(path)
    exporter.export([Counter("old", 1)])
    path.rename(tmp_path / "metrics.1")
    exporter.export([Counter("new", 1)])
    assert "new" not in (tmp_path / "metrics.1").read_text("utf-8")
    assert path.read_text("utf-8").count("\n") == 1


@each_kind
def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch, make):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    exporter = make("metrics")
    monkeypatch.chdir(tmp_path / "elsewhere")
    exporter.export(METRICS)
    assert (tmp_path / "metrics").exists()


@each_kind
def test_a_failure_is_counted_and_the_next_export_carries_what_it_did_not(tmp_path, make):
    path = tmp_path / "missing" / "metrics"
    exporter = make(path, temporality="delta")
    with pytest.raises(FileNotFoundError):
        exporter.export(METRICS)
    metrics = Metrics().export_to(exporter)
    metrics.registry.counter("jobs.done", increment=41)
    metrics.close()
    [health] = metrics.health().exporters
    assert (health.succeeded, health.failed) == (0, 1)
    path.parent.mkdir()
    exporter.export(METRICS)
    assert path.read_bytes().count(b"\n") == len(METRICS)


def test_a_line_that_was_cut_off_stays_by_itself(tmp_path, monkeypatch):
    path = tmp_path / "metrics"
    exporter = JsonLinesExporter(path)
    with monkeypatch.context() as full:
        write = os.write
        full.setattr(os, "write", lambda fd, data: write(fd, data[:10]))  # a disk with room for ten bytes
        with pytest.raises(OSError, match="took 10 of"):
            exporter.export([Counter("calls", 1)])
    exporter.export([Counter("calls", 1)])
    torn, whole = path.read_text("utf-8").splitlines()
    assert len(torn) == 10
    assert json.loads(whole)["value"] == 1


@each_kind
def test_threads_and_forked_children_write_whole_lines(tmp_path, make):
    path = tmp_path / "metrics"
    exporter = make(path)
    tags = {"padding": "x" * 3000}
    barrier = threading.Barrier(2)

    def export():
        for number in range(50):
            exporter.export([Counter("calls", number, tags), Gauge("level", number, tags)])

    def together():
        barrier.wait()
        export()

    child = 0
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            try:
                export()
                os._exit(0)
            finally:
                os._exit(1)
    threads = [threading.Thread(target=together) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    expected = io.StringIO()
    exporter_of_one = make(expected)
    for number in range(50):
        exporter_of_one.export([Counter("calls", number, tags), Gauge("level", number, tags)])
    writers = 3 if child else 2
    assert sorted(path.read_text("utf-8").splitlines()) == sorted(expected.getvalue().splitlines() * writers)


@each_kind
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the open files are seen in /proc")  # noqa: PTH112
def test_no_file_stays_open(tmp_path, make):
    path = tmp_path / "metrics"
    make(path).export(METRICS)
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    assert str(path) not in [os.readlink(link) for link in links if os.path.islink(link)]  # noqa: PTH114, PTH115
