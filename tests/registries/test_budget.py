"""Too many series: where the records of new ones go, and that none is lost."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import DefinitionError
from polymeter.registries import AggregatingRegistry, WindowedRegistry


def test_new_values_beyond_the_budget_are_counted_under_other(clock):
    """Those that came first keep their series; nothing is lost."""
    registry = AggregatingRegistry(clock=clock, budget=10)
    for user in range(1000):
        registry.counter("calls", {"user": f"u{user}"})
    registry.counter("calls", {"user": "u3"})
    assert registry.total("calls") == 1001
    assert registry.get("calls", {"user": "u3"}).value == 2
    assert registry.get("calls", {"user": "__other__"}).value == 990
    assert len(registry) == 11


def test_only_the_label_that_explodes_is_folded(clock):
    """The others still tell records apart."""
    registry = AggregatingRegistry(clock=clock, budget=20)
    for user in range(500):
        registry.counter("calls", {"user": user, "ok": user % 2 == 0})
    folded = {metric.tags["ok"]: metric.value for metric in registry.find("calls", {"user": "__other__"})}
    assert folded == {True: 240, False: 240}
    assert registry.total("calls", {"ok": True}) == 250


def test_each_metric_has_a_budget_of_its_own(clock):
    """A definition may say how large."""
    registry = AggregatingRegistry(clock=clock, budget=10)
    registry.define("wide", "counter", budget=100)
    for number in range(100):
        registry.counter("wide", {"n": str(number)})
        registry.counter("narrow", {"n": str(number)})
    assert len(registry.find("wide")) == 100
    assert len(registry.find("narrow")) == 11


@pytest.mark.parametrize("registry_class", [AggregatingRegistry, WindowedRegistry])
def test_one_line_tells_which_label_of_which_metric_explodes(registry_class, clock, caplog):
    """With one of its values, to find out where they come from."""
    registry = registry_class(clock=clock, budget=10)
    with caplog.at_level(logging.WARNING):
        for user in range(100):
            registry.counter("calls", {"user": f"u{user}"})
    [record] = caplog.records
    assert "'calls' has reached its budget of 10 series" in record.getMessage()
    assert "'user'" in record.getMessage()
    assert "'u10'" in record.getMessage()


def test_a_log_that_fails_costs_no_record(clock, monkeypatch):
    """A filter of the user's may do anything."""

    def fail(_record):
        raise ValueError

    monkeypatch.setattr(logging.getLogger("polymeter.registries"), "filters", [fail])
    registry = AggregatingRegistry(clock=clock, budget=10)
    for user in range(100):
        registry.counter("calls", {"user": user})
    assert (registry.total("calls"), registry.health().invalid) == (100, 0)


def test_a_self_metric_counts_what_was_folded(clock):
    """By metric and label."""
    registry = AggregatingRegistry(clock=clock, budget=10)
    for user in range(100):
        registry.counter("calls", {"user": f"u{user}"})
    [folded] = registry.snapshot().by_name("polymeter.records.folded")
    assert (folded.value, folded.tags) == (90, {"metric": "calls", "label": "user", "example": "u10"})


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_of_nothing_is_an_error(budget):
    """Which names it."""
    with pytest.raises(DefinitionError, match=f"budget of {budget} series: give 1 or more"):
        AggregatingRegistry(budget=budget)


@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 3), max_size=300),
    st.integers(1, 30),
)
def test_whatever_explodes_totals_are_exact_and_series_bounded(records, budget):
    """With any number of labels that take ever new values."""
    registry = AggregatingRegistry(budget=budget)
    for values in records:
        registry.counter("calls", dict(zip("abc", map(str, values), strict=True)))
    assert registry.total("calls") == sum(metric.value for metric in registry.find("calls")) == len(records)
    assert len(registry) <= budget + max(10, budget // 10) + 1


def test_declared_domains_exist_from_the_start_at_zero(clock):
    """And after a clear."""
    registry = AggregatingRegistry(clock=clock)
    registry.define("turns", "counter", domains={"ok": (True, False), "model": ("a", "b")})
    assert [(str(metric.tags), metric.value) for metric in registry.find("turns")] == [
        ('model="a",ok="true"', 0),
        ('model="b",ok="true"', 0),
        ('model="a",ok="false"', 0),
        ('model="b",ok="false"', 0),
    ]
    registry.counter("turns", {"model": "a", "ok": True})
    registry.clear()
    assert [metric.value for metric in registry.find("turns")] == [0, 0, 0, 0]


def test_declared_domains_beyond_the_budget_are_refused(clock):
    """With the numbers."""
    registry = AggregatingRegistry(clock=clock, budget=10)
    with pytest.raises(DefinitionError, match="declares 16 combinations of tag values, more than its budget of 10"):
        registry.define("turns", "counter", domains={"a": range(4), "b": range(4)})
    registry.clear()
    assert "turns" not in registry.snapshot().definitions
