"""Batch: records of one series, sorted by window. Nothing that can be seen changes here."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.data.kind import Kind
from polymeter.registries.window_cells import Reading
from polymeter.registries.windows import APPLIED, FUTURE, LATE, Placer

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.registries.window_cells import Cell, Identity
    from polymeter.registries.windows import Grid

__all__ = ["INFINITE", "Batch", "Total"]

INFINITE: Final = "infinite"
"""The reason of what no base unit can hold."""


class Total(NamedTuple):
    """What ever counted in a series."""

    start: float
    """Unix seconds since which it has been gathered."""
    cell: Cell
    latest: float = -math.inf
    """Of a gauge, when the last reading was made that did not say its time."""


class Batch:
    """Records of one series, in the order in which they were made.

    :ivar counted: what became of them -> how many.
    :ivar by_window: index -> the values of a window: numbers in base units, or readings.
    """

    __slots__ = ("_all", "_identity", "_latest", "_next_sequence", "_place", "_start", "_total", "by_window", "counted")

    def __init__(self, identity: Identity, total: Total | None, grid: Grid, next_sequence: Callable[[], int]) -> None:
        """:param total: what the series has so far; ``None`` if it is new."""
        self._identity = identity
        self._total = total or Total(math.inf, identity.empty)
        self._start, _, self._latest = self._total
        self._place = Placer(grid)
        self._next_sequence = next_sequence
        self._all: list[Any] = []
        self.counted: defaultdict[str, int] = defaultdict(int)
        self.by_window: defaultdict[int, list[Any]] = defaultdict(list)

    def take(self, number: float | None, said: float | None, made: float) -> None:
        """Take one record.

        :param number: what was recorded; ``None``: nothing, but the series exists from now on.
        :param said: the time that the record says, if it does.
        :param made: the time at which it was made.
        """
        if number is None:
            self._start = min(self._start, made)
            return
        value: Any = self._identity.in_base(number) if self._identity.converts else number
        if value is None:
            self.counted[INFINITE] += 1
            return
        when, became = self._place(said, made)
        if became is not APPLIED:
            self.counted[became] += 1
        if self._identity.kind is Kind.GAUGE:
            value = self._reading(value, None if became is FUTURE else said, made)
        self._all.append(value)
        if became is LATE:  # far away: in no window, and it does not move the start
            self._start = min(self._start, made)
        else:
            self._start = min(self._start, when, made)
            self.by_window[self._place.index_of(when)].append(value)

    def _reading(self, value: float, said: float | None, made: float) -> Reading:
        if said is None:
            # Program order wins over a clock that is stepped back.
            self._latest = said = max(self._latest, made)
        return Reading(said, self._next_sequence(), value)

    def total(self) -> Total | None:
        """Give what the series has with these records; ``None`` if it still does not exist. To be asked once."""
        if self._start == math.inf:
            return None
        cell = self._total.cell
        if self._all:
            self.counted[APPLIED] += len(self._all)
            cell = cell.plus(self._all)
        return Total(self._start, cell, self._latest)
