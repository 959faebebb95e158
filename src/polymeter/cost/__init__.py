"""What tokens cost: prices from a table of your own, from a library, or from anything that has ``price_of``.

Beside the rooms: :class:`~polymeter.collectors.cost.CostMetricsCollector` asks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.cost.library import GenAIPrices
    from polymeter.cost.price import Price, Rates
    from polymeter.cost.price_list import PriceList
    from polymeter.cost.prices import Prices
else:
    __getattr__, __dir__ = lazily(
        __name__, {"library": "GenAIPrices", "price": "Price Rates", "price_list": "PriceList", "prices": "Prices"}
    )

__all__ = ["GenAIPrices", "Price", "PriceList", "Prices", "Rates"]
