"""PriceList: prices of your own, said in dollars per million tokens."""

from __future__ import annotations

from decimal import Decimal

import pytest

from polymeter import DefinitionError
from polymeter.cost import PriceList, Prices
from polymeter.events.usage import Usage

MILLION = 1_000_000


def test_every_class_has_its_price():
    table = {"input": 1, "cache_read": 0.1, "cache_write": 1.25, "output": 8, "reasoning": 9, "call": 0.01}
    price = PriceList({"m": table}).price_of("openai", "m")
    of_class = {part: price.of(Usage(**{part: MILLION})) for part in ("input", "cache_read", "cache_write", "output")}
    assert of_class == {"input": 1.01, "cache_read": 0.11, "cache_write": 1.26, "output": 8.01}
    assert price.of(Usage(reasoning=MILLION)) == 9.01
    assert price.of(Usage()) == 0.01


def test_cached_tokens_cost_what_others_do_unless_said_otherwise():
    """Likewise reasoning."""
    price = PriceList({"m": {"input": 2, "output": 6}}).price_of("openai", "m")
    assert price.of(Usage(cache_read=MILLION)) == price.of(Usage(cache_write=MILLION)) == 2
    assert price.of(Usage(reasoning=MILLION)) == 6


@pytest.mark.parametrize("said", [0.15, "0.15", Decimal("0.15")])
def test_a_price_is_meant_as_it_is_written(said):
    """0.15 is no binary number; three tokens at that price cost the float nearest to 0.00000045."""
    price = PriceList({"m": {"input": said, "output": 0}}).price_of("openai", "m")
    assert price.of(Usage(input=3)) == 0.00000045


def test_the_model_that_was_asked_for_or_the_one_that_answered():
    prices = PriceList({"asked": {"input": 1, "output": 0}, "answered": {"input": 2, "output": 0}})

    def dollars(model, response_model):
        price = prices.price_of("openai", model, response_model=response_model)
        return price and price.of(Usage(input=MILLION))

    assert [dollars("asked", "answered"), dollars("other", "answered"), dollars("other", None)] == [1, 2, None]


def test_a_provider_can_have_prices_of_its_own():
    prices = PriceList({"m": {"input": 1, "output": 0}, "groq/m": {"input": 3, "output": 0}})
    assert [prices.price_of(each, "m").of(Usage(input=MILLION)) for each in ("openai", "groq")] == [1, 3]


def test_what_the_table_does_not_have_is_asked_further():
    """With all that is known of the call."""
    asked = []

    class Further:
        def price_of(self, provider, model, *, response_model=None, at=None):
            asked.append((provider, model, response_model, at))

    prices = PriceList({"m": {"input": 1, "output": 1}}, fallback=Further())
    assert isinstance(prices, Prices)
    assert prices.price_of("openai", "m") is not None
    assert prices.price_of("groq", "n", response_model="n-1", at=5.0) is None
    assert asked == [("groq", "n", "n-1", 5.0)]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"input": 1, "ouput": 2}, r"'gpt' has 'ouput', which is no class of tokens; did you mean 'output'\?"),
        ({"input": 1, "output": 1, "xyz": 2}, r"'gpt' has 'xyz'.*use 'input', 'cache_read'"),
        ({"input": 1}, r"'gpt' does not say 'output'; 0 is a price too"),
        ({}, r"does not say 'input' and 'output'"),
        ({"input": -1, "output": 1}, r"'gpt' for 'input' is -1: give US dollars"),
        ({"input": "much", "output": 1}, r"'gpt' for 'input' is 'much'"),
        ({"input": float("nan"), "output": 1}, r"for 'input' is nan"),
        ({"input": True, "output": 1}, r"for 'input' is True"),
        (3, r"the price of 'gpt' is 3: give dollars per million"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(rates, message):
    with pytest.raises(DefinitionError, match=message):
        PriceList({"gpt": rates})
