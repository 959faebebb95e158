"""Projection: the counts of classic buckets, from a distribution in one pass.

The answers are those of :meth:`polymeter.data.distribution.Distribution.project`; what depends on the bounds alone is
worked out once for all series of a family.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from polymeter.data.buckets import bucket_of

if TYPE_CHECKING:
    from polymeter.data.distribution import Distribution

__all__ = ["Projection"]


class Projection:
    """Counts observations up to each of some bounds.

    :ivar bounds: ascending, finite.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._is_positive = not bounds or bounds[0] > 0
        # The bucket just past the one that each bound cuts.
        self._ends = [bucket_of(bound) + 1 for bound in bounds] if self._is_positive else []

    def of(self, distribution: Distribution) -> list[int]:
        """Give, for each bound, how many observations do not exceed it."""
        if not distribution.count:
            return [0] * len(self.bounds)
        if distribution.bounds:
            if distribution.bounds == self.bounds:
                counts = list(accumulate(distribution.bound_counts))
                del counts[-1]
                return counts
            return distribution.project(self.bounds)
        if not self._is_positive or distribution.negative.counts:
            return distribution.project(self.bounds)
        return self._of_positive(distribution)

    def _of_positive(self, distribution: Distribution) -> list[int]:
        low, high, everything = distribution.min, distribution.max, distribution.count
        buckets, offset = distribution.positive.counts, distribution.positive.offset
        below = distribution.zeros
        done = 0
        counts: list[int] = []
        for bound, end in zip(self.bounds, self._ends, strict=True):
            if bound >= high:
                counts.append(everything)
            elif bound < low:
                counts.append(0)
            else:
                place = end - offset
                if place > done:
                    below += sum(buckets[done:place])
                    done = place
                counts.append(below)
        return counts
