"""Tokens by class, and a rule that counts them without a tokenizer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

__all__ = ["Tokens", "count_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Numbers of tokens in disjoint classes, those of ``Usage``; a format adds them up in the way of its provider.

    :param input: of the prompt, neither read from nor written to a cache.
    :param output: generated, reasoning not included.
    :param cache_read: of the prompt, read from a cache.
    :param cache_write: of the prompt, written to a cache.
    :param reasoning: generated while thinking.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def input_tokens(self) -> int:
        """The whole prompt, cached or not."""
        return self.input + self.cache_read + self.cache_write

    @property
    def output_tokens(self) -> int:
        """Everything generated, reasoning included."""
        return self.output + self.reasoning

    @property
    def total_tokens(self) -> int:
        """The prompt and what was generated."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Tokens) -> Tokens:
        mine, theirs = asdict(self), asdict(other)
        return Tokens(**{name: mine[name] + theirs[name] for name in mine})


def count_words(value: object) -> int:
    """Count a word as a token, in a text, a message, a list of them, or a list of token numbers."""
    match value:
        case str():
            return len(value.split())
        case list():
            return sum(map(count_words, cast("list[object]", value)))
        case dict():
            message = cast("dict[str, object]", value)
            return count_words([message.get(name) for name in ("content", "parts", "text")])
        case _:
            return int(isinstance(value, int))
