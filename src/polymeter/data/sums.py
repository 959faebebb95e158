"""Sums that stay right: integers exactly, floats with compensation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from polymeter.data.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["ZERO", "Sum"]


class Sum(Value):  # not Immutable: that would triple the cost of making one, in every drain
    """A sum of integers (exact) and of floats (two doubles: the rounded sum and what rounding lost).

    Adding is associative and commutative: exactly for integers, for floats within 1e-12 times the sum of
    magnitudes, however many values there are. Beyond 1.8e308 a float sum is infinite. Nobody changes one.
    """

    __slots__ = __match_args__ = ("integers", "floats", "lost")

    def __init__(self, integers: int = 0, floats: float = 0.0, lost: float = 0.0) -> None:
        self.integers = integers
        self.floats = floats
        self.lost = lost

    @classmethod
    def of(cls, value: float) -> Sum:
        """Give the sum of one finite number."""
        return cls(value) if isinstance(value, int) else cls(0, value)

    @classmethod
    def of_all(cls, values: Sequence[float], types: AbstractSet[type] | None = None) -> Sum:
        """Give the sum of many finite numbers, each an ``int`` or a ``float``.

        :param types: their types, where they are known.
        """
        types = types or set(map(type, values))
        if types == {int}:
            return cls(int(sum(values)))
        integers = 0
        if types != {float}:  # both, or classes derived from them
            integers = int(sum(value for value in values if isinstance(value, int)))
            values = [value for value in values if not isinstance(value, int)]
        try:
            return cls(integers, math.fsum(values))
        except (OverflowError, ValueError):  # beyond every float, or infinities of both signs
            return cls(integers, sum(values))

    def plus(self, other: Sum) -> Sum:
        """Give both sums together."""
        total = self.floats + other.floats
        if not math.isfinite(total):
            return Sum(self.integers + other.integers, total)
        # Two-sum (Knuth): the exact rounding error of the addition above.
        part = total - self.floats
        error = (self.floats - (total - part)) + (other.floats - part)
        return Sum(self.integers + other.integers, total, self.lost + other.lost + error)

    def minus(self, other: Sum) -> Sum:
        """Give what was added since ``other``, an earlier state of the same sum."""
        return self.plus(Sum(-other.integers, -other.floats, -other.lost))

    @property
    def are_whole(self) -> bool:
        """Whether nothing but integers were added, or floats that are zero."""
        return not self.floats and not self.lost

    @property
    def value(self) -> float:
        """The sum as one number: an ``int`` as long as nothing but integers were added."""
        if not self.floats and not self.lost:
            return self.integers
        try:
            return self.integers + (self.floats + self.lost)
        except OverflowError:  # an integer that no float can hold
            return math.inf if self.integers > 0 else -math.inf


ZERO: Final = Sum()
