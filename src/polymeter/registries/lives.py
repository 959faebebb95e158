"""Lives: how series end, and how they come back when somebody still records on them."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.kind import Kind
from polymeter.registries.readers import Reader
from polymeter.registries.weakly import Weakly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from polymeter.clock import Clock
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.registries.family import Family
    from polymeter.registries.series import Series

__all__ = ["Lives"]

_SAME_START: Final = 0.001
_HELD_SECONDS: Final = 60.0


class Lives:
    """Starts, ends and returns of the series of one registry: all but ``new_start`` in a drain's turn.

    :ivar last: where the last value of every series that ends is put, with whether somebody ordered it; None: nowhere.
    """

    __slots__ = ("_clock", "_detached", "_just_detached", "_latest_end", "_latest_start", "_now", "_readers", "last")

    def __init__(self, clock: Clock, now: Callable[[], float]) -> None:
        """:param now: gives Unix seconds that never go back."""
        self.last: list[tuple[Metric, bool]] | None = None
        self._clock = clock
        self._now = now
        self._latest_start = self._latest_end = 0.0
        self._readers: Weakly[Reader] = Weakly()
        # Series that have ended while somebody may still record on them; the last ones held for a while, because a
        # thread may stand between finding one and recording on it.
        self._detached: Weakly[Series[Any]] = Weakly()
        self._just_detached: deque[tuple[float, Series[Any]]] = deque()

    def new_start(self) -> float:
        """Give a start that is later than the end of every series: a new life must not be taken for the old one."""
        now = self._now()
        if now - self._latest_start > _SAME_START:  # else the same object: a hundred thousand floats take room
            self._latest_start = now
        if self._latest_start <= self._latest_end:
            self._latest_start = math.nextafter(self._latest_end, math.inf)
        return self._latest_start

    def reader(self) -> Reader:
        """Give one who is shown the last value of every series that ends."""
        reader = Reader()
        self._readers.add(reader)
        return reader

    # -- ends

    def end(self, ending: Iterable[Series[Any]], *, by_order: bool = False) -> None:
        """End series: show their last value to the readers, keep it in the total, and have no series of them."""
        self._latest_end = now = self._now()
        for series in ending:
            shelf, texts = series.place
            if shelf.series.get(texts) is not series:
                continue
            family = series.family
            last = series.frozen(now)
            for reader in self._readers:
                reader.ended(last)
            total = family.ended
            if series.kind is not Kind.GAUGE:
                total = last.retagged(None) if total is None else total.merge(last.retagged(None))
            self._hold(series)
            told = self.last
            # From here on nothing is called: no handler raises in between.
            if told is not None:
                told += [(last, by_order)]
            family.ended = total
            del shelf.series[texts]
            series.began = None
            series.reset()
            family.budget.release()

    def end_idle(self, families: Iterable[Family]) -> set[Kind]:
        """End what nobody has recorded on for too long; give the kinds of those."""
        now = self._clock.monotonic()
        ended: set[Kind] = set()
        for family in families:
            if family.expire_after is not None:
                idle = family.idle(now)
                self.end(idle)
                ended |= {series.kind for series in idle}
        return ended

    def end_all(self, families: Iterable[Family]) -> None:
        """Forget all series and what they had counted. Those that are made meanwhile belong to the time after it."""
        self._latest_end = self._now()
        for series in self._detached:
            if series.pending:
                series.pending.clear()
        for family in families:
            for shelf in list(family.shelves.values()):
                for texts, series in list(shelf.series.items()):
                    if series.pending:
                        series.pending.clear()
                    self._hold(series)
                    series.reset()
                    # As above; a handler may have done the same already.
                    if texts in shelf.series and shelf.series[texts] is series:
                        del shelf.series[texts]
                        series.began = None
            family.forget()
        for reader in self._readers:
            reader.forget()

    def _hold(self, series: Series[Any]) -> None:
        """Stay in reach of a series that ends."""
        series.family.touched.pop(series, None)
        self._detached.add(series)
        self._just_detached.append((self._clock.monotonic(), series))

    # -- coming back

    def held(self) -> list[Series[Any]]:
        """Give the series that have ended and that somebody may still record on."""
        return list(self._detached)

    def returning(self) -> Iterator[Series[Any]]:
        """Give the series that were recorded on after their end; let go of those that nobody holds."""
        for series in self._detached:
            if series.pending:
                yield series
        now, held = self._clock.monotonic(), self._just_detached
        while held and now - held[0][0] > _HELD_SECONDS:
            held.popleft()

    def alive(self, series: Series[Any], definition: MetricDefinition) -> Series[Any]:
        """Give what counts the records of a series that has ended: itself, in a new life, or the one in its place."""
        shelf, texts = series.place
        while (current := shelf.series.setdefault(texts, series)) is series and not series.attached:
            shelf.family.budget.take()
            series.renew(definition)
            series.began = self.new_start()
            if shelf.series.get(texts) is not series:  # a handler has cleared meanwhile
                series.began = None
        self._detached.discard(current)
        return current
