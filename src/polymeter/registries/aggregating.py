"""AggregatingRegistry: one live series per name and tags. The default."""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakSet

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.metric import is_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.base import RESERVED, BaseRegistry
from polymeter.registries.budget import DEFAULT_BUDGET, OTHER_VALUE, Budget
from polymeter.registries.family import Family, LookUp, split
from polymeter.registries.null import NullSeries
from polymeter.registries.poison import LARGEST, PLAIN, reason_to_refuse
from polymeter.registries.readers import Reader
from polymeter.registries.series import Series, series_of

if TYPE_CHECKING:
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.registries.series import CounterSeries, GaugeSeries, HistogramSeries, TimerSeries, UpDownSeries

__all__ = ["AggregatingRegistry"]

_MOST_WAITING: Final = 1024
_MANY: Final = 32
_SAME_START: Final = 0.001
_HELD_SECONDS: Final = 60.0


class AggregatingRegistry(BaseRegistry):
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
    ) -> None:
        """Make an empty registry.

        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param budget: how many series one metric may have, unless its definition says otherwise (>= 1).
        :param expire_after: seconds without a record after which a series ends, unless its definition says otherwise.
        :raises InvalidTagsError: for a resource that is no tags.
        :raises DefinitionError: for a budget or an ``expire_after`` that cannot be.
        """
        super().__init__(clock=clock, resource=resource)
        MetricDefinition.of("any", Kind.COUNTER, budget=budget, expire_after=expire_after)  # checks both
        self._budget = budget
        self._expire_after = expire_after
        self._expires = expire_after is not None
        self._families: dict[str, Family] = {}
        # Kind -> (name, *tag names in the order given), or the name alone without tags -> how to look up by values.
        self._look_ups: dict[Kind, dict[object, LookUp]] = {kind: {} for kind in Kind}
        self._counters, self._levels = self._look_ups[Kind.COUNTER], self._look_ups[Kind.UP_DOWN]
        self._gauges, self._histograms = self._look_ups[Kind.GAUGE], self._look_ups[Kind.HISTOGRAM]
        self._timers = self._look_ups[Kind.TIMER]
        # Records by name wait here together with their series; those on a bound series wait with it.
        self._waiting: list[tuple[Any, Any]] = []
        self.lists: WeakKeyDictionary[Series[Any], list[Any]] = WeakKeyDictionary()
        self._readers: WeakSet[Reader] = WeakSet()
        # Series that have ended while somebody may still record on them; the last ones held for a while, because a
        # thread may stand between finding one and recording on it.
        self._detached: WeakSet[Series[Any]] = WeakSet()
        self._just_detached: deque[tuple[float, Series[Any]]] = deque()
        self._lock = threading.RLock()
        self._draining = False
        self._count = 0
        self._sequence = itertools.count()
        self._latest_start = self._latest_end = 0.0
        after_fork(self)

    # -- recording

    def counter(
        self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None
    ) -> CounterSeries | NullSeries:
        """Add ``increment`` (>= 0) to a counter."""
        del at
        if increment.__class__ not in PLAIN or not 0 <= increment < LARGEST:
            reason = reason_to_refuse(increment, negative=False)
            if reason is not None:
                return self._refused(Kind.COUNTER, name, reason)
        try:
            look_up = self._counters[(name, *tags) if tags else name]
            found = look_up.get(tuple(tags.values()) if tags else ())
            series: CounterSeries | NullSeries = found or self._make(Kind.COUNTER, name, tags)
        except Exception:  # noqa: BLE001 - a first time, no mapping, or tags that raise when looked at
            series = self._make(Kind.COUNTER, name, tags)
        if series.pending is None:
            self._waiting.append((series, increment))
            if len(self._waiting) >= _MOST_WAITING:
                self._drain_waiting()
        else:
            series.add(increment)
        return series

    def up_down(
        self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> UpDownSeries | NullSeries:
        """Add ``by``, which may be negative, to an up-down counter."""
        del at
        if by.__class__ not in PLAIN or not -LARGEST < by < LARGEST:
            reason = reason_to_refuse(by, negative=True)
            if reason is not None:
                return self._refused(Kind.UP_DOWN, name, reason)
        try:
            look_up = self._levels[(name, *tags) if tags else name]
            found = look_up.get(tuple(tags.values()) if tags else ())
            series: UpDownSeries | NullSeries = found or self._make(Kind.UP_DOWN, name, tags)
        except Exception:  # noqa: BLE001 - a first time, no mapping, or tags that raise when looked at
            series = self._make(Kind.UP_DOWN, name, tags)
        if series.pending is None:
            self._waiting.append((series, by))
            if len(self._waiting) >= _MOST_WAITING:
                self._drain_waiting()
        else:
            series.add(by)
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
            look_up = self._gauges[(name, *tags) if tags else name]
            found = look_up.get(tuple(tags.values()) if tags else ())
            series: GaugeSeries | NullSeries = found or self._make(Kind.GAUGE, name, tags)
        except Exception:  # noqa: BLE001 - a first time, no mapping, or tags that raise when looked at
            series = self._make(Kind.GAUGE, name, tags)
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
            look_up = self._histograms[(name, *tags) if tags else name]
            found = look_up.get(tuple(tags.values()) if tags else ())
            series: HistogramSeries | NullSeries = found or self._make(Kind.HISTOGRAM, name, tags)
        except Exception:  # noqa: BLE001 - a first time, no mapping, or tags that raise when looked at
            series = self._make(Kind.HISTOGRAM, name, tags)
        if series.pending is None:
            self._waiting.append((series, value))
            if len(self._waiting) >= _MOST_WAITING:
                self._drain_waiting()
        else:
            series.record(value)
        return series

    def timer(
        self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> TimerSeries | NullSeries:
        """Add one duration (>= 0) to a timer: milliseconds, unless its name or definition says otherwise."""
        del at
        if duration_ms.__class__ not in PLAIN or not 0 <= duration_ms < LARGEST:
            reason = reason_to_refuse(duration_ms, negative=False)
            if reason is not None:
                return self._refused(Kind.TIMER, name, reason)
        try:
            look_up = self._timers[(name, *tags) if tags else name]
            found = look_up.get(tuple(tags.values()) if tags else ())
            series: TimerSeries | NullSeries = found or self._make(Kind.TIMER, name, tags)
        except Exception:  # noqa: BLE001 - a first time, no mapping, or tags that raise when looked at
            series = self._make(Kind.TIMER, name, tags)
        if series.pending is None:
            self._waiting.append((series, duration_ms))
            if len(self._waiting) >= _MOST_WAITING:
                self._drain_waiting()
        else:
            series.record(duration_ms)
        return series

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> Any:
        """Give the series to record on without look-up: ``add``, ``set`` or ``record``. It exists from now on.

        What cannot be a series (tags that are none, a name of another kind) gives one that counts what it refuses.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        series: Any = self._make(which, name, tags)
        if not isinstance(series, NullSeries):
            series.own_list()
        return series

    def _make(self, kind: Kind, name: str, tags: TagsLike | None) -> Any:
        """Find or make the series of tags that the first look-up does not know."""
        if not is_name(name) or name.startswith(RESERVED):
            return self._null(kind, name, "name")
        try:
            key, values = ((name, *tags), (*tags.values(),)) if tags else (name, ())
            look_up = self._look_ups[kind].get(key)
            if look_up is not None:
                found = look_up.get(values)
                if found is None and tags and look_up.shelf.family.budget.exploding is not None:
                    found = _folded_before(look_up, tags)
                if found is None:
                    found = look_up.typed.get((values, tuple(map(type, values))))
                if found is not None:
                    return found
            return self._find_or_make(kind, name, Tags.of(tags), key, values)
        except Exception:  # noqa: BLE001 - tags that are none, or that raise when looked at
            return self._null(kind, name, "tags")

    def _find_or_make(self, kind: Kind, name: str, tags: Tags, key: object, values: tuple[Any, ...]) -> Any:
        definition = self._definitions.implied(name, kind)
        if definition.kind is not kind:
            return self._null(kind, name, "kind")
        family = self._family(definition)
        names = () if isinstance(key, str) else tuple(tags)
        look_up = self._look_ups[kind].get(key)
        if look_up is None:
            look_up = self._look_ups[kind].setdefault(key, LookUp(family.shelf(split(tags)[0]), names))
        series = family.find(tags)
        if series is None:
            admitted = self._admitted(family, tags)
            series = self._series_of(family, admitted)
            if admitted is not tags:  # the value itself is not worth a place in a table
                return series
        look_up.learn(values, series)
        return series

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
            made = series_of(family.definition.kind)(shelf, texts, tags, self._new_start())
            series = shelf.series.setdefault(texts, made)  # one of several threads wins
        return series

    def _admitted(self, family: Family, tags: Tags) -> Tags:
        """Give the tags that a new series is kept under: as they are, unless the metric has too many."""
        was_exploding = family.budget.exploding
        admitted = family.budget.admit(tags, lambda folded: family.find(folded) is not None)
        if family.budget.exploding is not None and was_exploding is None:
            _warn_of(family.name, family.budget)
        return admitted

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

    def _new_start(self) -> float:
        """Give a start that is later than the end of every series: a new life must not be taken for the old one."""
        now = self.now()
        if now - self._latest_start > _SAME_START:  # else the same object: a hundred thousand floats take room
            self._latest_start = now
        if self._latest_start <= self._latest_end:
            self._latest_start = math.nextafter(self._latest_end, math.inf)
        return self._latest_start

    # -- what the series need

    def next_sequence(self) -> int:
        """Give the place of one record in the order of all."""
        return next(self._sequence)

    def drain_one(self, series: Series[Any], /, *, wait: bool) -> Series[Any]:
        """Drain one series, or the one that has taken its place since it ended; give that one.

        :param wait: wait for a drain on another thread to end; else leave the records to the next drain.
        """
        if self._lock.acquire(blocking=wait):
            try:
                if not self._draining:  # else this thread is inside a drain: the lock lets it in again
                    self._draining = True
                    try:
                        if self._waiting:
                            self._sort_out()
                        if not series.attached:
                            self._reattach()
                            series = self._in_place_of(series)
                        if series.pending:
                            self._apply(series)
                    finally:
                        self._draining = False
            finally:
                self._lock.release()
        return series if series.attached else self._in_place_of(series)

    def _drain_waiting(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                if not self._draining:
                    self._draining = True
                    try:
                        self._sort_out()
                    finally:
                        self._draining = False
            finally:
                self._lock.release()

    def _sort_out(self) -> None:
        """Make the records count that wait with the registry."""
        waiting = self._waiting
        batch = waiting[:]
        del waiting[: len(batch)]
        by_series: dict[Series[Any], list[Any]] = {}
        for series, value in batch:
            if series in by_series:
                by_series[series].append(value)
            else:
                by_series[series] = [value]
        while by_series:
            series, values = by_series.popitem()
            if not series.attached:
                series.own_list().extend(values)  # it has ended meanwhile, and comes back
                continue
            try:
                self._count += series.apply(values)
            except BaseException:  # a signal handler that raises must not cost the batch
                by_series[series] = values
                waiting[:0] = [(each, value) for each, rest in by_series.items() for value in rest]
                raise
            if len(values) >= _MANY:  # from now on its records wait with itself, which costs room but less time
                series.own_list()
            self._touch(series)

    def _apply(self, series: Series[Any]) -> None:
        batch = series.take_pending()
        try:
            self._count += series.apply(batch)
        except BaseException:  # as above
            series.hand_over(batch)
            raise
        self._touch(series)

    def _touch(self, series: Series[Any]) -> None:
        family = series.family
        if family.expire_after is not None:
            family.touched[series] = self.clock.monotonic()

    def _in_place_of(self, series: Series[Any]) -> Series[Any]:
        shelf, texts = series.place
        return shelf.series.get(texts, series)

    def _all_series(self) -> list[Series[Any]]:
        return [series for family in list(self._families.values()) for series in family]

    def _drain_all(self) -> list[Series[Any]]:
        with self._lock:
            if not self._draining:
                self._draining = True
                try:
                    if self._waiting:
                        self._sort_out()
                    self._reattach()
                    for series in self._all_series():
                        if series.pending:
                            self._apply(series)
                    if self._expires:
                        self._end_idle()
                finally:
                    self._draining = False
            return self._all_series()

    # -- the end of a series, and its return

    def forget(self, name: str, tags: TagsLike | None = None) -> int:
        """End the series of ``name`` whose tags include ``tags``; give how many those were.

        What they had counted stays in ``total(name)``. Whoever follows the registry is shown their last value once
        more; recorded on again, such a series begins anew.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        with self._lock:
            self._drain_all()
            ending = [each for each in self._families.get(name, ()) if each.tags.contains(wanted)]
            self._end(ending)
        return len(ending)

    def _end_idle(self) -> None:
        now = self.clock.monotonic()
        for family in list(self._families.values()):
            if family.expire_after is not None:
                self._end(family.idle(now))

    def _end(self, ending: list[Series[Any]]) -> None:
        self._latest_end = now = self.now()
        for series in ending:
            family = series.family
            last = series.frozen(now)
            for reader in list(self._readers):
                reader.ended(last)
            if series.kind is not Kind.GAUGE:
                total = last.retagged(None)
                family.ended = total if family.ended is None else family.ended.merge(total)
            shelf, texts = series.place
            del shelf.series[texts]
            family.budget.release()
            self._detach(series)
        for kind in {series.kind for series in ending}:
            for look_up in list(self._look_ups[kind].values()):
                look_up.typed.clear()

    def _detach(self, series: Series[Any]) -> None:
        series.reset()
        series.detach()
        series.family.touched.pop(series, None)
        self._detached.add(series)
        self._just_detached.append((self.clock.monotonic(), series))

    def _reattach(self) -> None:
        """Bring back the series that were recorded on after their end."""
        if not self._just_detached and not self._detached:
            return
        for series in list(self._detached):
            if series.pending:
                family = self._family(self._definitions.implied(series.name, series.kind))
                shelf, texts = series.place
                current = shelf.series.setdefault(texts, series)
                if current is series:
                    family.budget.take()
                    series.renew(family.definition, self._new_start())
                    self._detached.discard(series)
                else:
                    current.hand_over(series.take_pending())
        held = self._just_detached
        while held and self.clock.monotonic() - held[0][0] > _HELD_SECONDS:
            held.popleft()

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
        reader = Reader()
        self._readers.add(reader)
        return reader

    def _self_metrics(self, now: float) -> list[Metric]:
        metrics = super()._self_metrics(now)
        for name, family in list(self._families.items()):
            if family.budget.folded.value:
                tags = {"metric": name, "label": family.budget.exploding}
                folded = family.budget.folded.value
                metrics.append(Counter("polymeter.records.folded", folded, tags, start=self._started, timestamp=now))
        return metrics

    def _applied(self) -> int:
        self._drain_all()
        return self._count

    def _has_series(self, name: str) -> bool:
        family = self._families.get(name)
        return family is not None and len(family) > 0

    def __len__(self) -> int:
        """Count the series."""
        return len(self._drain_all())

    # -- starting anew

    def clear(self) -> None:
        """Forget all values and start a new epoch; definitions stay, and bound series can still be recorded on."""
        with self._lock:
            self._drain_all()
            self._forget_all()
            self._new_epoch()
            self._define_again()

    def _forget_all(self) -> None:
        self._latest_end = self.now()
        self._waiting.clear()
        for family in list(self._families.values()):
            for series in family:
                series.take_pending()
                self._detach(series)
            for shelf in list(family.shelves.values()):
                shelf.series.clear()
            family.forget()
        for look_ups in self._look_ups.values():
            for look_up in list(look_ups.values()):
                look_up.typed.clear()
        self._count = 0
        for reader in list(self._readers):
            reader.forget()

    def _define_again(self) -> None:
        for definition in self._definitions.to_dict().values():
            self._defined(definition)

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer: what the parent recorded is the parent's to report."""
        self._lock = threading.RLock()
        self._draining = False
        for series in list(self._detached):
            series.take_pending()
        self._forget_all()
        self._new_writer()
        self._define_again()


def _folded_before(look_up: LookUp, tags: TagsLike) -> Series[Any] | None:
    """Take the short way for one more new value of a label that has exploded."""
    budget = look_up.shelf.family.budget
    label = budget.exploding
    value = tags.get(label) if label is not None else None
    if label is None or (type(value) is not str and type(value) is not int) or not budget.is_new(label, str(value)):
        return None
    found: Series[Any] | None = look_up.get((*{**tags, label: OTHER_VALUE}.values(),))
    if found is not None:
        budget.folded.add()
    return found


def _warn_of(name: str, budget: Budget) -> None:
    import logging

    logging.getLogger("polymeter.registries").warning(
        "metric %r has reached its budget of %d series: new values of the tag %r (such as %s) are counted under %r; "
        "a tag should have few values",
        name,
        budget.limit,
        budget.exploding,
        ", ".join(map(repr, budget.samples)),
        OTHER_VALUE,
    )
