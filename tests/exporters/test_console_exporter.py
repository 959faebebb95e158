"""ConsoleExporter: a table for humans."""

from __future__ import annotations

import io
import math

import pytest

from polymeter.contracts import CanExportMetrics
from polymeter.data import Counter, Distribution, Gauge, Histogram, Snapshot, Timer
from polymeter.errors import DefinitionError
from polymeter.exporters import ConsoleExporter, JsonLinesExporter, LogfmtExporter
from polymeter.metrics import Metrics

METRICS = [
    Counter("polymeter.exports", 2, {"result": "ok"}),
    Timer("wait_ms", Distribution.of([0.01, 0.02, 0.03]), {"model": "a"}),
    Counter("jobs.done", 12, {"queue": "b"}),
    Counter("jobs.done", 3, {"queue": "a"}),
    Gauge("temperature", 21.25),
]
TABLE = """\
metric             tags         value  count  mean      p50  p99  max  unit
jobs.done          queue="a"        3
jobs.done          queue="b"       12
temperature                     21.25
wait_ms            model="a"               3    20  19.9363   30   30  ms
polymeter.exports  result="ok"      2
"""


def table_of(metrics):
    stream = io.StringIO()
    ConsoleExporter(stream).export(metrics)
    return stream.getvalue()


@pytest.mark.parametrize("order", [1, -1])
def test_the_table_is_aligned_and_ordered_by_name_and_tags_with_our_own_last(order):
    assert table_of(Snapshot(METRICS[::order])) == TABLE


def test_a_single_observation_in_its_unit_in_full():
    assert table_of([Timer("wait_ms", 12.5)]) == (
        "metric   count  mean   p50   p99   max  unit\nwait_ms      1  12.5  12.5  12.5  12.5  ms\n"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234567.891, "1234568"), (2.0, "2"), (0.1234567, "0.123457"), (math.nan, "-"), (10**20, "1" + "0" * 20)],
)
def test_numbers_are_short_and_keep_all_digits_before_the_point(value, shown):
    assert table_of([Gauge("level", value)]).split()[-1] == shown


def test_nothing_is_written_of_nothing():
    assert not table_of([])


def test_no_name_or_tag_can_move_the_cursor_or_make_a_line():
    text = table_of([Counter("a\nb\x1b[2J", 1, {"t": "\x1b\r\n\u2028"}), Histogram("h", 1)])
    assert len(text.splitlines()) == 3
    assert all(line.isprintable() for line in text.splitlines())


def test_standard_output_is_looked_up_when_exported(capsys):
    exporter = ConsoleExporter()
    exporter.export([Gauge("level", 5)])
    assert capsys.readouterr().out == "metric  value\nlevel       5\n"


def test_a_stream_that_cannot_write_a_character_gets_a_question_mark():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii", newline="")
    ConsoleExporter(stream).export([Gauge("é", 5)])
    assert raw.getvalue() == b"metric  value\n?           5\n"


@pytest.mark.parametrize("make", [ConsoleExporter, JsonLinesExporter, LogfmtExporter])
def test_each_keeps_the_contract_and_writes_differences_when_asked(make):
    assert isinstance(make(io.StringIO()), CanExportMetrics)
    assert make(io.StringIO()).temporality == "cumulative"
    totals, differences = io.StringIO(), io.StringIO()
    metrics = Metrics().export_to(make(totals)).export_to(make(differences, temporality="delta"))
    for increment in (3, 4):
        metrics.registry.counter("jobs.done", increment=increment)
        metrics.registry.timer("wait_ms", 5)
        for stream in (totals, differences):
            stream.truncate(stream.seek(0))
        metrics.export()
    [total] = [line for line in totals.getvalue().splitlines() if "jobs.done" in line]
    [difference] = [line for line in differences.getvalue().splitlines() if "jobs.done" in line]
    assert "7" in total.split("jobs.done")[1].split("start")[0]
    assert "4" in difference.split("jobs.done")[1].split("start")[0]
    metrics.close()


@pytest.mark.parametrize("make", [JsonLinesExporter, LogfmtExporter])
def test_what_is_neither_path_nor_stream_is_refused(make):
    with pytest.raises(DefinitionError, match="give a path or an open text stream"):
        make(7)


def test_json_lines_need_a_destination():
    with pytest.raises(DefinitionError, match="give a path"):
        JsonLinesExporter(None)
