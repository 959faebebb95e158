"""Slices: a body is made while it is sent, a little at a time, of the state at one moment."""

from __future__ import annotations

import pytest

from polymeter.data import Snapshot
from polymeter.exporters import PrometheusExporter
from polymeter.registries import AggregatingRegistry
from tests.exporters.prometheus_messages import PROTOBUF, samples
from tests.exporters.prometheus_reading import OPENMETRICS, body
from tests.exporters.prometheus_reading import samples as text_samples

ACCEPTS = ["", OPENMETRICS, "text/plain;version=1.0.0;escaping=values", PROTOBUF]
MOST_BYTES = 80_000
"""Of a slice; a body of the registry below is more than that many times."""


@pytest.fixture(scope="module")
def registry():
    """Give a registry of many series."""
    registry = AggregatingRegistry(budget=1_000)
    for number in range(800):
        registry.timer("wait_ms", number, {"route": f"/{number}"})
        registry.counter("calls", {"route": f"/{number}"})
    return registry


@pytest.fixture
def exporter(registry):
    exporter = PrometheusExporter(created=True)
    exporter.attach(registry.snapshot)
    return exporter


@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_body_comes_in_many_slices_none_of_them_large(exporter, accept):
    slices = list(exporter.exposition(accept))
    assert max(map(len, slices)) < MOST_BYTES < sum(map(len, slices)) / 2
    assert len(slices) > 10
    # A line or more for each series, so that is a bound for series too.
    assert accept is PROTOBUF or max(each.count(b"\n") for each in slices) < 600


@pytest.mark.parametrize("accept", ACCEPTS)
def test_slices_together_are_the_whole(exporter, accept):
    whole = body(exporter, accept)
    found = samples(whole) if accept is PROTOBUF else text_samples(whole.decode().removesuffix("# EOF\n"))
    assert sum(value for (name, _), value in found.items() if name == "wait_seconds_count") == 800
    assert sum(value for (name, _), value in found.items() if name == "calls_total") == 800


def test_nothing_is_read_before_the_first_slice_and_all_of_it_then():
    reads = []
    registry = AggregatingRegistry()

    def read():
        reads.append(1)
        return registry.snapshot()

    exporter = PrometheusExporter()
    exporter.attach(read)
    exposition = exporter.exposition()
    slices = iter(exposition)
    registry.counter("calls")
    assert reads == []
    assert next(slices) == b""
    assert reads == [1]
    registry.counter("calls")
    assert b"calls_total 1\n" in b"".join(slices)
    assert reads == [1]
    # Another look at the same exposition is another body.
    assert b"calls_total 2\n" in b"".join(exposition)
    assert reads == [1, 1]


def test_bodies_can_be_made_side_by_side(exporter):
    one, other = iter(exporter.exposition()), iter(exporter.exposition(OPENMETRICS))
    texts = [b"", b""]
    for left, right in zip(one, other, strict=False):
        texts[0] += left
        texts[1] += right
    texts[0] += b"".join(one)
    texts[1] += b"".join(other)
    assert texts[1].endswith(b"# EOF\n")
    assert texts[0].count(b"\nwait_seconds_count{") == texts[1].count(b"\nwait_seconds_count{") == 800


def test_what_the_reader_raises_is_raised_by_the_first_slice():
    def fail() -> Snapshot:
        raise OSError("no state")

    exporter = PrometheusExporter()
    exporter.attach(fail)
    slices = iter(exporter.exposition())
    with pytest.raises(OSError, match="no state"):
        next(slices)


@pytest.mark.parametrize(
    ("names", "families"),
    [
        (["calls_total"], {"calls_total"}),
        (["calls"], {"calls_total"}),
        (["wait_seconds"], {"wait_seconds"}),
        (["wait_seconds_bucket"], {"wait_seconds"}),
        (["wait_seconds_count", "calls_total"], {"wait_seconds", "calls_total"}),
        ("calls_total", {"calls_total"}),
        (["target_info"], {"target_info"}),
        (["nothing"], set()),
        ([], {"wait_seconds", "calls_total", "target_info"}),
    ],
)
def test_only_families_that_were_asked_for_are_rendered(names, families):
    registry = AggregatingRegistry(resource={"host": "h"})
    registry.timer("wait_ms", 5)
    registry.counter("calls")
    exporter = PrometheusExporter()
    exporter.attach(lambda: Snapshot([*registry.all()], resource=registry.resource))
    text = body(exporter, names=names).decode()
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == families
    assert body(exporter, OPENMETRICS, names=names).endswith(b"# EOF\n")


def test_the_resource_can_be_left_out():
    registry = AggregatingRegistry(resource={"host": "h"})
    exporter = PrometheusExporter(target_info=False)
    exporter.attach(registry.snapshot)
    assert "target_info" not in exporter.render()
