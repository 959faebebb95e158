"""CostMetricsCollector: what LLM calls cost, in US dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.cost import GenAIPrices, PriceList
from polymeter.events.inference import InferenceCompleted

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics
    from polymeter.cost import Prices
    from polymeter.cost.price_list import PriceTable
    from polymeter.subscription import Subscription

__all__ = ["CostMetricsCollector"]

_OF: Final = ("model", "provider")
_BOUNDS: Final = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class CostMetricsCollector:
    """Cost by model and provider, and the calls whose cost nobody knows: those are counted, and never cost 0.

    The price is that of the model that answered, if the provider says which it was, and holds at the time of the call.
    """

    def __init__(self, prices: Prices | None = None, *, table: PriceTable | None = None) -> None:
        """Make one.

        :param prices: what knows prices. Default: the library ``genai-prices``, as
            :class:`~polymeter.cost.library.GenAIPrices`.
        :param table: prices of your own, which win: see :class:`~polymeter.cost.price_list.PriceList`. For a table
            alone give ``PriceList(table)`` as ``prices``.
        :raises MissingExtraError: if the library is asked for and absent.
        :raises DefinitionError: for a table that cannot be read.
        """
        known = GenAIPrices() if prices is None else prices
        self._collector = _reading(known if table is None else PriceList(table, fallback=known))

    def register(self, events: CanDispatchEvents, registry: CanStoreMetrics) -> Subscription:
        """Begin to record into ``registry`` what is heard from ``events``.

        :raises DefinitionConflictError: if ``registry`` knows one of the names as something else.
        :raises DefinitionError: if this collector is registered already.
        """
        return self._collector.register(events, registry)


class _Cost(NamedTuple):
    """What one call cost.

    :ivar dollars: ``None`` if nobody knows.
    :ivar unknown: what is missing to know it: ``price``, ``usage``, or nothing.
    """

    call: InferenceCompleted | None
    dollars: float | None
    unknown: str | None


def _reading(prices: Prices) -> MetricsCollector:
    """Give what measures by ``prices``."""
    price_of = prices.price_of
    latest = _Cost(None, None, None)

    def cost_of(event: InferenceCompleted) -> _Cost:
        """Work out a cost once for all who read it: they do so one after the other."""
        nonlocal latest
        known = latest  # threads may take turns here
        if known.call is event:
            return known
        usage = event.usage
        if usage is None:
            # A call that failed before any answer cost nothing that is known.
            is_due = event.outcome != "error" or event.time_to_first_chunk_ms is not None
            known = _Cost(event, None, "usage" if is_due else None)
        else:
            price = price_of(event.provider, event.model, response_model=event.response_model, at=event.at)
            known = _Cost(event, None, "price") if price is None else _Cost(event, price.of(usage), None)
        latest = known
        return known

    def dollars(event: InferenceCompleted) -> float | None:
        return cost_of(event).dollars

    def unknown(event: InferenceCompleted) -> str | None:
        return cost_of(event).unknown

    class CostMetricsCollector(MetricsCollector):
        cost_usd = measure.counter(
            "inference.cost_usd",
            on=InferenceCompleted,
            value=dollars,
            tags=_OF,
            unit="usd",
            help="US dollars that calls cost, as far as their prices and tokens are known.",
        )
        cost_of_a_call = measure.histogram(
            "inference.cost_per_call_usd",
            on=InferenceCompleted,
            value=dollars,
            tags=_OF,
            unit="usd",
            buckets=_BOUNDS,
            help="US dollars that one call cost.",
        )
        cost_unknown = measure.counter(
            "inference.cost.unknown",
            on=InferenceCompleted,
            tags={"model": "model", "provider": "provider", "reason": unknown},
            when=unknown,
            help="Calls whose cost is not known, for want of a price or of usage.",
        )

    CostMetricsCollector.__qualname__ = "CostMetricsCollector"  # what it is called in health() and in tracebacks
    return CostMetricsCollector()
