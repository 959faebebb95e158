"""Windows: time cut into equal pieces, the same ones in every process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import DefinitionError, InvalidMetricError

if TYPE_CHECKING:
    from polymeter.data.metric import Metric

__all__ = ["APPLIED", "FUTURE", "LATE", "Grid", "Placer", "Window"]

APPLIED: Final = "applied"
LATE: Final = "late"
"""Older than every window: in the totals alone."""
FUTURE: Final = "future"
"""Too far ahead of the clock: placed now."""

_SHORTEST: Final = 0.001
_FEWEST: Final = 2


class Window(NamedTuple):
    """One window, and what happened in it."""

    start: float
    """Unix seconds, included: a multiple of the window's length."""
    end: float
    """Unix seconds, not included: the start of the next window."""
    metric: Metric
    """Everything of the window as one metric; the empty one of its kind if there was nothing."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where windows begin and end, and which of them are kept. Window ``i`` is ``[i * seconds, (i + 1) * seconds)``.

    :ivar seconds: length of a window.
    :ivar keep: how many windows are kept, the running one included.
    :ivar future: seconds that a record may be ahead of the clock.
    """

    seconds: float
    keep: int
    future: float

    def __post_init__(self) -> None:
        if not _is_number(self.seconds) or self.seconds < _SHORTEST:
            message = f"seconds={self.seconds!r} is no length of a window: use {_SHORTEST} or more"
            raise DefinitionError(message)
        if isinstance(self.keep, bool) or not isinstance(self.keep, int) or self.keep < _FEWEST:
            message = f"keep={self.keep!r} windows are too few: use a whole number, 2 or more (one of them is running)"
            raise DefinitionError(message)
        if not _is_number(self.future) or self.future < 0:
            message = f"future={self.future!r} is no number of seconds ahead: use 0 or more"
            raise DefinitionError(message)

    def index_of(self, at: float) -> int:
        """Give the index of the window that ``at`` (Unix seconds) is in."""
        index = math.floor(at / self.seconds)
        # Of lengths such as 0.1 the division may round across a border; `start_of` decides.
        while self.start_of(index) > at:
            index -= 1
        while self.start_of(index + 1) <= at:
            index += 1
        return index

    def start_of(self, index: int) -> float:
        """Give the Unix seconds at which a window begins."""
        return index * self.seconds

    def kept(self, now: float) -> range:
        """Give the indexes of the windows that are kept at ``now``, those ahead of the clock included."""
        return range(self.oldest(now), self.index_of(now + self.future) + 1)

    def last(self, seconds: float, now: float) -> range:
        """Give the indexes of the kept windows that the last ``seconds`` touch, the running one included.

        :raises InvalidMetricError: unless ``seconds`` is more than 0 and no more than is kept.
        """
        most = self.keep * self.seconds
        if not _is_number(seconds) or not 0 < seconds <= most:
            message = f"seconds={seconds!r} cannot be looked back: use more than 0 and at most {most} (keep * seconds)"
            raise InvalidMetricError(message)
        return range(max(self.index_of(now - seconds), self.oldest(now)), self.index_of(now) + 1)

    def oldest(self, now: float) -> int:
        """Give the index of the oldest window that is kept at ``now``."""
        return self.index_of(now) - self.keep + 1


class Placer:
    """Places one record after the other; quick where one belongs to the same window as the one before."""

    __slots__ = ("_end", "_first", "_grid", "_index", "_known_from", "_known_to", "_start")

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._index = 0
        self._start = self._end = self._known_from = self._known_to = self._first = math.nan

    def __call__(self, said: float | None, made: float) -> tuple[float, str]:
        """Give the time at which a record belongs, and what becomes of it.

        :param said: the time that it says, if it does.
        :param made: the time at which it was made.
        """
        if said is None:
            return made, APPLIED
        if said > made + self._grid.future:
            return made, FUTURE
        if not self._known_from <= made < self._known_to:
            running = self._grid.index_of(made)
            self._known_from, self._known_to = self._grid.start_of(running), self._grid.start_of(running + 1)
            self._first = self._grid.start_of(self._grid.oldest(made))
        return said, LATE if said < self._first else APPLIED

    def index_of(self, at: float) -> int:
        """Give the index of the window that ``at`` is in."""
        if not self._start <= at < self._end:
            self._index = self._grid.index_of(at)
            self._start, self._end = self._grid.start_of(self._index), self._grid.start_of(self._index + 1)
        return self._index


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
