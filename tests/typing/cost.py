"""What our types promise of prices and of the collectors of each domain; read by `make check`, run by nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from polymeter import Metrics
from polymeter.collectors import (
    ABSENT,
    CostMetricsCollector,
    EmbeddingsMetricsCollector,
    GenAIMetricsCollector,
    MetricsCollector,
    RateLimitMetricsCollector,
    StructuredOutputMetricsCollector,
    measure,
)
from polymeter.cost import GenAIPrices, Price, PriceList, Prices, Rates
from polymeter.events.inference import InferenceCompleted
from polymeter.events.usage import Usage


class FromTheDatabase:
    """Anything with ``price_of`` knows prices."""

    def price_of(
        self, provider: str, model: str, *, response_model: str | None = None, at: float | None = None
    ) -> Price | None:
        """Look one up."""
        zero = Decimal(0)
        return Price(Rates(input=Decimal("1e-6"), cache_read=zero, cache_write=zero, output=zero, reasoning=zero))


def all_of_them_can_be_collected() -> None:
    """Each is a collector."""
    own: Prices = FromTheDatabase()
    table = {"my-model": {"input": 0.15, "output": 0.60}}
    (
        Metrics()
        .collect(GenAIMetricsCollector("both", chunks=False, exemplars="execution_id"))
        .collect(EmbeddingsMetricsCollector())
        .collect(RateLimitMetricsCollector())
        .collect(StructuredOutputMetricsCollector())
        .collect(CostMetricsCollector(own))
        .collect(CostMetricsCollector(table=table))
        .collect(CostMetricsCollector(PriceList(table, fallback=GenAIPrices())))
    )


def a_price_may_not_be_known() -> float | None:
    """Whoever asks has to look."""
    price = GenAIPrices().price_of("openai", "gpt-4o-mini")
    assert_type(price, Price | None)
    return None if price is None else price.of(Usage(input=800, cache_read=200, output=100))


def other_generations_are_an_error() -> None:
    """The names are a closed set."""
    GenAIMetricsCollector("old")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def server(event: InferenceCompleted) -> object:
    """Leave the tag out where there is nothing to say."""
    return event.server_address or ABSENT


class ByServer(MetricsCollector):
    """Such a callable is a tag like others."""

    calls = measure.counter("calls", on=InferenceCompleted, tags={"server": server})
