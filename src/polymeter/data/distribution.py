"""Distribution: what a histogram and a timer hold."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.data.bucket_array import NO_BUCKETS, BucketArray, Buckets
from polymeter.data.buckets import bucket_of, middle_of
from polymeter.data.sums import ZERO, Sum
from polymeter.data.value import Immutable, Value, unsealed
from polymeter.errors import InvalidMetricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["EMPTY", "Distribution", "DistributionBuilder", "checked_bounds"]


class Distribution(Value, Immutable):
    """An immutable summary of many observations, in base units.

    Count, sum, minimum and maximum are exact; the values are in exponential buckets of 0.55 % relative error.
    Merging is associative and commutative, so any split of the observations gives the same distribution.

    :ivar count: number of observations.
    :ivar total: their sum, see :class:`~polymeter.data.sums.Sum`.
    :ivar min: smallest observation; NaN if there is none, or in a difference of two distributions.
    :ivar max: largest observation; NaN likewise.
    :ivar zeros: number of observations that are 0.
    :ivar positive: counts of observations > 0 by bucket of their value.
    :ivar negative: counts of observations < 0 by bucket of their magnitude.
    :ivar bounds: explicit bounds that are counted exactly beside the buckets; ascending.
    :ivar bound_counts: observations in ``(bounds[i-1], bounds[i]]``, one more than there are bounds.
    """

    __slots__ = __match_args__ = (
        "count",
        "total",
        "min",
        "max",
        "zeros",
        "positive",
        "negative",
        "bounds",
        "bound_counts",
    )

    count: int
    total: Sum
    min: float
    max: float
    zeros: int
    positive: Buckets
    negative: Buckets
    bounds: tuple[float, ...]
    bound_counts: tuple[int, ...]

    def __init__(
        self,
        *,
        count: int = 0,
        total: Sum = ZERO,
        min: float = math.nan,
        max: float = math.nan,
        zeros: int = 0,
        positive: Buckets = NO_BUCKETS,
        negative: Buckets = NO_BUCKETS,
        bounds: tuple[float, ...] = (),
        bound_counts: tuple[int, ...] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "count", count)
        put(self, "total", total)
        put(self, "min", min)
        put(self, "max", max)
        put(self, "zeros", zeros)
        put(self, "positive", positive)
        put(self, "negative", negative)
        put(self, "bounds", bounds)
        put(self, "bound_counts", bound_counts)

    @classmethod
    def of(cls, values: Iterable[float] = (), *, bounds: Iterable[float] = ()) -> Distribution:
        """Build the distribution of ``values`` (finite numbers in base units).

        :raises InvalidMetricError: for a value that is not finite, or bounds that are not finite and ascending.
        """
        builder = DistributionBuilder(checked_bounds(bounds))
        builder.add_all(list(values))
        return builder.freeze()

    @property
    def sum(self) -> float:
        """The sum of all observations; an ``int`` if all of them were."""
        return self.total.value

    @property
    def mean(self) -> float:
        """The arithmetic mean; NaN if there is no observation."""
        return self.total.value / self.count if self.count else math.nan

    def quantile(self, q: float) -> float:
        """Give the value that a share ``q`` of the observations do not exceed, within 0.55 %.

        It estimates the observation of rank ``ceil(q * count)`` in ascending order (the nearest-rank definition);
        0 gives the minimum and 1 the maximum, both exact. NaN if there is no observation.

        :param q: 0 to 1.
        :raises InvalidMetricError: if ``q`` is outside 0 to 1.
        """
        if not 0.0 <= q <= 1.0:
            message = f"quantile {q!r} is not between 0 and 1"
            raise InvalidMetricError(message)
        if not self.count:
            return math.nan
        # Rounding hides that 0.07 * 100 is 7.000000000000001, which would be the eighth.
        rank = max(1, math.ceil(round(q * self.count, 9)))
        if rank == 1 and not math.isnan(self.min):
            return self.min
        if rank >= self.count and not math.isnan(self.max):
            return self.max
        estimate = self._of_rank(rank)
        if estimate < self.min:
            return self.min
        return min(estimate, self.max)

    def _of_rank(self, rank: int) -> float:
        seen = 0
        for index, count in reversed(list(self.negative.items())):
            seen += count
            if seen >= rank:
                return -middle_of(index)
        seen += self.zeros
        if seen >= rank:
            return 0.0
        for index, count in self.positive.items():
            seen += count
            if seen >= rank:
                return middle_of(index)
        return self.max

    def project(self, bounds: Sequence[float]) -> list[int]:
        """Give, for each of the ascending ``bounds``, how many observations do not exceed it.

        Exact for the distribution's own ``bounds``; otherwise the whole bucket that a bound cuts is counted, which is
        the same as moving the bound up by 1.1 % at most: what is exactly on a bound does not exceed it.
        """
        exact = [0, *_running(self.bound_counts)] if self.bounds else [0, self.count]
        counts: list[int] = []
        for bound in bounds:
            at = bisect_left(self.bounds, bound)
            if at < len(self.bounds) and self.bounds[at] == bound:
                counts.append(exact[at + 1])
            else:  # an estimate may not contradict the exact counts on either side
                counts.append(min(max(self._at_or_below(bound), exact[at]), exact[at + 1]))
        return counts

    def _at_or_below(self, bound: float) -> int:
        if bound >= self.max or bound == math.inf:
            return self.count
        if bound < self.min or bound == -math.inf:
            return 0
        if bound < 0:
            index = bucket_of(-bound)
            return self.negative.between(index, self.negative.end)
        below = self.negative.total + self.zeros
        if bound == 0:
            return below
        index = bucket_of(bound)
        return below + self.positive.between(self.positive.offset, index + 1)

    def merge(self, other: Distribution) -> Distribution:
        """Give the distribution of the observations of both; of different bounds the common ones remain.

        An empty distribution changes nothing, whatever its bounds.
        """
        if not other.count:
            return self
        if not self.count:
            return other
        bounds = _common(self.bounds, other.bounds)
        mine, theirs = self.with_bounds(bounds), other.with_bounds(bounds)
        return Distribution(
            count=self.count + other.count,
            total=self.total.plus(other.total),
            min=_least(self.min, other.min),
            max=-_least(-self.max, -other.max),
            zeros=self.zeros + other.zeros,
            positive=self.positive.plus(other.positive),
            negative=self.negative.plus(other.negative),
            bounds=bounds,
            bound_counts=tuple(a + b for a, b in zip(mine.bound_counts, theirs.bound_counts, strict=True)),
        )

    def minus(self, earlier: Distribution) -> Distribution:
        """Give what was observed since ``earlier``; minimum and maximum of that are unknown (NaN)."""
        bounds = _common(self.bounds, earlier.bounds) if earlier.count else self.bounds
        before = earlier.with_bounds(bounds).bound_counts if earlier.count else (0,) * (len(bounds) + bool(bounds))
        return Distribution(
            count=self.count - earlier.count,
            total=self.total.minus(earlier.total),
            zeros=self.zeros - earlier.zeros,
            positive=self.positive.minus(earlier.positive),
            negative=self.negative.minus(earlier.negative),
            bounds=bounds,
            bound_counts=tuple(a - b for a, b in zip(self.with_bounds(bounds).bound_counts, before, strict=True)),
        )

    def with_bounds(self, bounds: tuple[float, ...]) -> Distribution:
        """Give the same with a subset of its explicit bounds."""
        if bounds == self.bounds:
            return self
        running = dict(zip(self.bounds, _running(self.bound_counts), strict=False))
        below = [0, *(running[bound] for bound in bounds), self.count]
        counts = tuple(b - a for a, b in itertools.pairwise(below)) if bounds else ()
        return self.replaced(bounds=bounds, bound_counts=counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distribution):
            return NotImplemented
        return self._state() == other._state()

    def __hash__(self) -> int:
        return hash(self._state())

    def _state(self) -> tuple[object, ...]:
        # NaN is not equal to itself; two empty distributions are.
        extremes = tuple(None if math.isnan(value) else value for value in (self.min, self.max))
        # Of nothing, the bounds say nothing either.
        explicit = (self.bounds, self.bound_counts) if self.count else None
        return (self.count, self.zeros, self.positive, self.negative, explicit, self.total.value, *extremes)


EMPTY: Final = Distribution()

_Unsealed: Any = unsealed(Distribution)


class DistributionBuilder:
    """The mutable side of :class:`Distribution`: what a series records into.

    One thread adds at a time; any thread may freeze at any time and gets the state before or after an ``add_all``,
    never one in between: what is published is replaced as a whole and not changed afterwards.
    """

    __slots__ = ("_bounds", "_state")

    def __init__(self, bounds: tuple[float, ...] = ()) -> None:
        self._bounds = bounds
        bound_counts = [0] * (len(bounds) + 1) if bounds else []
        self._state: _State = (0, ZERO, math.inf, -math.inf, 0, BucketArray(), BucketArray(), bound_counts)

    @property
    def count(self) -> int:
        """Number of observations."""
        return self._state[0]

    def add_all(self, values: Sequence[float]) -> None:
        """Record many finite numbers in base units; all of them or, on an error, none.

        :raises InvalidMetricError: if one is NaN or infinite.
        """
        if not values:
            return
        total = Sum.of_all(values)
        if not math.isfinite(total.floats) and not all(map(math.isfinite, values)):
            message = "a distribution holds finite numbers only"
            raise InvalidMetricError(message)
        self.add_checked(values, total, min(values), max(values))

    def add_checked(self, values: Sequence[float], total: Sum, least: float, most: float) -> None:
        """Record many numbers that are known to be finite (at least one).

        :param total: their sum.
        :param least: the smallest of them.
        :param most: the largest of them.
        """
        count, before, low, high, zeros, positive, negative, bound_counts = self._state
        if least > 0:
            positive = positive.counting(values, least, most, are_whole=total.are_whole)
        else:
            above = [value for value in values if value > 0]
            below = [-value for value in values if value < 0]
            zeros += len(values) - len(above) - len(below)
            if above:
                positive = positive.counting(above, min(above), most)
            if below:
                negative = negative.counting(below, min(below), -least)
        if self._bounds:
            bound_counts = bound_counts.copy()
            for value in values:
                bound_counts[bisect_left(self._bounds, value)] += 1
        low, high = min(low, least), max(high, most)
        self._state = (count + len(values), before.plus(total), low, high, zeros, positive, negative, bound_counts)

    def emptied(self) -> DistributionBuilder:
        """Give a new one with the same bounds and no observation."""
        return DistributionBuilder(self._bounds)

    def freeze(self) -> Distribution:
        """Give an immutable copy."""
        count, total, low, high, zeros, positive, negative, bound_counts = self._state
        made = object.__new__(_Unsealed)
        made.count = count
        made.total = total
        made.min = low if count else math.nan
        made.max = high if count else math.nan
        made.zeros = zeros
        made.positive = positive.freeze()
        made.negative = negative.freeze()
        made.bounds = self._bounds
        made.bound_counts = tuple(bound_counts)
        made.__class__ = Distribution
        sealed: Distribution = made
        return sealed


_State: TypeAlias = tuple[int, Sum, float, float, int, BucketArray, BucketArray, list[int]]


def checked_bounds(bounds: Iterable[float]) -> tuple[float, ...]:
    """Give bounds as a tuple of floats; an infinite last one is implied and dropped.

    :raises InvalidMetricError: unless they are finite and strictly ascending.
    """
    try:
        kept = tuple(map(float, bounds))
    except (TypeError, ValueError, OverflowError):
        message = f"bucket bounds {bounds!r} are not an iterable of numbers"
        raise InvalidMetricError(message) from None
    if kept and kept[-1] == math.inf:
        kept = kept[:-1]
    ascending = all(low < high for low, high in itertools.pairwise(kept))
    if not ascending or not all(map(math.isfinite, kept)):
        message = f"bucket bounds {kept} are not finite and strictly ascending"
        raise InvalidMetricError(message)
    return kept


def _common(mine: tuple[float, ...], theirs: tuple[float, ...]) -> tuple[float, ...]:
    if mine == theirs:
        return mine
    other = set(theirs)
    return tuple(bound for bound in mine if bound in other)


def _least(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return min(a, b)


def _running(counts: Iterable[int]) -> list[int]:
    total = 0
    running: list[int] = []
    for count in counts:
        total += count
        running.append(total)
    return running
