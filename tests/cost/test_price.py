"""Price: from tokens to dollars, without an error in the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import DefinitionError
from polymeter.cost import Price, Rates
from polymeter.events.usage import Usage

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, input=tokens, cache_read=tokens, cache_write=tokens, output=tokens, reasoning=tokens)
dollars = st.decimals(0, 1, places=12)
rates = st.builds(Rates, dollars, dollars, dollars, dollars, dollars, dollars)


def exact(rates, usage):
    counts = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning, 1)
    return sum(Fraction(rate) * count for rate, count in zip(rates, counts, strict=True))


@given(rates, usages)
def test_a_cost_is_the_float_nearest_to_the_true_one(rates, usage):
    assert Price(rates).of(usage) == float(exact(rates, usage))


@given(rates, rates, rates, usages, st.tuples(tokens, tokens).map(sorted))
def test_beyond_a_tier_all_tokens_cost_what_they_cost_there(base, middle, top, usage, starts):
    """A tier begins with more input tokens than its number; cached ones are among them."""
    low, high = starts
    price = Price(base, {high: top, low: middle})
    held = base
    if usage.input_tokens > low:
        held = middle
    if usage.input_tokens > high:
        held = top
    if low == high:
        held = middle if usage.input_tokens > low else base  # the later of two that are the same
    assert price.of(usage) == float(exact(held, usage))


def test_a_tier_begins_behind_its_number():
    price = Price(Rates(*[Decimal(1)] * 5), {10: Rates(*[Decimal(2)] * 5)})
    assert [price.of(Usage(input=6, cache_read=count)) for count in (3, 4, 5)] == [9, 10, 22]


@pytest.mark.parametrize("rate", ["-1", "NaN", "Infinity"])
def test_what_no_token_can_cost_is_refused(rate):
    with pytest.raises(DefinitionError, match="cannot cost"):
        Price(Rates(*[Decimal(0)] * 4, Decimal(rate)))
