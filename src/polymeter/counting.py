"""A count that any thread, signal handler or finaliser may raise, without a lock."""

from __future__ import annotations

from itertools import count

__all__ = ["AtomicCount"]


class AtomicCount:
    """A number that only goes up, by one.

    ``add()`` is one call into C, atomic with and without the GIL: nothing that re-enters it can lose a count.
    """

    __slots__ = ("_count", "add")

    def __init__(self) -> None:
        self._count = count()
        self.add = self._count.__next__

    @property
    def value(self) -> int:
        """How often ``add`` was called."""
        return int(repr(self._count)[len("count(") : -1])  # the one way to look that does not add
