"""A distribution as values that a StatsD server can take: few, and the count exact.

The value of a bucket stands for all observations in it, within 0.55 %. A value that stands for several says so by its
sample rate: a rate of 1/8 is eight observations. Only powers of two are used: 1/8 is exact in decimal and in binary,
and buckets whose counts share a power of two share a line.

Some servers use the rate for the count alone, and give all values the same weight in a mean or a percentile. For them
values have nearly all the same weight, and each is the mean of the observations that it stands for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from polymeter.data.buckets import HIGHEST, LOWEST, middle_of, upper_bound_of
from polymeter.exporters.statsd.numbers import bucket_texts, in_unit, observed_text, rounded_text

if TYPE_CHECKING:
    from polymeter.data.distribution import Distribution
    from polymeter.data.units import Unit

__all__ = ["Weighted", "counted", "evenly_weighted", "weighted"]

Weighted: TypeAlias = "dict[int, list[str]]"
"""Exponent -> values, each of which stands for ``2**exponent`` observations. The smallest exponent comes first."""

_LARGEST: Final = 2.0**30
"""Above it one bucket holds everything."""


def counted(distribution: Distribution, unit: Unit) -> list[tuple[str, int]]:
    """Give values in ascending order, and how many observations each stands for.

    Where all observations are in one bucket, the value is their mean.
    """
    texts = bucket_texts(unit)
    parts = [(f"-{texts[index]}", count) for index, count in reversed(list(distribution.negative.items()))]
    if distribution.zeros:
        parts.append(("0", distribution.zeros))
    parts += [(texts[index], count) for index, count in distribution.positive.items()]
    if len(parts) == 1:
        return [(_mean(distribution, unit) or parts[0][0], parts[0][1])]
    if distribution.positive.end == HIGHEST + 1:
        parts[-1] = (_mean_of_the_largest(distribution, unit), parts[-1][1])
    return parts


def weighted(parts: list[tuple[str, int]], most: int) -> Weighted:
    """Give values with weights: ``most`` values of the same weight if that is enough, else as few as there can be.

    :param parts: values, and how often each was observed.
    :param most: up to so many values are repeated rather than weighted.
    """
    shift = _shift(parts, most)
    mask = (1 << shift) - 1
    by_weight: Weighted = {}
    for text, count in parts:
        if copies := count >> shift:
            by_weight.setdefault(shift, []).extend([text] * copies)
        rest = count & mask
        while rest:
            lowest = rest & -rest
            by_weight.setdefault(lowest.bit_length() - 1, []).append(text)
            rest ^= lowest
    return dict(sorted(by_weight.items()))


def evenly_weighted(parts: list[tuple[str, int]], most: int) -> Weighted:
    """Give ``most`` values at most, of one weight but for a rest that is smaller than it.

    :param parts: values in ascending order, and how often each was observed.
    """
    total = sum(count for _, count in parts)
    shift = 0
    while (total >> shift) + (total & ((1 << shift) - 1)).bit_count() > max(most, 1) and total >> shift > 1:
        shift += 1
    if not shift:
        return {0: [text for text, count in parts for _ in range(count)]}
    by_weight: Weighted = {}
    whole = total >> shift
    half = [shift] * (whole // 2)
    # The rest in the middle, where too much weight does the least harm to a mean.
    exponents = iter([*half, *_bits(total & ((1 << shift) - 1)), *half, *([shift] * (whole % 2))])
    exponent = next(exponents)
    room, mean = 1 << exponent, 0.0
    for text, count in parts:
        value, left = float(text), count
        while left:
            taken = min(left, room)
            mean += value * (taken / (1 << exponent))
            left -= taken
            room -= taken
            if not room:
                by_weight.setdefault(exponent, []).append(rounded_text(mean))
                exponent = next(exponents, 0)
                room, mean = 1 << exponent, 0.0
    return dict(sorted(by_weight.items()))


def _bits(number: int) -> list[int]:
    return [exponent for exponent in reversed(range(number.bit_length())) if number >> exponent & 1]


def _shift(parts: list[tuple[str, int]], most: int) -> int:
    """Give the exponent of the largest weight."""
    longest = max((count.bit_length() for _, count in parts), default=0)
    if len(parts) <= most:
        for shift in range(longest):
            mask = (1 << shift) - 1
            if sum((count >> shift) + (count & mask).bit_count() for _, count in parts) <= most:
                return shift
    return longest


def _mean(distribution: Distribution, unit: Unit) -> str | None:
    """Give the mean of what lies in one bucket; ``None`` if rounding has put it elsewhere."""
    mean = distribution.sum / distribution.count
    if not math.isfinite(mean):
        return None
    magnitude, buckets = abs(mean), distribution.positive if mean > 0 else distribution.negative
    if buckets.counts:
        lowest = 0.0 if buckets.offset == LOWEST else middle_of(buckets.offset) * 0.99
        if not lowest <= magnitude <= upper_bound_of(buckets.offset) * 1.01:
            return None
    elif mean:
        return None
    value = in_unit(unit, mean)
    if not math.isfinite(value):
        return None
    return observed_text(value) if distribution.count == 1 else rounded_text(value)


def _mean_of_the_largest(distribution: Distribution, unit: Unit) -> str:
    """Give the mean of those that no bucket measures: what the sum has beyond all others, nearly."""
    *others, (_, count) = distribution.positive.items()
    below = math.fsum(middle_of(index) * number for index, number in others)
    above = distribution.sum + math.fsum(middle_of(index) * number for index, number in distribution.negative.items())
    mean = (above - below) / count
    value = in_unit(unit, mean)
    return rounded_text(value if mean > _LARGEST and value < math.inf else unit.from_base(_LARGEST))
