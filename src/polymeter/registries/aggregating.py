"""AggregatingRegistry: one live series per name and tags. The default."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.metric import is_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.base import RESERVED
from polymeter.registries.budget import DEFAULT_BUDGET
from polymeter.registries.by_name import ByName
from polymeter.registries.drain import Drain
from polymeter.registries.family import Family, LookUp, Way, split
from polymeter.registries.filters.finding import FindsFiltered
from polymeter.registries.filters.taking import DENIED
from polymeter.registries.lives import Lives
from polymeter.registries.null import NullSeries
from polymeter.registries.poison import LARGEST, PLAIN, reason_to_refuse
from polymeter.registries.rows import RowBuffer
from polymeter.registries.series import FULL, ONE, Series, series_of
from polymeter.registries.turn import give_way
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from polymeter.contracts import Observed
    from polymeter.data.layout import RowLayout
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.registries.drain import Source
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.filters.route import FilteredLookUp, Route
    from polymeter.registries.readers import Reader
    from polymeter.registries.series import CounterSeries, GaugeSeries, HistogramSeries, TimerSeries, UpDownSeries

__all__ = ["AggregatingRegistry"]

_MOST_WAITING: Final = 1024 - 1  # as FULL
_USUAL: Final = 2**30 - 1  # integers up to here are compared fast
_MOST_PENDING: Final = 8 * 1024
"""So many records wait while a drain is running before whoever makes the next one gives way to it."""


class AggregatingRegistry(FindsFiltered):
    """Keeps one series per name and tags: memory grows with series, not with records.

    Recording takes no lock that user code could meet again: see :mod:`polymeter.registries.series`. Reading drains
    first, so that a thread reads what it wrote. A read from inside a drain of the same thread (a signal handler, a
    finaliser) gets what was published last.

    The verbs give back the live series, which reads as a metric; ``freeze()`` gives its value. ``at`` orders the
    readings of a gauge; the other kinds keep no time here and ignore it.
    """

    def __init__(
        self,
        *,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        budget: int = DEFAULT_BUDGET,
        expire_after: float | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Make an empty registry.

        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param budget: how many series one metric may have, unless its definition says otherwise (>= 1).
        :param expire_after: seconds without a record after which a series ends, unless its definition says otherwise.
        :param filters: what renames, drops and denies metrics: see :mod:`polymeter.registries.filters`.
        :raises InvalidTagsError: for a resource that is no tags.
        :raises DefinitionError: for a budget or an ``expire_after`` that cannot be, or something that is no filter.
        """
        super().__init__(clock=clock, resource=resource, filters=filters)
        MetricDefinition.of("any", Kind.COUNTER, budget=budget, expire_after=expire_after)  # checks both
        self._budget = budget
        self._expire_after = expire_after
        self._expires = expire_after is not None
        self._families: dict[str, Family] = {}
        # Kind -> (name, *tag names in the order given), or the name alone without tags -> how to look up by values.
        self._look_ups: dict[Kind, dict[object, LookUp | FilteredLookUp]] = {kind: {} for kind in Kind}
        self._routes: dict[tuple[Kind, str, tuple[str, ...]], Route] = {}
        # Kind -> name -> the short way to series with the tag names that came first.
        self._ways: dict[Kind, dict[str, Way]] = {kind: {} for kind in Kind}
        self._counters, self._levels = self._ways[Kind.COUNTER], self._ways[Kind.UP_DOWN]
        self._gauges, self._histograms = self._ways[Kind.GAUGE], self._ways[Kind.HISTOGRAM]
        self._timers = self._ways[Kind.TIMER]
        # Records by name wait here together with their series; those on a bound series wait with it.
        self._by_name = ByName()
        self._waiting = self._by_name.records
        self._lists: WeakKeyDictionary[Series[Any], list[Any]] = WeakKeyDictionary()
        self._to_wake: list[Callable[[], object]] = []
        self._rows: dict[RowLayout, RowBuffer] = {}
        self._lives = Lives(clock, self.now)
        self._drain = Drain(self)
        self._sequence = itertools.count()
        self._taps: tuple[Observed, ...] = ()
        self.tap: Observed | None = None
        after_fork(self)

    # -- recording

    def counter(
        self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None
    ) -> CounterSeries | NullSeries:
        """Add ``increment`` (>= 0) to a counter."""
        del at
        amount: float | None = None  # one: see `CounterSeries.add`
        if increment is not ONE:
            amount = increment
            if increment.__class__ is not int or not 0 <= increment <= _USUAL:
                reason = reason_to_refuse(increment, negative=False)
                if reason is not None:
                    return self._refused(Kind.COUNTER, name, reason)
        try:
            width, pick, find = self._counters[name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
            else:
                found = None if width or tags else find(())
        except Exception:  # noqa: BLE001 - a first time, other tag names, or values that no dict can hold
            found = None
        series: CounterSeries | NullSeries = found or self._make(Kind.COUNTER, name, tags)
        pending = series.pending
        if pending is None:
            self._waiting.append((series, amount))
            if not len(self._waiting) & _MOST_WAITING:
                self._drain_by_name()
        else:
            pending.append(amount)
            if not len(pending) & FULL:
                self.drain_full(series)
        return series

    def up_down(
        self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> UpDownSeries | NullSeries:
        """Add ``by``, which may be negative, to an up-down counter."""
        del at
        if by.__class__ is not int or not -_USUAL <= by <= _USUAL:
            reason = reason_to_refuse(by, negative=True)
            if reason is not None:
                return self._refused(Kind.UP_DOWN, name, reason)
        try:
            width, pick, find = self._levels[name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
            else:
                found = None if width or tags else find(())
        except Exception:  # noqa: BLE001 - a first time, other tag names, or values that no dict can hold
            found = None
        series: UpDownSeries | NullSeries = found or self._make(Kind.UP_DOWN, name, tags)
        pending = series.pending
        if pending is None:
            self._waiting.append((series, by))
            if not len(self._waiting) & _MOST_WAITING:
                self._drain_by_name()
        else:
            pending.append(by)
            if not len(pending) & FULL:
                self.drain_full(series)
        return series

    def gauge(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> GaugeSeries | NullSeries:
        """Take ``value`` as the reading of a gauge, now or at ``at`` (Unix seconds)."""
        if value.__class__ not in PLAIN or not -LARGEST < value < LARGEST:
            reason = reason_to_refuse(value, negative=True)
            if reason is not None:
                return self._refused(Kind.GAUGE, name, reason)
        try:
            width, pick, find = self._gauges[name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
            else:
                found = None if width or tags else find(())
        except Exception:  # noqa: BLE001 - a first time, other tag names, or values that no dict can hold
            found = None
        series: GaugeSeries | NullSeries = found or self._make(Kind.GAUGE, name, tags)
        series.set(value, at=at)
        return series

    def histogram(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> HistogramSeries | NullSeries:
        """Add one observation to a histogram, in its unit."""
        del at
        if value.__class__ not in PLAIN or not -LARGEST < value < LARGEST:
            reason = reason_to_refuse(value, negative=True)
            if reason is not None:
                return self._refused(Kind.HISTOGRAM, name, reason)
        try:
            width, pick, find = self._histograms[name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
            else:
                found = None if width or tags else find(())
        except Exception:  # noqa: BLE001 - a first time, other tag names, or values that no dict can hold
            found = None
        series: HistogramSeries | NullSeries = found or self._make(Kind.HISTOGRAM, name, tags)
        pending = series.pending
        if pending is None:
            self._waiting.append((series, value))
            if not len(self._waiting) & _MOST_WAITING:
                self._drain_by_name()
        else:
            pending.append(value)
            if not len(pending) & FULL:
                self.drain_full(series)
        return series

    def timer(
        self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> TimerSeries | NullSeries:
        """Add one duration (>= 0) to a timer: milliseconds, unless its name or definition says otherwise."""
        del at
        if duration_ms.__class__ not in PLAIN or not 0.0 <= duration_ms < LARGEST:
            reason = reason_to_refuse(duration_ms, negative=False)
            if reason is not None:
                return self._refused(Kind.TIMER, name, reason)
        try:
            width, pick, find = self._timers[name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
            else:
                found = None if width or tags else find(())
        except Exception:  # noqa: BLE001 - a first time, other tag names, or values that no dict can hold
            found = None
        series: TimerSeries | NullSeries = found or self._make(Kind.TIMER, name, tags)
        pending = series.pending
        if pending is None:
            self._waiting.append((series, duration_ms))
            if not len(self._waiting) & _MOST_WAITING:
                self._drain_by_name()
        else:
            pending.append(duration_ms)
            if not len(pending) & FULL:
                self.drain_full(series)
        return series

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> Any:
        """Give the series to record on without look-up: ``add``, ``set`` or ``record``. It exists from now on.

        What cannot be a series (tags that are none, a name of another kind) gives one that counts what it refuses.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        if self._filters is not None and (bound := self._bound_to_context(which, name, tags)) is not None:
            return bound
        series: Any = self.series_for(which, name, tags)
        if not isinstance(series, NullSeries):
            series.own_list()
        return series

    def exemplar(
        self,
        kind: Kind | str,
        name: str,
        value: float,
        labels: TagsLike,
        tags: TagsLike | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Note where a value came from that is recorded under ``name`` and ``tags``; see ``Series.exemplar``.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        try:
            series = self._noted_on(which, name, tags) if labels else None
        except Exception:  # noqa: BLE001 - of what has to be looked at: a name, tags or labels that are none
            series = self._null(which, name, "tags")
        if isinstance(series, Series):
            series.exemplar(value, labels, at=at)
        elif series is not None:
            self.refuse_exemplar(name, "series")

    def _noted_on(self, kind: Kind, name: str, tags: TagsLike | None) -> Series[Any] | NullSeries | None:
        """Give the series that an exemplar belongs to; ``None``: nobody keeps it."""
        placed = None if self._filters is None else self._placed(kind, name, Tags.of(tags))
        if isinstance(placed, str):
            return None if placed == DENIED else self._null(kind, name, placed)
        family = self._families.get(name if placed is None else placed[0].name)
        if family is None or family.budget.exploding is None or family.definition.kind is not kind:
            found: Series[Any] | NullSeries
            found = self.series_for(kind, name, tags) if placed is None else self._series_at(*placed)
            return found
        # For an exemplar no series is made beyond the budget, nor a record counted as folded.
        return family.find_folded(Tags.of(tags) if placed is None else placed[1])

    def rows(self, layout: RowLayout, /) -> RowBuffer:
        """Give the buffer for what a compiled collector says; see :class:`polymeter.contracts.CanTakeRows`."""
        known = self._rows.get(layout)
        if known is None:
            known = self._rows.setdefault(layout, self._new_rows(layout))
            if self._to_wake:
                known.pad()
        return known

    def _new_rows(self, layout: RowLayout) -> RowBuffer:
        in_context = None if self._filters is None else self._rows_in_context(layout)
        return RowBuffer(self, layout) if in_context is None else in_context

    def series_for(self, kind: Kind, name: str, tags: TagsLike | None, /) -> Any:
        """Find or make the series of a name and tags; what cannot be one gives one that counts what it refuses."""
        found = None
        try:
            width, pick, find = self._ways[kind][name]
            if tags and tags.__class__ is dict and len(tags) == width:
                found = find(pick(tags) if width > 1 else (pick(tags),))
        except Exception:  # noqa: BLE001 - as in the verbs
            found = None
        return found or self._make(kind, name, tags)

    def refusing(self, kind: Kind, name: str, reason: str, /) -> NullSeries:
        """Give what counts records as refused."""
        return self._null(kind, name, reason)

    def _make(self, kind: Kind, name: str, tags: TagsLike | None) -> Any:
        """Find or make the series of tags that the short way does not know."""
        if self._to_wake:
            self._wake()
        try:
            key, values = ((name, *tags), (*tags.values(),)) if tags else (name, ())
            look_up = self._look_ups[kind].get(key)
            found = None
            if look_up is not None:
                found = look_up.get(values) or look_up.typed.get((values, tuple(map(type, values))))
                if found is not None and name not in self._ways[kind]:
                    self._shorten(kind, name, look_up)
            return found or self._find_or_make(kind, name, tags, key, values)
        except Exception:  # noqa: BLE001 - tags that are none, or that raise when looked at
            return self._null(kind, name, "tags" if is_name(name) else "name")

    def _shorten(self, kind: Kind, name: str, look_up: LookUp | FilteredLookUp) -> None:
        """Have records of a name take the short way again, after it was closed."""
        self._ways[kind][name] = look_up.way
        if self._to_wake:  # somebody has closed it meanwhile, to be woken by the next record
            self._ways[kind].pop(name, None)

    def _find_or_make(self, kind: Kind, name: str, tags: TagsLike | None, key: object, values: tuple[Any, ...]) -> Any:
        if not is_name(name) or name.startswith(RESERVED):
            return self._null(kind, name, "name")
        checked = Tags.of(tags)
        if self._filters is not None:
            return self._find_filtered(kind, name, checked, key, values)
        definition = self._definitions.implied(name, kind)
        if definition.kind is not kind:
            return self._null(kind, name, "kind")
        family = self._family(definition)
        names = () if isinstance(key, str) else tuple(checked)
        look_up: Any = self._look_ups[kind].get(key)
        if look_up is None:
            shelf = family.shelf(split(checked)[0])
            look_up = self._look_ups[kind].setdefault(key, LookUp(shelf, names))
            self._ways[kind].setdefault(name, shelf.way)
        series = family.find(checked)
        if series is None:
            admitted = family.budget.admit(checked, lambda folded: family.find(folded) is not None)
            series = self._series_of(family, admitted)
            if family.budget.exploding in look_up.shelf.names:
                self._ways[kind][name] = look_up.shelf.folding_way
            if admitted is not checked:  # the value itself is not worth a place in a table
                return series
        look_up.learn(values, series)
        return series

    def _series_at(self, definition: MetricDefinition, tags: Tags) -> Series[Any]:
        family = self._family(definition)
        found = family.find(tags)
        if found is not None:
            return found
        return self._series_of(family, family.budget.admit(tags, lambda folded: family.find(folded) is not None))

    def _family(self, definition: MetricDefinition) -> Family:
        family = self._families.get(definition.name)
        if family is None:
            made = Family(self, definition, budget=self._budget, expire_after=self._expire_after)
            family = self._families.setdefault(definition.name, made)
        return family

    def _series_of(self, family: Family, tags: Tags) -> Series[Any]:
        names, texts = split(tags)
        shelf = family.shelf(names)
        series = shelf.series.get(texts)
        if series is None:
            made = series_of(family.definition.kind)(shelf, texts, tags, self._lives.new_start())
            series = shelf.series.setdefault(texts, made)  # one of several threads wins
        return series

    def _check(self, definition: MetricDefinition) -> None:
        """Refuse domains with more combinations than the metric may have series."""
        if definition.domains is None:
            return
        combinations = math.prod(map(len, definition.domains.values()))
        limit = definition.budget or self._budget
        if combinations > limit:
            message = (
                f"metric {definition.name!r} declares {combinations} combinations of tag values, "
                f"more than its budget of {limit} series: raise the budget or declare fewer"
            )
            raise DefinitionError(message)

    def _defined(self, definition: MetricDefinition) -> None:
        """Make the series of declared domains, at zero."""
        if definition.expire_after is not None:
            self._expires = True
        if definition.name in self._families:
            self._families[definition.name].redefine(definition, self._expire_after)
        if not definition.domains:
            return
        for values in itertools.product(*definition.domains.values()):
            tags = dict(zip(definition.domains, values, strict=True))
            self._make(definition.kind, definition.name, tags)

    # -- draining

    def next_sequence(self) -> int:
        """Give the place of one record in the order of all."""
        return next(self._sequence)

    def drain_full(self, series: Any, /) -> None:
        """Make what waits with ``series`` count, unless a drain is running."""
        pending = series.pending
        if pending and not self._drained(series) and len(pending) >= _MOST_PENDING:
            give_way()

    def drain_rows(self, rows: RowBuffer, /) -> None:
        """Make the rows that wait count, unless a drain is running."""
        if self._to_wake:
            self._wake()
        if not self._drained(rows) and len(rows.waiting) >= _MOST_PENDING:
            give_way()

    def _drain_by_name(self) -> None:
        if not self._drained(self._by_name) and len(self._waiting) >= _MOST_PENDING:
            give_way()

    def _drained(self, source: Source) -> bool:
        return not self._drain.is_busy and self._drain.run((source,), wait=False)

    def current(self, series: Series[Any], /) -> Series[Any]:
        """Drain what may wait for a series; give it, or the one that has taken its place since it ended."""
        self._drain.run((self._by_name, *list(self._rows.values()), series), wait=True)
        if series.attached:
            return series
        shelf, texts = series.place
        return shelf.series.get(texts, series)

    def _drain_all(self, then: Callable[[], object] | None = None) -> list[Series[Any]]:
        """Drain everything, do ``then``, and give all series."""
        self._drain.run(self._sources(), wait=True, then=then or (self._end_idle if self._expires else None))
        return self._all_series()

    def _sources(self) -> Iterator[Source]:
        yield self._by_name
        yield from list(self._rows.values())
        yield from self._lives.returning()
        for series in self._all_series():
            if series.pending:
                yield series

    def _all_series(self) -> list[Series[Any]]:
        return [series for family in list(self._families.values()) for series in family]

    def alive(self, series: Series[Any], /) -> Series[Any]:
        """Give what counts the records of a series that has ended: itself, begun anew, or the one in its place."""
        family = self._family(self._definitions.implied(series.name, series.kind))
        return self._lives.alive(series, family.definition)

    def touch(self, series: Series[Any], /) -> None:
        """Take note that ``series`` was recorded on."""
        family = series.family
        if family.expire_after is not None:
            family.touched[series] = self.clock.monotonic()

    def noted(self, series: Series[Any], /) -> None:
        """Take note that ``series`` has another exemplar: here there is nothing to do."""

    # -- the end of a series

    def forget(self, name: str, tags: TagsLike | None = None) -> int:
        """End the series of ``name`` whose tags include ``tags``; give how many those were.

        What they had counted stays in ``total(name)``. Whoever follows the registry is shown their last value once
        more; recorded on again, such a series begins anew. From inside of a drain (a signal handler, a finaliser) it is
        done when that drain ends.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        ended = 0

        def end() -> None:
            nonlocal ended
            ending = self._with(name, wanted)
            ended = len(ending)
            self._lives.end(ending, by_order=True)
            self._look_anew({series.kind for series in ending})

        if not self._drain.run(self._sources(), wait=True, then=end):
            self._drain.later.append(end)
            return len(self._with(name, wanted))
        return ended

    def _with(self, name: str, wanted: Tags) -> list[Series[Any]]:
        return [each for each in self._families.get(name, ()) if each.tags.contains(wanted)]

    def _end_idle(self) -> None:
        self._look_anew(self._lives.end_idle(list(self._families.values())))

    def _look_anew(self, kinds: Iterable[Kind]) -> None:
        for kind in kinds:
            self._ways[kind].clear()
            for look_up in list(self._look_ups[kind].values()):
                look_up.typed.clear()

    # -- reading

    def all(self) -> list[Metric]:
        """Give the value of every series."""
        drained = self._drain_all()
        now = self.now()
        return [series.frozen(now) for series in drained]

    _folded = all

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of a name that include ``tags``, in the metric's unit.

        Without ``tags`` this includes series that have ended. A timer's total is the time spent, a histogram's the sum
        of what was observed. 0 for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        living = super().total(name, tags)
        family = self._families.get(name)
        ended = None if tags or family is None else family.ended
        return living if ended is None else living + getattr(ended, "sum", ended.value)

    def reader(self) -> Reader:
        """Give one who follows this registry and will not miss the end of a series; see :class:`Reader`."""
        return self._lives.reader()

    def _losses(self, now: float) -> list[Metric]:
        metrics = super()._losses(now)
        for family in list(self._families.values()):
            metrics += family.budget.self_metric(self._started, now)
        return metrics

    def _applied(self) -> int:
        self._drain_all()
        return self._drain.applied

    def _has_series(self, name: str) -> bool:
        family = self._families.get(name)
        return family is not None and len(family) > 0

    def __len__(self) -> int:
        """Count the series."""
        return len(self._drain_all())

    def add_tap(self, observed: Observed, /) -> Subscription:
        """Have ``observed`` given each observation: see :class:`polymeter.contracts.CanBeTapped`."""

        def give_to_all(*batch: Any) -> None:
            for each in self._taps:
                each(*batch)

        def set_to(taps: tuple[Observed, ...]) -> None:
            self._taps = taps
            self.tap = (taps[0] if len(taps) == 1 else give_to_all) if taps else None

        set_to((*self._taps, observed))
        return Subscription(lambda: set_to(tuple(each for each in self._taps if each is not observed)))

    # -- telling of a record

    def list_of(self, series: Series[Any], /) -> list[Any]:
        """Give the list that the pending records of ``series`` wait in: the same one, whoever asks first."""
        if self._to_wake:
            self._wake()
        return self._lists.setdefault(series, [])

    def on_next_record(self, wake: Callable[[], object], /) -> bool:
        """Have ``wake`` called once, when the next record is made: see :class:`polymeter.contracts.CanTell`.

        Until then every record goes the long way, on which a series or its list is made, and the buffers of rows look
        as if they were nearly full; afterwards none does.
        """
        self.after_fork_in_child()  # if our own hook comes later, it would make the series of declared domains

        def arm() -> None:
            self._to_wake.append(wake)  # first: who records meanwhile and takes the long way must find it
            self._go_the_long_way()

        if not self._drain.run(self._sources(), wait=True, then=arm):
            arm()
        return True

    def _go_the_long_way(self) -> None:
        for ways in self._ways.values():  # what the look-ups have learned is found on the long way, and stays
            ways.clear()
        for series in (*self._all_series(), *self._lives.held()):
            if not series.pending:
                series.pending = None
        for rows in list(self._rows.values()):
            rows.pad()

    def _wake(self) -> None:
        while self._to_wake:
            try:
                wake = self._to_wake.pop()
            except IndexError:  # another thread was faster
                return
            wake()

    # -- starting anew

    def clear(self) -> None:
        """Forget all values and start a new epoch; definitions stay, and bound series can still be recorded on."""
        if not self._drain.run((), wait=True, then=self._begin_epoch):
            self._begin_epoch()  # from inside of a drain, which then finds that what it has in hand is void

    def _begin_epoch(self) -> None:
        self._forget_all()
        self._new_epoch()
        self._define_again()

    def _forget_all(self) -> None:
        self._drain.start_anew()
        self._waiting.clear()
        for rows in list(self._rows.values()):
            rows.clear()
            if self._to_wake:
                rows.pad()
        self._lives.end_all(list(self._families.values()))
        self._look_anew(Kind)

    def _define_again(self) -> None:
        for definition in self._definitions.to_dict().values():
            self._defined(definition)
        self._begin_declared()

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer: what the parent recorded is the parent's to report."""
        self._drain.start_anew_in_child(self._begin_as_writer)

    def _begin_as_writer(self) -> None:
        to_wake, self._to_wake = self._to_wake, []  # the series of declared domains are no record
        self._forget_all()
        self._new_writer()
        self._define_again()
        if to_wake:
            self._to_wake = to_wake
            self._go_the_long_way()
