"""GenAIPrices: what the library says, worked out once, and nothing from a network."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime

import genai_prices
import pytest
from genai_prices import data_snapshot
from hypothesis import given
from hypothesis import strategies as st

from polymeter.cost import GenAIPrices, Prices
from polymeter.cost import library as module
from polymeter.events.usage import Usage
from polymeter.testing import ManualClock
from tests.interpreter import answer_of

NOW = datetime(2026, 10, 1, 3, 0, tzinfo=UTC).timestamp()
PROVIDERS = data_snapshot.get_snapshot().providers
PRICES = GenAIPrices(ManualClock(NOW))

tokens = st.sampled_from([0, 1, 999, 128_000, 200_000, 200_001, 300_000])
usages = st.builds(Usage, input=tokens, cache_read=tokens, cache_write=tokens, output=tokens, reasoning=tokens)
models = st.sampled_from([(provider.id, model.id) for provider in PROVIDERS for model in provider.models])


def cost(provider, model, usage=None, **options):
    price = PRICES.price_of(provider, model, **options)
    return price and price.of(usage or Usage(input=1_000_000))


def said_by_library(provider, model, usage, at=NOW):
    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=usage.reasoning,
    )
    moment = datetime.fromtimestamp(at, UTC)
    return genai_prices.calc_price(tokens, model, provider_id=provider, genai_request_timestamp=moment).total_price


@given(models, usages, st.floats(0, 4e9))
def test_a_cost_is_what_the_library_says(model, usage, at):
    """Of every model that it prices by tokens, in every tier, at every time of day."""
    found = cost(*model, usage, at=at)
    if found is not None:
        assert found == float(said_by_library(*model, usage, at))


def test_most_models_are_known():
    """Those are not that the library prices by minutes or pages, or not at all, or does not find by their own id."""
    some = [(provider.id, model.id) for provider in PROVIDERS for model in provider.models][::7]
    assert sum(cost(*each) is not None for each in some) > 0.8 * len(some)


def test_a_price_checked_by_hand():
    """0.15, 0.075 and 0.60 US dollars for a million fresh, cached and written tokens."""
    assert cost("openai", "gpt-4o-mini", Usage(input=800, cache_read=200, output=100)) == 0.000195


@pytest.mark.parametrize(
    ("provider", "model", "like"),
    [
        ("openai", "gpt-4o-mini", ("openai", "gpt-4o-mini")),
        ("azure.ai.openai", "gpt-4o-mini", ("azure", "gpt-4o-mini")),
        ("azure.ai.inference", "gpt-4o-mini", ("azure", "gpt-4o-mini")),
        ("anthropic", "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("gcp.gemini", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("gcp.vertex_ai", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("gcp.gen_ai", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("aws.bedrock", "amazon.nova-lite-v1:0", ("aws", "amazon.nova-lite-v1:0")),
        ("mistral_ai", "mistral-small-latest", ("mistral", "mistral-small-latest")),
        ("x_ai", "grok-3", ("x-ai", "grok-3")),
        ("unknown", "gpt-4o-mini", ("openai", "gpt-4o-mini")),
    ],
)
def test_providers_by_their_names_in_the_conventions(provider, model, like):
    assert cost(provider, model) == float(said_by_library(*like, Usage(input=1_000_000))) > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [("my-own", "gpt-4o-mini"), ("openai", "no-such-model"), ("unknown", "no-such-model"), ("openai", "whisper-1")],
)
def test_what_it_does_not_know_has_no_price(provider, model):
    """Nor does what it prices by anything but tokens."""
    assert cost(provider, model) is None


def test_the_model_that_answered_comes_first():
    fine = cost("azure.ai.openai", "my-deployment", response_model="gpt-4o-mini-2024-07-18")
    assert fine == cost("azure.ai.openai", "gpt-4o-mini")
    assert cost("openai", "gpt-4o-mini", response_model="my-fine-tuned-one") == cost("openai", "gpt-4o-mini")


def test_a_price_by_the_time_of_day_changes_with_it():
    """DeepSeek's chat model was cheaper by night; the time is that of the call, else of the clock."""
    day, night = (datetime(2025, 5, 1, hour, 0, tzinfo=UTC).timestamp() for hour in (12, 20))
    by_day, by_night = (cost("deepseek", "deepseek-chat", at=at) for at in (day, night))
    assert by_night < by_day
    clock = ManualClock(night)
    prices = GenAIPrices(clock)
    assert prices.price_of("deepseek", "deepseek-chat").of(Usage(input=1_000_000)) == by_night
    clock.set_wall(day)
    assert prices.price_of("deepseek", "deepseek-chat").of(Usage(input=1_000_000)) == by_day


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_time_that_is_none_is_taken_for_now(at):
    assert cost("openai", "gpt-4o-mini", at=at) == 0.15


def test_a_price_is_worked_out_once():
    first = PRICES.price_of("openai", "gpt-4o-mini", response_model="gpt-4o-mini-2024-07-18")
    assert PRICES.price_of("openai", "gpt-4o-mini", response_model="gpt-4o-mini-2024-07-18") is first


def test_no_more_prices_are_remembered_than_fit():
    """The names of models may come from anywhere; the library's own memory does not grow either."""
    prices = GenAIPrices()
    snapshot = data_snapshot.get_snapshot()
    before = len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses)
    for number in range(module._MOST + 5):
        assert prices.price_of("no-provider", f"model-{number}") is None
    assert len(prices._known) == 5
    assert before == (len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses))


def test_prices_that_the_program_had_the_library_update_count_from_then_on():
    prices = GenAIPrices()
    before = prices.price_of("openai", "gpt-4o-mini")
    assert before is not None
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert prices.price_of("openai", "gpt-4o-mini") is None
    finally:
        data_snapshot.set_custom_snapshot(None)
    assert prices.price_of("openai", "gpt-4o-mini") is not None


def test_it_fulfils_the_contract():
    assert isinstance(PRICES, Prices)


def test_without_the_library_it_says_which_extra_is_missing():
    """When it is made, and not when a call ends; a table of one's own does without."""
    code = """
        import json, sys
        sys.modules["genai_prices"] = None
        from polymeter import MissingExtraError
        from polymeter.collectors import CostMetricsCollector
        from polymeter.cost import PriceList
        try:
            CostMetricsCollector()
        except MissingExtraError as error:
            CostMetricsCollector(PriceList({"m": {"input": 1, "output": 2}}))
            print(json.dumps(str(error)))
    """
    assert answer_of(textwrap.dedent(code)).endswith("pip install 'polymeter[cost]'")


def test_nothing_is_asked_of_a_network_and_no_thread_is_started():
    """The data come with the library."""
    code = """
        import json, sys, threading
        asked = []
        sys.addaudithook(lambda event, args: event.startswith("socket.") and asked.append(event))
        from polymeter.cost import GenAIPrices
        known = GenAIPrices().price_of("openai", "gpt-4o-mini") is not None
        print(json.dumps([known, asked, threading.active_count()]))
    """
    assert answer_of(textwrap.dedent(code)) == [True, [], 1]


def test_the_library_is_not_imported_before_its_prices_are_asked_for():
    code = """
        import json, sys
        import polymeter.collectors.cost
        from polymeter.cost import PriceList
        print(json.dumps([name for name in sys.modules if name.startswith(("genai_prices", "pydantic"))]))
    """
    assert answer_of(textwrap.dedent(code)) == []
