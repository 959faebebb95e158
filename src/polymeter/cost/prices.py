"""Prices: the contract of whatever knows what the tokens of a model cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from polymeter.cost.price import Price

__all__ = ["Prices"]


@runtime_checkable
class Prices(Protocol):
    """Knows prices. It is asked once for each call that ended, on the caller's thread: it should remember."""

    def price_of(
        self, provider: str, model: str, *, response_model: str | None = None, at: float | None = None
    ) -> Price | None:
        """Give the price of a model; ``None`` if it is not known. It does not raise.

        :param provider: who was asked; names of the OpenTelemetry GenAI conventions.
        :param model: the model that was asked for.
        :param response_model: the model that answered, if the provider said.
        :param at: Unix seconds at which the price has to hold; ``None``: now.
        """
        ...
