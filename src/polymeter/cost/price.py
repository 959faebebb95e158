"""Price: from tokens to dollars, exactly."""

from __future__ import annotations

import math
from bisect import bisect_left
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.events.usage import Usage

__all__ = ["Price", "Rates"]


class Rates(NamedTuple):
    """US dollars for one token of each class of :class:`~polymeter.events.usage.Usage`, and for the call itself."""

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    reasoning: Decimal
    call: Decimal = Decimal(0)


class Price:
    """What the tokens of one model cost.

    All sums are of integers, so a cost is the float nearest to the true one.
    """

    __slots__ = ("_bands", "_denominator", "_starts")

    def __init__(self, rates: Rates, tiers: Mapping[int, Rates] | None = None) -> None:
        """Make one.

        :param rates: what tokens cost.
        :param tiers: number of input tokens -> what all tokens of a call with more of them cost.
        :raises DefinitionError: for a rate that is negative or not finite.
        """
        above = sorted((tiers or {}).items())
        bands = [rates, *(each for _, each in above)]
        for value in (value for band in bands for value in band):
            if not value.is_finite() or value < 0:
                message = f"a token cannot cost {value} dollars: give a number >= 0"
                raise DefinitionError(message)
        ratios = [[value.as_integer_ratio() for value in band] for band in bands]
        self._starts = [start for start, _ in above]
        self._denominator = math.lcm(*(below for band in ratios for _, below in band))
        self._bands = [tuple(number * (self._denominator // below) for number, below in band) for band in ratios]

    def of(self, usage: Usage) -> float:
        """Give the cost of a call, in US dollars."""
        starts = self._starts
        band = self._bands[bisect_left(starts, usage.input_tokens) if starts else 0]
        new, read, written, output, reasoning, call = band
        cost = (
            call
            + new * usage.input
            + read * usage.cache_read
            + written * usage.cache_write
            + output * usage.output
            + reasoning * usage.reasoning
        )
        return cost / self._denominator
