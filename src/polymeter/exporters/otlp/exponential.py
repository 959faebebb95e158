"""Exponential histograms: a distribution in the buckets of OpenTelemetry, no more of them than wanted.

Ours are those of scale 6, index for index (OpenTelemetry specification, metrics data model, "ExponentialHistogram").
Two have no such bucket, and go where they always go, so that no count ever falls:

- magnitudes up to 2**-30 count as zero, which is what ``ZERO_THRESHOLD`` says;
- magnitudes above 2**30 count in the first bucket above it: at least so much.

Fewer buckets come by a lower scale, at which each two neighbours are one: nothing is lost but precision.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from polymeter.data.buckets import LOWEST, SCALE

if TYPE_CHECKING:
    from polymeter.data.bucket_array import Buckets
    from polymeter.data.distribution import Distribution

__all__ = ["FEWEST_BUCKETS", "ZERO_THRESHOLD", "Dense", "Exponential", "exponential"]

ZERO_THRESHOLD: Final = 2.0**-30

FEWEST_BUCKETS: Final = 32
"""Below that, buckets would be so wide that one could reach across the zero threshold."""

_BYTE: Final = 1 << 8
_Counts: TypeAlias = "bytes | tuple[int, ...] | list[int]"


class Dense(NamedTuple):
    """The counts of consecutive buckets of one sign; the index of the first is ``offset``."""

    offset: int
    counts: _Counts


_NONE: Final = Dense(0, b"")


class Exponential(NamedTuple):
    """All buckets of a distribution."""

    scale: int
    zeros: int
    positive: Dense
    negative: Dense


def exponential(distribution: Distribution, most: int | None) -> Exponential:
    """Give the buckets of a distribution.

    :param most: so many of each sign; ``None``: as many as there are.
    """
    zeros = distribution.zeros
    below_zero, positive = _above_tiny(distribution.positive)
    zeros += below_zero
    negative = _NONE
    if distribution.negative.counts:
        below_zero, negative = _above_tiny(distribution.negative)
        zeros += below_zero
    length = max(len(positive.counts), len(negative.counts))
    if most is None or length <= most:
        return Exponential(SCALE, zeros, positive, negative)
    halvings = (length // most).bit_length() - 1  # no less can be enough
    while _spanned(positive, halvings) > most or _spanned(negative, halvings) > most:
        halvings += 1
    count = distribution.count
    return Exponential(SCALE - halvings, zeros, _halved(positive, halvings, count), _halved(negative, halvings, count))


def _above_tiny(buckets: Buckets) -> tuple[int, Dense]:
    """Give the count of the lowest bucket there is, and all others."""
    offset, counts = buckets.offset, buckets.counts
    if offset != LOWEST:
        return 0, Dense(offset, counts)
    others = tuple(dropwhile(lambda count: not count, counts[1:]))
    return counts[0], Dense(offset + len(counts) - len(others) if others else 0, others)


def _spanned(dense: Dense, halvings: int) -> int:
    """Give how many buckets there would be at a lower scale."""
    offset, counts = dense
    return (offset + len(counts) - 1 >> halvings) - (offset >> halvings) + 1 if counts else 0


def _halved(dense: Dense, times: int, most: int) -> Dense:
    """Give the buckets at a lower scale; ``most`` is what they count together at most."""
    offset, counts = dense
    if not counts:
        return dense
    together = 1 << times
    before = offset & together - 1
    after = -(before + len(counts)) % together
    if isinstance(counts, bytes) and (most < _BYTE or max(counts) < _BYTE >> times):
        # Sums that fit in a byte are added for all buckets at once, as the digits of long numbers.
        padded = bytes(before) + counts + bytes(after)
        added = sum([int.from_bytes(padded[place::together]) for place in range(together)])
        return Dense(offset >> times, added.to_bytes(len(padded) >> times))
    wide = [0] * before + list(counts) + [0] * after
    return Dense(offset >> times, [sum(wide[at : at + together]) for at in range(0, len(wide), together)])
