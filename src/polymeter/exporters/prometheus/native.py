"""Native histograms: a distribution in Prometheus' own exponential buckets.

Ours are those of schema 6 with the index moved by one: Prometheus counts them by their upper bounds. Two of ours have
no such bucket, and go where they always go, so that no count ever falls:

- magnitudes up to 2**-30 count as zero, which is what ``zero_threshold`` says;
- magnitudes above 2**30 count in the first bucket above it: at least so much, as with the last classic bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.data.buckets import LOWEST, SCALE

if TYPE_CHECKING:
    from polymeter.data.bucket_array import Buckets
    from polymeter.data.distribution import Distribution

__all__ = ["SCHEMA", "ZERO_THRESHOLD", "NativeBuckets", "Spans", "native"]

SCHEMA: Final = SCALE
ZERO_THRESHOLD: Final = 2.0**-30
_WIDEST_GAP: Final = 2
"""Empty buckets that are written out, because another span would take more room."""


class Spans(NamedTuple):
    """The buckets of one sign.

    :ivar spans: ``(offset, length)`` of each run of buckets: how far it is from the end of the one before (the first:
        the index of its first bucket), and how many buckets it has.
    :ivar deltas: of each bucket in them, how many more it counts than the one before (the first: than none).
    """

    spans: list[tuple[int, int]]
    deltas: list[int]


class NativeBuckets(NamedTuple):
    """All buckets of a distribution."""

    zeros: int
    positive: Spans
    negative: Spans


def native(distribution: Distribution) -> NativeBuckets:
    """Give the buckets of a distribution."""
    tiny = distribution.positive.between(LOWEST, LOWEST + 1) + distribution.negative.between(LOWEST, LOWEST + 1)
    return NativeBuckets(distribution.zeros + tiny, _spans(distribution.positive), _spans(distribution.negative))


def _spans(buckets: Buckets) -> Spans:
    spans: list[tuple[int, int]] = []
    deltas: list[int] = []
    before = 0
    start = end = 0  # of the run, by Prometheus' indices
    for index, count in buckets.items():
        if index == LOWEST:
            continue
        place = index + 1
        gap = place - end
        if spans and gap <= _WIDEST_GAP:
            if gap:
                deltas += [-before, *[0] * (gap - 1)]
                before = 0
            spans[-1] = (spans[-1][0], place + 1 - start)
        else:
            spans.append((gap, 1))
            start = place
        deltas.append(count - before)
        before = count
        end = place + 1
    return Spans(spans, deltas)
