"""Filters where the processes of many machines share a registry."""

from __future__ import annotations

from polymeter import context_tags
from polymeter.registries.filters import ContextTags, Deny, DropTags, RenameMetric

FILTERS = [RenameMetric("a.*", "b.*"), DropTags("user"), Deny("b.debug"), ContextTags("tenant")]


def test_processes_with_the_same_filters_agree(make):
    one, other = make(filters=FILTERS), make(filters=FILTERS)
    for registry in (one, other):
        registry.define("a.calls", "counter", help="Calls.")
    for number, registry in enumerate((one, other, one)):
        with context_tags(tenant="acme"):
            registry.counter("a.calls", {"user": number}, 2)
        registry.bind("counter", "a.debug").add()
        assert registry.flush()
    for registry in (one, other):
        assert [str(metric) for metric in registry.all()] == ['b.calls{tenant="acme"} 6']
        assert registry.snapshot().definitions["b.calls"].help == "Calls."
    assert [registry.health().denied_by for registry in (one, other)] == [{"a.debug": 2}, {"a.debug": 1}]
    denied = one.snapshot().by_name("polymeter.records.denied")
    assert sum(metric.value for metric in denied) == 3
    assert "polymeter.records.denied" in one.snapshot().definitions
