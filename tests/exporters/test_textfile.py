"""TextfileExporter: at any moment one whole export, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from polymeter import MetricDefinition, Metrics
from polymeter.data import Counter, Gauge
from polymeter.errors import DefinitionError
from polymeter.exporters import PrometheusExporter, TextfileExporter
from tests.interpreter import answer_of

METRICS = [Counter("jobs.done", 3, {"queue": "é"}), Gauge("level", 1.5)]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_the_text_that_prometheus_scrapes_and_the_next_export_replaces_it(tmp_path):
    exporter = TextfileExporter(tmp_path / "jobs.prom")
    assert (exporter.temporality, exporter.is_quick) == ("cumulative", True)
    exporter.export(METRICS)
    exporter.export(METRICS[:1])
    assert (tmp_path / "jobs.prom").read_bytes() == PrometheusExporter().render(METRICS[:1]).encode()
    assert names_in(tmp_path) == ["jobs.prom"]


def test_no_metrics_make_an_empty_file(tmp_path):
    exporter = TextfileExporter(str(tmp_path / "jobs.prom"))
    exporter.export(METRICS)
    exporter.export([])
    assert (tmp_path / "jobs.prom").read_bytes() == b""


@pytest.mark.parametrize("name", ["jobs.txt", "jobs", "jobs.prom.gz", ".prom", "jobs.PROM", ""])
def test_a_name_that_nobody_would_read_is_refused(tmp_path, name):
    with pytest.raises(DefinitionError, match="node_exporter"):
        TextfileExporter(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_others_may_read_it_unless_the_umask_forbids(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        TextfileExporter(tmp_path / "jobs.prom").export(METRICS)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "jobs.prom").stat().st_mode) == mode


def test_a_folder_that_is_missing_fails_the_export_until_it_is_there(tmp_path):
    exporter = TextfileExporter(tmp_path / "later" / "jobs.prom")
    with pytest.raises(FileNotFoundError):
        exporter.export(METRICS)
    (tmp_path / "later").mkdir()
    exporter.export(METRICS)
    assert names_in(tmp_path / "later") == ["jobs.prom"]


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch, step, error):
    exporter = TextfileExporter(tmp_path / "jobs.prom", fsync=True)
    exporter.export(METRICS)
    before = (tmp_path / "jobs.prom").read_bytes()

    def fail(*args, **options):
        raise error

    if step == "write":
        monkeypatch.setattr(exporter, "_write", lambda path, body: (path.write_bytes(body[:5]), fail()))
    elif step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(type(error)):
        exporter.export(METRICS[:1])
    assert (tmp_path / "jobs.prom").read_bytes() == before
    assert names_in(tmp_path) == ["jobs.prom"]


def test_a_folder_in_its_place_is_left_alone(tmp_path):
    (tmp_path / "jobs.prom").mkdir()
    with pytest.raises(OSError, match=r"jobs\.prom"):
        TextfileExporter(tmp_path / "jobs.prom").export(METRICS)
    assert names_in(tmp_path) == ["jobs.prom"]


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    exporter = TextfileExporter("jobs.prom")
    monkeypatch.chdir(tmp_path / "elsewhere")
    exporter.export(METRICS)
    assert (tmp_path / "jobs.prom").exists()


def test_a_reader_beside_two_writing_processes_never_sees_half_a_file(tmp_path):
    path = tmp_path / "jobs.prom"
    padding = "x" * 100_000

    def write(number):
        script = f"""
from polymeter.data import Counter
from polymeter.exporters import TextfileExporter
exporter = TextfileExporter({str(path)!r})
for _ in range(150):
    exporter.export([Counter("jobs.done", {number}, dict(padding="x" * 100_000))])
print(0)
"""
        assert answer_of(script) == 0

    whole = {
        PrometheusExporter().render([Counter("jobs.done", each, {"padding": padding})]).encode() for each in (1, 2)
    }
    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        with suppress(FileNotFoundError):  # before the first export
            seen.add(path.read_bytes())
    for writer in writers:
        writer.join()
    assert seen
    assert seen <= whole
    assert path.read_bytes() in whole
    assert names_in(tmp_path) == ["jobs.prom"]


def test_beside_metrics_it_is_written_by_each_export(tmp_path):
    metrics = Metrics().export_to(TextfileExporter(tmp_path / "jobs.prom"))
    metrics.registry.counter("jobs.done", increment=2)
    metrics.close()
    assert "jobs_done_total 2" in (tmp_path / "jobs.prom").read_text("utf-8").splitlines()


def test_names_are_those_of_prometheus(tmp_path):
    exporter = TextfileExporter(tmp_path / "jobs.prom")
    assert exporter.names(MetricDefinition.of("jobs.done", "counter")) == ("jobs_done_total",)
    assert repr(exporter) == f"TextfileExporter({str(tmp_path / 'jobs.prom')!r})"
