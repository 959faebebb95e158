"""WindowStore: records of one epoch, sorted into windows.

Recording appends to one list, which is one call into C; whoever fills it, or reads, drains it. What is in the list has
been checked, so a drain runs no code of anybody else's.

A drain changes nothing that can be seen until it has worked everything out. Then it notes what to put where (the new
cells themselves, not what to add to the old ones), and puts it there. Wherever it is interrupted, by a signal handler
that raises or one that reads, either nothing has happened yet, or whoever comes next goes through the note again.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from polymeter.registries.turn import Turn, give_way, here, new_claim
from polymeter.registries.window_batch import Batch
from polymeter.registries.window_cells import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.clock import Clock
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.kind import Kind
    from polymeter.data.tags import Tags
    from polymeter.registries.budget import Budget
    from polymeter.registries.window_batch import Total
    from polymeter.registries.window_cells import Cell
    from polymeter.registries.windowed_series import WindowedSeries
    from polymeter.registries.windows import Grid

__all__ = ["PENDING_LIMIT", "SeriesKey", "WindowStore"]

SeriesKey: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A name and the canonical items of tags."""

PENDING_LIMIT: Final = 1024
"""So many records wait before whoever made the last one drains them: a soft bound."""

_MOST_PENDING: Final = 8 * PENDING_LIMIT
"""So many may wait while a drain is running before whoever makes the next one gives way to it."""

_Record: TypeAlias = "tuple[WindowedSeries[Any], float | None, float | None, float]"
"""The series, the number (``None``: it was bound), the time it says, and the time it was made at."""

_Changes: TypeAlias = "list[tuple[dict[Any, Any], Any, Any]]"
"""A dict, a key in it, and what to put there."""


T = TypeVar("T")


class WindowStore:
    """Everything that is kept between two ``clear()``.

    :ivar pending: records that no drain has taken yet.
    :ivar series: what can be recorded on, by key.
    :ivar known: the same by kind, name and items of tags as they came: the first look-up.
    :ivar budgets: metric name -> how many series it has.
    """

    def __init__(
        self,
        grid: Grid,
        clock: Clock,
        define: Callable[[str, Kind], MetricDefinition],
        next_sequence: Callable[[], int],
    ) -> None:
        """Make an empty one.

        :param define: gives the definition of a name.
        :param next_sequence: gives the place of one reading in the order of all.
        """
        self.pending: list[_Record] = []
        self.series: dict[SeriesKey, WindowedSeries[Any]] = {}
        self.known: dict[object, WindowedSeries[Any]] = {}
        self.budgets: dict[str, Budget] = {}
        self._grid = grid
        self._wall = clock.wall
        self._turn = Turn()
        self._define = define
        self._next_sequence = next_sequence
        self._identities: dict[SeriesKey, Identity] = {}
        self._totals: dict[Identity, Total] = {}
        self._windows: dict[int, dict[Identity, Cell]] = {}
        self._tally: dict[tuple[str, str], int] = {}
        self._noted: tuple[_Changes, int] | None = None

    @property
    def is_inherited(self) -> bool:
        """Whether this is a forked child's copy of its parent's records."""
        return self._turn.is_inherited

    # -- recording

    def put(self, series: WindowedSeries[Any], number: float | None, at: float | None) -> None:
        """Take one record: a checked number and a checked time, if it says one."""
        pending = self.pending
        pending.append((series, number, at, self._wall()))
        if len(pending) >= PENDING_LIMIT:
            if not self._turn.claims:
                self._settled(_nothing, wait=False)
            elif len(pending) >= _MOST_PENDING:
                give_way()

    # -- draining

    def _settled(self, read: Callable[[], T], *, wait: bool = True) -> T:
        """Drain, and give what ``read`` gives then, with nobody else draining meanwhile.

        Inside of a drain, or of another read, it reads what is published; so it does when the drain of another thread
        does not come to an end.
        """
        claim, turn, outer = new_claim(), self._turn, here.claim
        try:
            if turn.comes(claim, wait=wait):
                here.claim = claim
                self._settle()
            elif turn.claims.get(None) == claim:  # this very thread's
                self._put_in_place()
            return read()
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]
            here.claim = outer

    def _settle(self) -> None:
        self._finish()  # what was interrupted
        batch = self.pending[:]
        kept = self._grid.kept(self._wall())
        if batch:
            self._noted = (self._worked_out(batch, kept), len(batch))
            self._finish()
        for index in [each for each in self._windows if each not in kept]:
            del self._windows[index]

    def _finish(self) -> None:
        taken = self._put_in_place()
        # One statement, in which nothing is called: no signal handler comes in between.
        self._noted, self.pending[:taken] = None, ()

    def _put_in_place(self) -> int:
        """Publish what a drain has worked out, or has begun to; give how many records that was."""
        if self._noted is None:
            return 0
        changes, taken = self._noted
        for place, key, value in changes:
            place[key] = value
        return taken

    def _worked_out(self, batch: list[_Record], kept: range) -> _Changes:
        # Two objects may record on one series, one of them made before a clear() and one after it.
        identities: dict[WindowedSeries[Any], Identity] = {}
        by_identity: defaultdict[Identity, list[_Record]] = defaultdict(list)
        for record in batch:
            series = record[0]
            identity = identities.get(series)
            if identity is None:
                identity = identities[series] = self._identity_of(series)
            by_identity[identity].append(record)
        changes: _Changes = []
        tally: defaultdict[tuple[str, str], int] = defaultdict(int)
        for identity, records in by_identity.items():
            sorted_out = Batch(identity, self._totals.get(identity), self._grid, self._next_sequence)
            for _, number, said, made in records:
                sorted_out.take(number, said, made)
            total = sorted_out.total()
            if total is not None:
                changes.append((self._totals, identity, total))
            for index, values in sorted_out.by_window.items():
                if index in kept:  # else it has left since the records were made
                    window = self._windows.setdefault(index, {})
                    changes.append((window, identity, window.get(identity, identity.empty).plus(values)))
            for what, count in sorted_out.counted.items():
                tally[identity.name, what] += count
        changes += [(self._tally, key, self._tally.get(key, 0) + count) for key, count in tally.items()]
        return changes

    def _identity_of(self, series: WindowedSeries[Any]) -> Identity:
        identity = self._identities.get(series.key)
        if identity is None:
            identity = Identity(self._define(series.name, series.kind), series.tags)
            identity = self._identities.setdefault(series.key, identity)
        return identity

    # -- reading

    def totals(self) -> list[tuple[Identity, Total]]:
        """Give what ever counted, by series."""
        return self._settled(lambda: list(self._totals.items()))

    def total_of(self, key: SeriesKey) -> tuple[Identity, Total] | None:
        """Give what ever counted in one series; ``None`` if it has nothing."""

        def read() -> tuple[Identity, Total] | None:
            identity = self._identities.get(key)
            total = None if identity is None else self._totals.get(identity)
            return None if identity is None or total is None else (identity, total)

        return self._settled(read)

    def tally(self) -> dict[tuple[str, str], int]:
        """Give ``(metric, what became of it)`` -> number of records, of all that were drained."""
        return self._settled(self._tally.copy)

    def windows(
        self, name: str, tags: Tags, span: Callable[[float], Iterable[int]]
    ) -> tuple[float, dict[int, list[tuple[Identity, Cell]]]]:
        """Give the time of now, and by index the cells of a name whose tags include ``tags``.

        :param span: gives the indexes to look at, from the time of now.
        """

        def read() -> tuple[float, dict[int, list[tuple[Identity, Cell]]]]:
            now = self._wall()
            chosen = [each for each in list(self._totals) if each.name == name and each.tags.contains(tags)]
            found: dict[int, list[tuple[Identity, Cell]]] = {}
            for index in span(now):
                window = self._windows.get(index)
                cells = [(each, window[each]) for each in chosen if each in window] if window else []
                if cells:
                    found[index] = cells
            return now, found

        return self._settled(read)


def _nothing() -> None:
    pass
