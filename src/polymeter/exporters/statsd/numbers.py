"""Numbers as StatsD servers read them."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

from polymeter.data.buckets import middle_of

if TYPE_CHECKING:
    from polymeter.data.units import Unit

__all__ = ["BucketTexts", "bucket_texts", "in_unit", "number_text", "observed_text", "rate_text", "rounded_text"]

_WHOLE: Final = 2.0**53
_DIGITS: Final = 5
"""Digits of a value that stands for a bucket: they add 0.005 % to the 0.55 % of the bucket."""


def number_text(value: float, *, exponents: bool = False) -> str:
    """Give a finite number with all its digits.

    :param exponents: whether ``1e-07`` may be written so; otherwise it is ``0.0000001``.
    """
    text = repr(value)
    return text if exponents or "e" not in text else format(Decimal(text), "f")


def in_unit(unit: Unit, base: float) -> float:
    """Give a value in base units in ``unit``; infinite if no float can hold it."""
    try:
        return unit.from_base(base)
    except OverflowError:  # of a very large integer
        return math.inf if base > 0 else -math.inf


def observed_text(value: float) -> str:
    """Give an observation with all its digits: a whole number without a point, and none with an exponent."""
    return number_text(int(value) if value == int(value) and abs(value) < _WHOLE else value)


def rounded_text(value: float) -> str:
    """Give a finite number to five digits, without an exponent."""
    text = f"{value:.{_DIGITS}g}"
    return format(Decimal(text), "f") if "e" in text else text


@cache
def rate_text(exponent: int) -> str:
    """Give the sample rate of a value that stands for ``2**exponent`` observations: exactly, in decimal.

    A power of two is a float, and so is its inverse: servers that work out ``1 / rate`` get the count, not nearly so.
    """
    return format(Decimal(2.0**-exponent), "f")


class BucketTexts(dict[int, str]):
    """Bucket index -> the magnitude that stands for it, in one unit."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    def __missing__(self, index: int) -> str:
        text = self[index] = rounded_text(self._unit.from_base(middle_of(index)))
        return text


@cache
def bucket_texts(unit: Unit) -> BucketTexts:
    """Give the texts of a unit, of which there are few."""
    return BucketTexts(unit)
