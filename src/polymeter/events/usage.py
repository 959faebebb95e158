"""Usage: the tokens of one call, in classes that do not overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from polymeter.errors import InvalidMetricError

__all__ = ["Usage"]

_CLASSES: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


def _check(*numbers: object) -> None:
    for place, value in enumerate(numbers):  # once or twice per call of a model
        if type(value) is not int or value < 0:
            _check_odd(_CLASSES[place], value)


def _check_odd(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        message = f"usage {name}={value!r} is not a number of tokens (an int >= 0)"
        raise InvalidMetricError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. The classes are disjoint, so their sum is the total; all of them are keyword-only.

    :ivar input: tokens of the prompt that were neither read from nor written to a cache.
    :ivar cache_read: tokens of the prompt that came from the provider's cache.
    :ivar cache_write: tokens of the prompt that were written to it.
    :ivar output: tokens of the answer that are not reasoning.
    :ivar reasoning: tokens of the model's reasoning.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        _check(self.input, self.cache_read, self.cache_write, self.output, self.reasoning)

    @classmethod
    def from_inclusive(
        cls,
        *,
        input: int,
        output: int,
        cache_read: int = 0,
        cache_write: int = 0,
        reasoning: int = 0,
    ) -> Usage:
        """Make it from a provider's report in which input includes cached tokens and output includes reasoning.

        A report that contradicts itself (more cached than input) keeps the larger number rather than go negative.

        :raises InvalidMetricError: for a number that is not an ``int`` >= 0.
        """
        _check(input, cache_read, cache_write, output, reasoning)  # as reported: a negative one must not pass as 0
        return cls(
            input=max(0, input - cache_read - cache_write),
            cache_read=cache_read,
            cache_write=cache_write,
            output=max(0, output - reasoning),
            reasoning=reasoning,
        )

    @property
    def input_tokens(self) -> int:
        """All tokens of the prompt, cached ones included."""
        return self.input + self.cache_read + self.cache_write

    @property
    def output_tokens(self) -> int:
        """All tokens of the answer, reasoning included."""
        return self.output + self.reasoning

    @property
    def total_tokens(self) -> int:
        """All tokens."""
        return self.input + self.cache_read + self.cache_write + self.output + self.reasoning
