"""Counts per bucket: a dense array grown by span, as narrow as its largest count allows."""

from __future__ import annotations

import itertools
import math
import operator
from array import array
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.data.buckets import (
    HIGHEST,
    LOWEST,
    PER_DOUBLING,
    WHOLE_NUMBERS,
    bucket_of,
    buckets_of_whole_numbers,
)
from polymeter.data.value import Immutable, Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["NO_BUCKETS", "BucketArray", "Buckets"]

_Counts: TypeAlias = "bytearray | array[int]"

_CHUNK: Final = 32  # the array grows by whole chunks, so that a wandering value does not copy it each time
_WIDER: Final = {"B": "H", "H": "I", "I": "Q"}


class Buckets(Value, Immutable):
    """Immutable counts of consecutive buckets, with no zero at either end.

    :ivar offset: bucket index of the first count (0 when there are none).
    :ivar counts: one count per bucket; ``bytes`` while all fit in one byte each.
    """

    __slots__ = __match_args__ = ("offset", "counts")

    offset: int
    counts: bytes | tuple[int, ...]

    def __init__(self, offset: int = 0, counts: bytes | tuple[int, ...] = b"") -> None:
        put = object.__setattr__
        put(self, "offset", offset)
        put(self, "counts", counts)

    @property
    def end(self) -> int:
        """Bucket index just past the last count."""
        return self.offset + len(self.counts)

    @property
    def total(self) -> int:
        """All counts together."""
        return sum(self.counts)

    def between(self, start: int, end: int) -> int:
        """Give the counts of the buckets ``start`` (included) to ``end`` (excluded) together."""
        first = max(start - self.offset, 0)
        last = max(end - self.offset, 0)
        return sum(self.counts[first:last])

    def items(self) -> Iterator[tuple[int, int]]:
        """Walk over ``(bucket index, count)`` of the buckets that are not empty, ascending."""
        return ((index, count) for index, count in enumerate(self.counts, self.offset) if count)

    def plus(self, other: Buckets) -> Buckets:
        """Give both together."""
        if not other.counts:
            return self
        if not self.counts:
            return other
        low, high = min(self.offset, other.offset), max(self.end, other.end)
        return _packed(low, list(map(operator.add, self._over(low, high), other._over(low, high))))

    @staticmethod
    def of_all(many: Sequence[Buckets]) -> Buckets:
        """Give all of them together: the same as adding them one by one, in less time."""
        if len(many) < 2:  # noqa: PLR2004
            return many[0] if many else NO_BUCKETS
        low, high = min(each.offset for each in many), max(each.end for each in many)
        padded = [each._over(low, high) for each in many]  # noqa: SLF001 - of this very class
        return _packed(low, list(map(sum, zip(*padded, strict=True))))

    def minus(self, earlier: Buckets) -> Buckets:
        """Give what was added since ``earlier``; a bucket that shrank counts as 0."""
        if not earlier.counts:
            return self
        low, high = min(self.offset, earlier.offset), max(self.end, earlier.end)
        added = map(operator.sub, self._over(low, high), earlier._over(low, high))
        return _packed(low, [max(0, count) for count in added])

    def _over(self, low: int, high: int) -> Iterable[int]:
        """Give the counts of the buckets ``low`` to ``high`` (excluded), which are no fewer than there are here."""
        if not self.counts:
            return itertools.repeat(0, high - low)
        if low == self.offset and high == self.end:
            return self.counts
        return itertools.chain(
            itertools.repeat(0, self.offset - low), self.counts, itertools.repeat(0, high - self.end)
        )


def _packed(offset: int, counts: bytearray | array[int] | list[int]) -> Buckets:
    """Give counts in their one canonical form."""
    if isinstance(counts, bytearray):
        kept_bytes = counts.lstrip(b"\0")
        offset += len(counts) - len(kept_bytes)
        kept_bytes = kept_bytes.rstrip(b"\0")
        return Buckets(offset, bytes(kept_bytes)) if kept_bytes else NO_BUCKETS
    if not any(counts):
        return NO_BUCKETS
    first, last = 0, len(counts)
    while not counts[first]:
        first += 1
    while not counts[last - 1]:
        last -= 1
    kept = counts[first:last]
    return Buckets(offset + first, bytes(kept) if max(kept) < 1 << 8 else tuple(kept))


NO_BUCKETS: Final = Buckets()


class BucketArray:
    """The mutable side of :class:`Buckets`: what a series counts into."""

    __slots__ = ("_counts", "_offset")

    def __init__(self) -> None:
        self._offset = 0
        self._counts: _Counts = bytearray()

    def add(self, index: int, count: int = 1) -> None:
        """Add ``count`` to one bucket."""
        at = index - self._offset
        if not 0 <= at < len(self._counts):
            self._grow(index, index + 1)
            at = index - self._offset
        try:
            self._counts[at] += count
        except (ValueError, OverflowError):  # the count does not fit: bytearray says ValueError, array OverflowError
            self._widen()
            self.add(index, count)

    def counting(
        self, magnitudes: Collection[Any], least: float, most: float, *, are_whole: bool = False
    ) -> BucketArray:
        """Give another array in which each of ``magnitudes`` counts one more in its bucket; this one stays as it is.

        :param magnitudes: finite numbers > 0, at least one.
        :param least: the smallest of them.
        :param most: the largest of them.
        :param are_whole: whether all of them are known to be ``int``.
        """
        low, high = bucket_of(least), bucket_of(most)
        twin = self.copy()
        twin._grow(low, high + 1)  # noqa: SLF001 - of this very class
        try:
            if are_whole and most < WHOLE_NUMBERS:
                twin._count_whole(magnitudes)  # noqa: SLF001 - of this very class
            else:
                twin._count(magnitudes, is_clamped=low == LOWEST or high == HIGHEST)  # noqa: SLF001 - of this very class
        except (ValueError, OverflowError):  # a count grew too large for its place: again, with wider ones
            wider = self.copy()
            wider._widen()  # noqa: SLF001 - of this very class
            return wider.counting(magnitudes, least, most, are_whole=are_whole)
        return twin

    def _count_whole(self, magnitudes: Collection[int]) -> None:
        counts, offset, bucket = self._counts, self._offset, buckets_of_whole_numbers()
        for magnitude in magnitudes:
            counts[bucket[magnitude] - offset] += 1

    def _count(self, magnitudes: Collection[float], *, is_clamped: bool) -> None:
        counts, offset = self._counts, self._offset
        if is_clamped:
            for index in map(bucket_of, magnitudes):
                counts[index - offset] += 1
        else:  # as bucket_of, written out: this is the one place where every single observation passes through Python
            log2, ceil, first = math.log2, math.ceil, offset + 1
            for magnitude in magnitudes:
                counts[ceil(log2(magnitude) * PER_DOUBLING) - first] += 1

    def copy(self) -> BucketArray:
        """Give another array with the same counts."""
        twin = BucketArray()
        twin._offset = self._offset
        twin._counts = self._counts[:]
        return twin

    def freeze(self) -> Buckets:
        """Give an immutable copy in its one canonical form, whatever order it was counted in."""
        return _packed(self._offset, self._counts)

    def _grow(self, start: int, end: int) -> None:
        if not self._counts:
            self._offset = start
        low = min(start, self._offset)
        high = max(end, self._offset + len(self._counts))
        before = self._offset - low
        after = high - self._offset - len(self._counts)
        if not before and not after:
            return
        before += -before % _CHUNK
        after += -after % _CHUNK
        if isinstance(self._counts, bytearray):
            self._counts = bytearray(before) + self._counts + bytearray(after)
        else:
            code = self._counts.typecode
            self._counts = array(code, [0]) * before + self._counts + array(code, [0]) * after
        self._offset -= before

    def _widen(self) -> None:
        code = "B" if isinstance(self._counts, bytearray) else self._counts.typecode
        self._counts = array(
            _WIDER[code], list(self._counts)
        )  # a list: of bytes it would take the bits, not the counts
