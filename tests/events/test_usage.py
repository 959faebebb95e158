"""Usage: disjoint classes of tokens."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.errors import InvalidMetricError
from polymeter.events.usage import Usage

CLASSES = [field.name for field in dataclasses.fields(Usage)]
tokens = st.integers(min_value=0, max_value=10**9)
usages = st.builds(Usage, **dict.fromkeys(CLASSES, tokens))


@given(usages)
def test_the_classes_are_disjoint(usage):
    """Together they are the total, and each is in the prompt or in the answer."""
    assert sum(dataclasses.astuple(usage)) == usage.total_tokens
    assert usage.input_tokens + usage.output_tokens == usage.total_tokens
    assert usage.input_tokens >= max(usage.cache_read, usage.cache_write)
    assert usage.output_tokens >= usage.reasoning


@given(usages)
def test_an_inclusive_report_of_a_usage_gives_it_back(usage):
    """Nothing is lost on the way through a provider's way of counting."""
    again = Usage.from_inclusive(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
    )
    assert again == usage


@given(*[tokens] * 5)
def test_a_report_that_contradicts_itself_keeps_the_larger_number(input_, output, cache_read, cache_write, reasoning):
    """And never goes negative."""
    usage = Usage.from_inclusive(
        input=input_, output=output, cache_read=cache_read, cache_write=cache_write, reasoning=reasoning
    )
    assert usage.input_tokens == max(input_, cache_read + cache_write)
    assert usage.output_tokens == max(output, reasoning)
    assert min(dataclasses.astuple(usage)) >= 0


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True, float("nan")], ids=repr)
def test_what_is_no_number_of_tokens_is_refused(name, value):
    """By name."""
    with pytest.raises(InvalidMetricError, match=rf"usage {name}={value!r} is not a number of tokens"):
        Usage(**{name: value})


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True], ids=repr)
def test_a_report_with_what_is_no_number_of_tokens_is_refused(name, value):
    """Before anything is subtracted from it."""
    with pytest.raises(InvalidMetricError, match=rf"usage {name}={value!r} is not a number of tokens"):
        Usage.from_inclusive(**{"input": 5, "output": 5, name: value})


def test_a_usage_is_a_value():
    """Immutable, hashable, and given by name."""
    usage = Usage(input=1, output=2)
    assert {usage: 1}[Usage(output=2, input=1)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        usage.input = 5
    with pytest.raises(TypeError):
        Usage(1)
