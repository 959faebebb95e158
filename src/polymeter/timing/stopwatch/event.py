"""StopwatchEvent: what is measured under one name, in one section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, final
from weakref import ref

from polymeter.counting import AtomicCount
from polymeter.timing.runs import PROCESS
from polymeter.timing.stopwatch.book import Page
from polymeter.timing.stopwatch.errors import StopwatchError
from polymeter.timing.stopwatch.period import StopwatchPeriod, as_read
from polymeter.timing.stopwatch.starts import Start, Starts
from polymeter.timing.stopwatch.strand import Strand, current_strand
from polymeter.timing.stopwatch.words import listed, summed_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.timing.stopwatch.book import Totals
    from polymeter.timing.stopwatch.parts import Parts
    from polymeter.timing.stopwatch.section import StopwatchSection

__all__ = ["CHILD", "DEFAULT_CATEGORY", "StopwatchEvent"]

CHILD: Final = "__section__.child"
DEFAULT_CATEGORY: Final = "default"


@final
class StopwatchEvent:
    """A name, its category and its periods. Times are milliseconds since the origin of the section.

    Starts nest: a stop ends the last start of its name in the same thread or task, and each of these has its own. What
    is read is of all of them, if not said otherwise.

    :ivar name: what it is called.
    """

    __slots__ = ("__weakref__", "_category", "_discarded", "_open", "_page", "_parts", "_section", "_started", "name")

    def __init__(self, name: str, category: str, section: StopwatchSection, parts: Parts) -> None:
        self.name = name
        self._category = category
        self._section = section
        self._parts = parts
        self._page = Page()
        self._open: dict[ref[Strand], Starts] = {}  # an entry goes with its thread or task
        self._started = AtomicCount()
        self._discarded = AtomicCount()

    @property
    def category(self) -> str:
        """What it belongs to; ``default`` if nobody said."""
        return self._category

    @property
    def section(self) -> StopwatchSection:
        """The section that it is in."""
        return self._section

    @property
    def origin(self) -> float:
        """Unix time, in milliseconds, that its times count from."""
        return self._section.origin

    @property
    def is_started(self) -> bool:
        """Whether this thread or task has started it and not stopped it."""
        starts = self._open.get(current_strand().ref)
        return starts is not None and bool(starts.open)

    @property
    def running(self) -> int:
        """How many starts, of all threads and tasks that live, wait for their stop."""
        return sum([len(starts.open) for starts in list(self._open.values())])

    @property
    def lost(self) -> int:
        """How many starts will never get a stop: their thread or task has ended, or there were too many of them."""
        return max(0, self._started.value - self._discarded.value - self._totals().ended - self.running)

    @property
    def count(self) -> int:
        """How many periods have ended."""
        return self._totals().periods

    @property
    def periods(self) -> tuple[StopwatchPeriod, ...]:
        """Those that have ended, in that order; the last ones, where there were more than are kept."""
        return self._parts.book.periods(self._page)

    @property
    def dropped(self) -> int:
        """How many periods are no longer kept. Count, duration, memory, first start and last end know them still."""
        return self._totals().dropped

    @property
    def last_period(self) -> StopwatchPeriod | None:
        """The one that ended last; ``None`` if none has."""
        return self._totals().last

    @property
    def start_time(self) -> float:
        """Start of the first period; if none has ended, the first start that waits for its stop; else 0."""
        first = self._totals().first
        if first is not None:
            return first.start_time
        return min([period.start_time for period in self.running_periods()], default=0)

    @property
    def end_time(self) -> float:
        """End of the last period; 0 if none has ended."""
        last = self.last_period
        return 0 if last is None else last.end_time

    @property
    def duration(self) -> float:
        """Milliseconds of all periods added up; one that is running counts until now."""
        now = self._parts.monotonic()
        so_far = sum([period.duration for period in self.running_periods(now)])
        return as_read(self._totals().duration + so_far, more_precision=self._parts.more_precision)

    @property
    def memory(self) -> int | None:
        """The most bytes that were in use when a period ended; ``None`` if that is not known of any."""
        return self._totals().memory

    def start(self) -> Self:
        """Begin a period."""
        return self.begin(None)

    def stop(self) -> Self:
        """End the period that this thread or task began last.

        :raises StopwatchError: if it has begun none.
        """
        self._stop()
        return self

    def lap(self) -> Self:
        """End the period that this thread or task began last, and begin the next at the same moment.

        In a ``with stopwatch.measure(...)`` block it is the block that ends the last lap.

        :raises StopwatchError: if it has begun none.
        """
        starts = self._open.get(current_strand().ref)
        opener = starts.open[-1].opener if starts is not None and starts.open else None
        return self.begin(opener, self._stop())

    def ensure_stopped(self) -> Self:
        """End all periods that this thread or task began; none is fine too."""
        while self.is_started:
            self.stop()
        return self

    def running_periods(self, now: float | None = None) -> list[StopwatchPeriod]:
        """Give what has been started and not stopped, in all threads and tasks, as periods until now."""
        now = self._parts.monotonic() if now is None else now
        found: list[StopwatchPeriod] = []
        for starts in list(self._open.values()):
            found += [self._period(start.at, max(start.at, now), starts.where) for start in starts.open.copy()]
        return found

    def begin(self, opener: object, at: float | None = None) -> Self:
        """Begin a period that :meth:`end` can end.

        :param at: reading of the monotonic clock; ``None``: now.
        """
        parts, strand = self._parts, current_strand()
        starts = self._open.get(strand.ref)
        if starts is None:
            # One call into C: a signal handler that came in between may have made it.
            starts = self._open.setdefault(ref(strand, _forgetting(self._open)), Starts(strand.name))
        self._started.add()
        starts.add(Start(parts.monotonic() if at is None else at, opener, PROCESS.token), parts.limits.periods)
        return self

    def end(self, opener: object) -> bool:
        """End the last period that ``opener`` began, wherever that was; tell whether there was one. Never raises."""
        now = self._parts.monotonic()
        mine = self._open.get(current_strand().ref)
        if mine is not None and self._end_of(opener, mine, now):
            return True
        return any(self._end_of(opener, starts, now) for starts in list(self._open.values()) if starts is not mine)

    def clear(self, category: str | None) -> None:
        """Forget all periods, and the starts of this thread or task."""
        starts = self._open.get(current_strand().ref)
        while starts is not None and starts.open:
            starts.open.pop()
            self._discarded.add()
        self._category = category or self._category
        self._parts.book.clear(self._page)

    def _stop(self) -> float:
        """End the last period that was begun here; give the reading of the monotonic clock."""
        now, strand = self._parts.monotonic(), current_strand()
        starts = self._open.get(strand.ref)
        if starts is not None:
            try:
                start = starts.open.pop()
            except IndexError:
                if starts.lost:  # its start was one too many
                    starts.lost -= 1
                    return now
            else:
                self._end(start, now, strand.name)
                return now
        elsewhere = [each.where for each in list(self._open.values()) if each.open]
        message = (
            f"stop({self.name!r}): it is not started in {strand.name}"
            + (f", but in {listed(elsewhere)}, which has to stop it itself" if elsewhere else "")
            + f"; started here: {listed(self._section.started_here())}"
        )
        raise StopwatchError(message)

    def _end_of(self, opener: object, starts: Starts, now: float) -> bool:
        start = starts.take(opener)
        if start is None:
            return False
        self._end(start, now, starts.where)
        return True

    def _end(self, start: Start, now: float, where: str) -> None:
        parts, section = self._parts, self._section
        period = self._period(start.at, now, where, parts.read_memory())
        parts.book.add(self._page, period)
        if start.process is PROCESS.token and self.name != CHILD:
            parts.tell.ended(self.name, self._category, section.id, (now - start.at) * 1000.0, period.memory)

    def _period(self, start: float, end: float, where: str, memory: int | None = None) -> StopwatchPeriod:
        since = self._section.milliseconds_of
        return StopwatchPeriod(
            since(start), since(end), memory=memory, where=where, more_precision=self._parts.more_precision
        )

    def _totals(self) -> Totals:
        return self._parts.book.totals(self._page)

    def __str__(self) -> str:
        return summed_up(self)

    def __repr__(self) -> str:
        return f"<StopwatchEvent {self}>"


def _forgetting(starts: dict[ref[Strand], Starts]) -> Callable[[ref[Strand]], object]:
    return lambda gone: starts.pop(gone, None)
