"""The bucket scheme: base-2 exponential at a fixed scale, one for every distribution.

A fixed scale makes merging plain addition: no rescaling, no dependence on order. Scale 6 means 64 buckets per
doubling; a value read back from the middle of its bucket is off by 0.55 % at most. Bucket ``i`` covers
``(2**(i/64), 2**((i+1)/64)]``, as in the OpenTelemetry metrics data model (exponential histogram, scale 6).
"""

from __future__ import annotations

import functools
import math
from typing import Final

__all__ = [
    "HIGHEST",
    "LOWEST",
    "PER_DOUBLING",
    "SCALE",
    "WHOLE_NUMBERS",
    "bucket_of",
    "buckets_of_whole_numbers",
    "middle_of",
    "upper_bound_of",
]

SCALE: Final = 6
PER_DOUBLING: Final = 1 << SCALE
LOWEST: Final = -30 * PER_DOUBLING - 1
"""Index of the edge bucket that takes every magnitude up to 2**-30."""
HIGHEST: Final = 30 * PER_DOUBLING
"""Index of the edge bucket that takes every magnitude above 2**30."""

WHOLE_NUMBERS: Final = 8192

_GROWTH: Final = math.exp2(1 / PER_DOUBLING)
_MIDDLE: Final = 2.0 * _GROWTH / (1.0 + _GROWTH)


def bucket_of(magnitude: float) -> int:
    """Give the index of the bucket of a finite ``magnitude`` > 0, clamped to the edge buckets."""
    index = math.ceil(math.log2(magnitude) * PER_DOUBLING) - 1
    return min(max(index, LOWEST), HIGHEST)


@functools.cache
def buckets_of_whole_numbers() -> tuple[int, ...]:
    """Give the bucket of every whole number below :data:`WHOLE_NUMBERS`, that of 0 being of no use.

    Tokens, bytes and sizes are whole numbers: looking one up takes a tenth of the time.
    """
    numbers: dict[int, list[int]] = {}
    for number in range(1, WHOLE_NUMBERS):
        numbers.setdefault(bucket_of(number), []).append(number)
    return (LOWEST, *(index for index, same in numbers.items() for _ in same))


def upper_bound_of(index: int) -> float:
    """Give the largest magnitude of a bucket; the upper edge bucket has none: infinity."""
    return math.inf if index >= HIGHEST else math.exp2((index + 1) / PER_DOUBLING)


def middle_of(index: int) -> float:
    """Give the magnitude with the least relative error to all of the bucket: the harmonic middle of its bounds."""
    return math.exp2(index / PER_DOUBLING) * _MIDDLE
