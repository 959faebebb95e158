"""PriceList: prices that you know yourself."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, TypeAlias

from polymeter.cost.price import Price, Rates
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from polymeter.cost.prices import Prices

__all__ = ["PriceList", "PriceTable"]

PriceTable: TypeAlias = "Mapping[str, Mapping[str, float | str | Decimal]]"
"""Model, or ``provider/model`` -> class of tokens -> US dollars per million of them."""

_CLASSES: Final = Rates._fields
_WHERE_UNSAID: Final = {"cache_read": "input", "cache_write": "input", "reasoning": "output"}


class PriceList:
    """A table of prices, and where to look for what it does not have.

    ::

        PriceList({"my-model": {"input": 0.15, "output": 0.60, "cache_read": 0.075}}, fallback=GenAIPrices())

    The classes are those of :class:`~polymeter.events.usage.Usage`: ``input`` and ``output`` have to be there;
    ``cache_read`` and ``cache_write`` cost what ``input`` does unless said otherwise, ``reasoning`` what ``output``
    does. ``call`` is what each call costs, in dollars. The model may be the one that was asked for or the one that
    answered; a ``provider/model`` wins over a ``model``.
    """

    def __init__(self, table: PriceTable, *, fallback: Prices | None = None) -> None:
        """Make one.

        :param table: model -> class of tokens -> US dollars per million. Write a ``str`` or a ``Decimal`` for more
            digits than a ``float`` has.
        :param fallback: is asked for models that the table does not have.
        :raises DefinitionError: for a table that cannot be read; the message names the model and the class.
        """
        self._prices = {model: _price(model, rates) for model, rates in table.items()}
        self._fallback = fallback

    def price_of(
        self, provider: str, model: str, *, response_model: str | None = None, at: float | None = None
    ) -> Price | None:
        """Give the price of a model; ``None`` if it is not known."""
        prices = self._prices
        for name in (f"{provider}/{model}", model, f"{provider}/{response_model}", response_model):
            if name in prices:
                return prices[name]
        if self._fallback is None:
            return None
        return self._fallback.price_of(provider, model, response_model=response_model, at=at)


def _price(model: str, said: Mapping[str, float | str | Decimal]) -> Price:
    if not isinstance(said, Mapping):
        message = f'the price of {model!r} is {said!r}: give dollars per million, as in {{"input": 1, "output": 2}}'
        raise DefinitionError(message)
    for part in said:
        if part not in _CLASSES:
            near = difflib.get_close_matches(str(part), _CLASSES, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"use {', '.join(map(repr, _CLASSES))}"
            message = f"the price of {model!r} has {part!r}, which is no class of tokens; {hint}"
            raise DefinitionError(message)
    missing = [part for part in ("input", "output") if part not in said]
    if missing:
        message = f"the price of {model!r} does not say {' and '.join(map(repr, missing))}; 0 is a price too"
        raise DefinitionError(message)
    dollars = {part: _dollars(model, part, value) for part, value in said.items()}
    for part, like in _WHERE_UNSAID.items():
        dollars.setdefault(part, dollars[like])
    call = dollars.pop("call", Decimal(0))
    return Price(Rates(**{part: value.scaleb(-6) for part, value in dollars.items()}, call=call))


def _dollars(model: str, part: str, value: object) -> Decimal:
    try:
        dollars = Decimal(str(value))  # 0.15 is meant as it is written, not as the binary number nearest to it
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or dollars < 0:
        message = f"the price of {model!r} for {part!r} is {value!r}: give US dollars, a number >= 0"
        raise DefinitionError(message)
    return dollars
