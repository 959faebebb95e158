"""A registry with filters is a plain one that is fed with what the filters make of each record."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polymeter import Kind, Metrics, context_tags
from polymeter.collectors import MetricsCollector, measure
from polymeter.data import Tags
from polymeter.registries import (
    AggregatingRegistry,
    CompositeRegistry,
    InMemoryRegistry,
    SharedRegistry,
    WindowedRegistry,
)
from polymeter.registries.filters import FilterChain, MetricId
from tests.registries.filtering import NAMES, TAGS, chains, meant, record_into, records, some_tags, sums
from tests.strategies import FEWER

REGISTRIES = {
    "aggregating": AggregatingRegistry,
    "in_memory": InMemoryRegistry,
    "windowed": WindowedRegistry,
    "composite": lambda filters: CompositeRegistry(AggregatingRegistry(), InMemoryRegistry(), filters=filters),
    "composite of filtered": lambda filters: CompositeRegistry(WindowedRegistry(filters=filters), InMemoryRegistry()),
}
many_records = st.lists(records, max_size=20)


def expected_of(chain, made):
    expected: dict[Any, float] = {}
    denied = 0
    for record in made:
        kept = meant(chain, record)
        if kept is None:
            denied += 1
        elif record.amount:
            key = (kept[0], tuple(sorted(kept[1].items())))
            expected[key] = expected.get(key, 0) + record.amount
    return expected, denied


@pytest.mark.parametrize("make", REGISTRIES.values(), ids=REGISTRIES.keys())
@given(chain=chains, made=many_records)
@FEWER
def test_records_go_where_the_filters_say_and_every_record_counts_once(make, chain, made):
    registry = make(filters=chain)
    for record in made:
        record_into(registry, record)
    expected, denied = expected_of(chain, made)
    assert sums(registry) == expected
    health = registry.health()
    assert (health.applied, health.denied, dict(health.invalid_by)) == (len(made) - denied, denied, {})


@given(chain=chains, made=many_records)
@FEWER
def test_a_budget_folds_what_it_would_fold_without_filters(chain, made):
    filtered, plain = AggregatingRegistry(budget=2, filters=chain), AggregatingRegistry(budget=2)
    for record in (*made, *made):
        record_into(filtered, record._replace(is_bound=False))
        context = dict(Tags.of(record.context).canonical)
        # In the order of tags that filters give: of two labels that vary alike, the first is folded.
        kept = filtered.filters.resolve(Kind.COUNTER, record.name, Tags.of(record.tags), context)
        if kept is not None:
            plain.counter(kept.name, kept.tags, record.amount)
    assert sums(filtered) == sums(plain)
    assert folded(filtered) == folded(plain)


def folded(registry):
    return {metric.tags["metric"]: metric.value for metric in registry.snapshot().by_name("polymeter.records.folded")}


@given(chain=chains, made=many_records, order=st.randoms(use_true_random=False))
@FEWER
def test_the_order_of_records_and_of_first_uses_does_not_matter(chain, made, order):
    one, other = AggregatingRegistry(filters=chain), AggregatingRegistry(filters=chain)
    shuffled = [*made, *made]
    order.shuffle(shuffled)
    for record in (*made, *made):
        record_into(one, record)
    for record in shuffled:
        record_into(other, record)
    assert sums(one) == sums(other)
    assert one.health().denied_by == other.health().denied_by


@given(chain=chains, made=many_records)
@settings(FEWER, deadline=None)
def test_processes_that_share_a_registry_agree(chain, made):
    with TemporaryDirectory() as folder:
        one = SharedRegistry("app", directory=folder, interval=60, filters=chain)
        other = SharedRegistry("app", directory=folder, interval=60, filters=chain)
        for number, record in enumerate(made):
            record_into((one, other)[number % 2], record)
        other.publish()
        expected, denied = expected_of(chain, made)
        assert sums(one) == expected
        assert one.health().denied + other.health().denied == denied
        one.close()
        other.close()


@dataclass(slots=True, kw_only=True)
class Happened:
    k: Any
    l: Any  # noqa: E741 - a tag's name
    m: Any
    amount: int


class Declared(MetricsCollector):
    a = measure.counter("a", on=Happened, value="amount", tags=TAGS)
    a_b = measure.counter("a.b", on=Happened, value="amount", tags=TAGS)
    b_c = measure.counter("b.c", on=Happened, value="amount", tags=("k",))


@pytest.mark.parametrize("make", REGISTRIES.values(), ids=REGISTRIES.keys())
@given(chain=chains, made=many_records)
@FEWER
def test_rows_of_compiled_collectors_go_where_records_by_name_do(make, chain, made):
    rows, by_name = Metrics(registry=make(filters=chain)), make(filters=chain)
    rows.collect(Declared())
    for record in made:
        tags = {name: record.tags.get(name) for name in TAGS}
        event = record._replace(tags=tags, is_bound=False)
        with context_tags(record.context):
            rows.events.dispatch(Happened(**tags, amount=record.amount))
        for name in NAMES:
            record_into(by_name, event._replace(name=name, tags=tags if name != "b.c" else {"k": tags["k"]}))
    assert sums(rows.registry) == sums(by_name)
    assert rows.registry.health().denied_by == by_name.health().denied_by


@pytest.mark.parametrize("make", [AggregatingRegistry, WindowedRegistry], ids=["aggregating", "windowed"])
@given(chain=chains, domain=st.dictionaries(st.sampled_from(TAGS), st.just(("x", "y", 1)), min_size=1))
@FEWER
def test_declared_domains_exist_from_the_start_under_the_names_that_their_records_would_get(make, chain, domain):
    registry, recorded = make(filters=chain), make(filters=chain)
    registry.define("a", "counter", domains=domain)
    combinations = [{}]
    for name, values in domain.items():
        combinations = [{**each, name: value} for each in combinations for value in values]
    for tags in combinations:
        recorded.counter("a", tags, 0)
    keys = {(metric.name, metric.tags) for metric in recorded.all()}
    assert {(metric.name, metric.tags) for metric in registry.all()} == keys
    registry.clear()
    assert {(metric.name, metric.tags) for metric in registry.all()} == keys


@given(chain=chains, name=st.sampled_from(NAMES), tags=some_tags, context=some_tags)
def test_a_trace_ends_where_the_record_goes(chain, name, tags, context):
    filters, metric = FilterChain(chain), MetricId(Kind.COUNTER, name, Tags.of(tags))
    hops = filters.trace("counter", name, tags, context)
    kept = filters.resolve(*metric, dict(Tags.of(context).canonical))
    if any(hop.is_denial for hop in hops):
        assert kept is None
    else:
        mapped = [hop.after for hop in hops if hop.stage == "map"]
        assert kept == (mapped[-1] if mapped else metric)
