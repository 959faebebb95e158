"""CostMetricsCollector: what calls cost, and which of them nobody knows the cost of."""

from __future__ import annotations

import pytest

from polymeter import DefinitionError, Metrics
from polymeter.collectors import CostMetricsCollector
from polymeter.cost import PriceList
from polymeter.events.inference import Usage
from polymeter.testing import ManualClock
from tests.collectors.inference_script import ended, written

TABLE = {"gpt-demo": {"input": 2, "output": 8, "cache_read": 0.5}}
OF = {"model": "gpt-demo", "provider": "openai"}
MINI = {"model": "gpt-4o-mini", "provider": "openai"}


def measured(events, *prices, **options):
    metrics = Metrics(clock=ManualClock()).collect(CostMetricsCollector(*prices, **options))
    for event in events:
        metrics.events.dispatch(event)
    return metrics


def test_a_known_call_at_the_price_of_the_library():
    """800 fresh and 200 cached tokens in, 100 out: 0.00012 + 0.000015 + 0.00006 US dollars, to the last digit."""
    metrics = measured([ended(model="gpt-4o-mini", usage=Usage(input=800, cache_read=200, output=100))])
    assert written(metrics, "inference.cost_usd") == [(MINI, 0.000195)]
    assert written(metrics, "inference.cost_per_call_usd") == [(MINI, (1, 0.000195))]
    assert written(metrics, "inference.cost.unknown") == []


def test_calls_add_up():
    """Streams that were cancelled cost what they had used by then."""
    events = [
        ended(usage=Usage(input=1_000_000)),
        ended(usage=Usage(input=400_000, cache_read=600_000, output=50_000, reasoning=50_000)),
        ended(usage=Usage(output=1), outcome="cancelled"),
    ]
    metrics = measured(events, PriceList(TABLE))
    assert written(metrics, "inference.cost_usd") == [(OF, pytest.approx(2 + 0.8 + 0.3 + 0.8 + 8e-6, rel=1e-12))]
    assert written(metrics, "inference.cost_per_call_usd") == [(OF, (3, pytest.approx(3.900008)))]


def test_a_table_wins_over_the_library_which_knows_the_rest():
    events = [
        ended(model="gpt-4o-mini", usage=Usage(input=1_000_000)),
        ended(model="gpt-4.1-mini", usage=Usage(input=1_000_000)),
    ]
    metrics = measured(events, table={"gpt-4o-mini": {"input": 1, "output": 1}})
    assert written(metrics, "inference.cost_usd") == [
        ({"model": "gpt-4o-mini", "provider": "openai"}, 1),
        ({"model": "gpt-4.1-mini", "provider": "openai"}, 0.4),
    ]


def test_what_nobody_knows_is_counted_and_never_costs_nothing():
    """By what is missing; a call that failed before any answer owes nothing that is known."""
    events = [
        ended(model="my-own", usage=Usage(input=10)),
        ended(),
        ended(outcome="error", error_type="RateLimitError"),
        ended(streamed=True, outcome="error", time_to_first_chunk_ms=5),
        ended(streamed=True, outcome="abandoned", time_to_first_chunk_ms=5),
    ]
    metrics = measured(events, PriceList(TABLE))
    assert written(metrics, "inference.cost.unknown") == [
        ({"model": "my-own", "provider": "openai", "reason": "price"}, 1),
        ({**OF, "reason": "usage"}, 3),
    ]
    assert written(metrics, "inference.cost_usd") == written(metrics, "inference.cost_per_call_usd") == []
    assert metrics.health().is_well


def test_a_price_of_zero_is_a_price():
    metrics = measured([ended(usage=Usage(input=10))], PriceList({"gpt-demo": {"input": 0, "output": 0}}))
    assert written(metrics, "inference.cost_usd") == [(OF, 0)]
    assert written(metrics, "inference.cost.unknown") == []


def test_the_price_is_that_of_the_model_that_answered():
    """A deployment on Azure has a name of the user's own."""
    event = ended(
        provider="azure.ai.openai",
        model="my-deployment",
        response_model="gpt-4o-mini-2024-07-18",
        usage=Usage(input=1_000_000),
    )
    metrics = measured([event])
    assert written(metrics, "inference.cost_usd") == [({"model": "my-deployment", "provider": "azure.ai.openai"}, 0.15)]


def test_prices_are_asked_once_per_call_for_its_provider_models_and_time():
    asked = []

    class Prices:
        def price_of(self, provider, model, *, response_model=None, at=None):
            asked.append((provider, model, response_model, at))

    measured([ended(response_model="gpt-demo-1", at=12.5, usage=Usage(input=1)), ended()], Prices())
    assert asked == [("openai", "gpt-demo", "gpt-demo-1", 12.5)]


def test_prices_that_raise_are_counted_and_hurt_nobody():
    class Broken:
        def price_of(self, provider, model, *, response_model=None, at=None):
            raise LookupError

    metrics = measured([ended(usage=Usage(input=1))], Broken())
    invalid = metrics.health().registry.invalid_by
    assert {name for name, reason in invalid if reason == "getter"} == {
        "inference.cost_usd",
        "inference.cost_per_call_usd",
        "inference.cost.unknown",
    }


def test_a_table_that_cannot_be_read_is_refused_at_once():
    with pytest.raises(DefinitionError, match="price of 'gpt-demo'"):
        CostMetricsCollector(table={"gpt-demo": {"input": -1, "output": 1}})


def test_health_calls_it_by_its_name():
    metrics = Metrics().collect(CostMetricsCollector(PriceList({})))
    assert ["CostMetricsCollector" in each.listener for each in metrics.health().listeners] == [True]
