"""Snapshot: the metrics of one moment, one per kind, name and tags."""

from __future__ import annotations

import pytest

from polymeter.data import Counter, Gauge, Histogram, MetricDefinition, Snapshot, Tags, Timer, UpDownCounter
from polymeter.errors import InvalidMetricError
from tests.strategies import twins_of


def test_metrics_of_one_identity_are_folded():
    snapshot = Snapshot([Counter("a", 1), Gauge("a", 5), Counter("a", 2, {"x": 1}), Counter("a", 10)])
    assert list(snapshot) == [Counter("a", 11), Gauge("a", 5), Counter("a", 2, {"x": 1})]
    assert len(snapshot) == 3


def test_any_iterable_makes_a_snapshot_and_a_snapshot_is_returned_as_it_is():
    snapshot = Snapshot.of(metric for metric in [Counter("a", 1), Counter("a", 2)])
    assert list(snapshot) == [Counter("a", 3)]
    assert Snapshot.of(snapshot) is snapshot
    assert len(Snapshot.of([])) == 0


def test_metrics_are_found_by_name_and_by_identity():
    a, b, other = Counter("a", 1), Counter("a", 2, {"x": 1}), Timer("t", 1)
    snapshot = Snapshot([a, other, b])
    assert snapshot.by_name("a") == [a, b]
    assert snapshot.by_name("nothing") == []
    assert snapshot.names() == ["a", "t"]
    assert snapshot.get(b.key) is b
    assert snapshot.get(b.retagged({"x": 2}).key) is None
    snapshot.by_name("a").clear()
    assert snapshot.by_name("a") == [a, b]


def test_a_snapshot_says_where_it_comes_from():
    snapshot = Snapshot()
    assert (list(snapshot), snapshot.resource, snapshot.taken_at, snapshot.writer, snapshot.epoch) == ([], {}, 0, "", 0)
    definitions = {"a": MetricDefinition.of("a", "counter")}
    snapshot = Snapshot(definitions=definitions, resource=Tags({"host": "h"}), taken_at=5, writer="w", epoch=2)
    assert snapshot.definitions == definitions
    assert snapshot.resource == {"host": "h"}
    assert (snapshot.taken_at, snapshot.writer, snapshot.epoch) == (5, "w", 2)


def test_definitions_cannot_be_changed_from_outside():
    definitions = {"a": MetricDefinition.of("a", "counter")}
    snapshot = Snapshot(definitions=definitions)
    definitions.clear()
    assert list(snapshot.definitions) == ["a"]
    with pytest.raises(TypeError):
        snapshot.definitions["b"] = definitions


def test_more_metrics_can_be_merged_in():
    one = Snapshot([Counter("a", 1)], definitions={"a": MetricDefinition.of("a", "counter")}, taken_at=5, writer="w")
    both = one.plus([Counter("a", 2), UpDownCounter("b", -1)], {"b": MetricDefinition.of("b", "up_down")})
    assert list(both) == [Counter("a", 3), UpDownCounter("b", -1)]
    assert list(both.definitions) == ["a", "b"]
    assert (both.taken_at, both.writer) == (5, "w")
    assert list(one) == [Counter("a", 1)]


def test_some_metrics_can_be_put_in_place_of_others():
    one = Snapshot([Counter("a", 1), Counter("b", 1)], taken_at=5, writer="w")
    new = {metric.key: metric for metric in (Counter("b", 7), Gauge("b", 9))}
    replaced = one.replacing(new)
    assert list(replaced) == [Counter("a", 1), Counter("b", 7), Gauge("b", 9)]
    assert (replaced.taken_at, replaced.writer) == (5, "w")
    assert list(one) == [Counter("a", 1), Counter("b", 1)]


def test_metrics_of_one_identity_and_two_units_are_refused():
    with pytest.raises(InvalidMetricError, match=r"cannot merge histogram x .*\(ms\) with histogram x .*\(s\)"):
        Snapshot([Histogram("x", 1, unit="ms"), Histogram("x", 1, unit="s")])


def test_a_snapshot_can_be_pickled_and_copied():
    snapshot = Snapshot(
        [Counter("a", 1, {"x": True}), Timer("t", 5)],
        definitions={"a": MetricDefinition.of("a", "counter", domains={"x": [True, False]})},
        resource=Tags({"host": "h"}),
        taken_at=5,
        writer="w",
        epoch=2,
    )
    for twin in twins_of(snapshot):
        assert list(twin) == list(snapshot)
        assert twin.definitions == snapshot.definitions
        assert (twin.resource, twin.taken_at, twin.writer, twin.epoch) == ({"host": "h"}, 5, "w", 2)


def test_the_text_says_how_much_is_in_it():
    assert repr(Snapshot([Counter("a")], taken_at=5)) == "<Snapshot of 1 metrics at 5>"
