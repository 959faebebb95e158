"""The exporters that need no back end: null, callback and in memory."""

from __future__ import annotations

import math

import pytest

from polymeter.contracts import CanAttach, CanExportMetrics
from polymeter.data import Counter, Gauge, Snapshot, Timer
from polymeter.exporters import CallbackExporter, InMemoryExporter, LogExporter, NullExporter, PrometheusExporter

METRICS = [Counter("calls", 1), Gauge("level", 5), Counter("calls", 2)]
FOLDED = [Counter("calls", 3), Gauge("level", 5)]

each_shape = pytest.mark.parametrize(
    "shaped",
    [list, tuple, iter, Snapshot, lambda metrics: (metric for metric in metrics)],
    ids=["list", "tuple", "iterator", "snapshot", "generator"],
)
EXPORTERS = [
    NullExporter,
    lambda **kwargs: CallbackExporter(print, **kwargs),
    InMemoryExporter,
    LogExporter,
    PrometheusExporter,
]


@pytest.mark.parametrize("make", EXPORTERS)
def test_every_exporter_keeps_the_contract(make):
    exporter = make()
    assert isinstance(exporter, CanExportMetrics)
    assert exporter.temporality == "cumulative"
    assert isinstance(exporter, CanAttach) == isinstance(exporter, PrometheusExporter)


@pytest.mark.parametrize("make", [EXPORTERS[1], InMemoryExporter, LogExporter])
def test_push_exporters_give_totals_or_differences_by_choice(make):
    assert make(temporality="delta").temporality == "delta"


@each_shape
def test_null_takes_everything(shaped):
    assert NullExporter().export(shaped(METRICS)) is None


@each_shape
def test_callback_is_called_with_a_folded_snapshot(shaped):
    seen = []
    CallbackExporter(seen.append).export(shaped(METRICS))
    [snapshot] = seen
    assert isinstance(snapshot, Snapshot)
    assert list(snapshot) == FOLDED


def test_callback_gives_a_snapshot_on_as_it_is():
    seen, snapshot = [], Snapshot(METRICS, writer="w")
    CallbackExporter(seen.append).export(snapshot)
    assert seen[0] is snapshot


def test_what_a_callback_raises_passes_through():
    def fail(_):
        raise ConnectionError("no way")

    with pytest.raises(ConnectionError, match="no way"):
        CallbackExporter(fail).export(METRICS)


@each_shape
def test_in_memory_keeps_folded_snapshots(shaped):
    exporter = InMemoryExporter()
    exporter.export(shaped(METRICS))
    assert list(exporter.last) == FOLDED
    assert len(exporter.snapshots) == 1


def test_in_memory_keeps_the_last_ones_in_order():
    exporter = InMemoryExporter(keep=2)
    for number in range(4):
        exporter.export([Counter("calls", number)])
    assert [list(each) for each in exporter.snapshots] == [[Counter("calls", 2)], [Counter("calls", 3)]]
    assert list(exporter.last) == [Counter("calls", 3)]


def test_in_memory_has_an_empty_last_snapshot_before_the_first_and_after_a_clear():
    exporter = InMemoryExporter()
    assert list(exporter.last) == []
    exporter.export([Timer("t", 1)])
    exporter.clear()
    assert list(exporter.last) == []
    assert not exporter.snapshots


@pytest.mark.parametrize("make", [NullExporter, InMemoryExporter, LogExporter, PrometheusExporter])
def test_nothing_at_all_can_be_exported(make):
    make().export([])
    make().export([Gauge("never.set", math.nan)])
