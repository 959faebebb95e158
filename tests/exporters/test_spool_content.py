"""What is in a file of the spool: a snapshot comes back as it was, and no bytes do anything but that or raise."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, MetricDefinition, Snapshot, Tags, Timer
from polymeter.data.packing import Identity, pack_identity, pack_state, types_of, unpack_state
from polymeter.exporters.spool.content import VERSION, DamagedError, ForeignVersionError, packed, unpacked
from polymeter.frames import frame
from tests.strategies import KINDS, any_tags, points, same

EXAMPLE = Snapshot(
    [Counter("jobs.done", 3, {"queue": f"q{number}"}, start=1.0, timestamp=2.0) for number in range(20)],
    definitions={"jobs.done": MetricDefinition.of("jobs.done", "counter", help="Jobs.")},
    resource=Tags.of({"service.name": "shop"}),
    taken_at=2.0,
    writer="w",
)


@st.composite
def snapshots(draw):
    """Give a snapshot of a few metrics of any kind."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=5))
    metrics = [draw(points(kind)).metric() for kind in kinds]
    return Snapshot(
        {metric.key: metric for metric in metrics}.values(),
        resource=Tags.of(draw(any_tags)),
        taken_at=draw(st.floats(0, 2e9)),
        writer=draw(st.text(max_size=5)),
        epoch=draw(st.integers(0, 9)),
    )


@given(snapshots())
def test_a_snapshot_comes_back_as_it_was(snapshot):
    found = unpacked(packed(snapshot))
    assert found.missing == 0
    assert len(found.snapshot) == len(snapshot)
    for metric in snapshot:
        identity = Identity(pack_identity(metric.kind, metric.name, metric.tags, metric.unit), types_of(metric.tags))
        assert same(found.snapshot.get(metric.key), unpack_state(identity, pack_state(metric)), 0)
    for part in ("resource", "taken_at", "writer", "epoch"):
        assert getattr(found.snapshot, part) == getattr(snapshot, part)


def test_definitions_and_types_of_tags_come_back():
    size = Timer("jobs.duration_ms", 12.5, {"ok": True, "tries": 2, "share": 0.5}, start=1.0, timestamp=2.0)
    definition = MetricDefinition.of("jobs.duration_ms", "timer", help="How long.", buckets=[1, 10])
    found = unpacked(packed(Snapshot([size], definitions={definition.name: definition}))).snapshot
    assert found.definitions == {definition.name: definition}
    [back] = found
    assert back.tags.to_dict() == {"ok": True, "tries": 2, "share": 0.5}
    assert isinstance(back.tags["ok"], bool)


def test_what_happened_before_comes_back_as_differences_do():
    now = Snapshot([Counter("a", 5, start=1.0, timestamp=9.0)], writer="w").since(
        Snapshot([Counter("a", 3, start=1.0, timestamp=4.0)], writer="w")
    )
    [back] = unpacked(packed(now)).snapshot
    assert (back.value, back.start, back.timestamp) == (2, 4.0, 9.0)


def test_bytes_that_are_damaged_cost_what_they_are_in_and_that_is_counted():
    data = packed(EXAMPLE)
    chance = random.Random(7)
    for _ in range(100):
        broken = bytearray(data)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        found = unpacked(bytes(broken))
        assert len(found.snapshot) + found.missing == len(EXAMPLE)
        assert found.missing <= 1
        assert all(metric == EXAMPLE.get(metric.key) for metric in found.snapshot)
        assert found.snapshot.resource == EXAMPLE.resource


def test_a_file_that_ends_too_early_gives_what_is_whole():
    data = packed(EXAMPLE)
    for length in range(0, len(data), 7):
        try:
            found = unpacked(data[:length])
        except DamagedError:
            continue
        assert len(found.snapshot) + found.missing == len(EXAMPLE)
    with pytest.raises(DamagedError):
        unpacked(data[:50])


@given(st.binary(max_size=300))
def test_any_bytes_are_damage(data):
    with pytest.raises(DamagedError):
        unpacked(data)


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"{}", b'{"version": 1}', b'{"version": 1, "series": 1, "resource": 3, "types": 7}']
)
def test_a_header_of_no_sense_is_damage(header):
    with pytest.raises(DamagedError):
        unpacked(frame(1, header))


def test_a_series_of_no_sense_is_missing():
    data = packed(EXAMPLE) + frame(3, b"what is this") + frame(9, b"and this")
    found = unpacked(data)
    assert (len(found.snapshot), found.missing) == (len(EXAMPLE), 0)


def test_what_a_newer_version_has_written_is_its_own():
    header = json.dumps({"version": VERSION + 1, "anything": "new"}).encode()
    with pytest.raises(ForeignVersionError):
        unpacked(frame(1, header) + frame(77, b"..."))
