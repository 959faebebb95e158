"""AggregatingRegistry: one live series per name and tags. The default."""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakSet

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.metric import is_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.base import BaseRegistry
from polymeter.registries.budget import DEFAULT_BUDGET, OTHER_VALUE, Budget
from polymeter.registries.poison import LARGEST, PLAIN, reason_to_refuse
from polymeter.registries.readers import Reader
from polymeter.registries.series import Series, series_of

if TYPE_CHECKING:
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.registries.null import NullSeries
    from polymeter.registries.series import CounterSeries, GaugeSeries, HistogramSeries, TimerSeries, UpDownSeries

__all__ = ["AggregatingRegistry"]

_Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]

_MOST_LOOKUPS_PER_SERIES: Final = 8
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
        self._series: dict[_Key, Series[Any]] = {}
        # Look-ups by kind, then by name or by name and items of tags.
        self._known: dict[Kind, dict[object, Any]] = {kind: {} for kind in Kind}
        self._counters, self._levels = self._known[Kind.COUNTER], self._known[Kind.UP_DOWN]
        self._gauges, self._histograms = self._known[Kind.GAUGE], self._known[Kind.HISTOGRAM]
        self._timers = self._known[Kind.TIMER]
        self._budgets: dict[str, Budget] = {}
        # Totals of series that have ended, by name: for total() alone.
        self._ended: dict[str, Metric] = {}
        self._readers: WeakSet[Reader] = WeakSet()
        # Series that have ended while somebody may still record on them; the last ones held for a while, because a
        # thread may stand between finding one and recording on it.
        self._detached: WeakSet[Series[Any]] = WeakSet()
        self._just_detached: deque[tuple[float, Series[Any]]] = deque()
        self._lock = threading.RLock()
        self._draining = False
        self._count = 0
        self._sequence = itertools.count()
        self._latest_start = 0.0
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
            series: CounterSeries | NullSeries = self._counters.get(
                (name, *tags.items()) if tags else name
            ) or self._make(Kind.COUNTER, name, tags)
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
            series = self._make(Kind.COUNTER, name, tags)
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
            series: UpDownSeries | NullSeries = self._levels.get((name, *tags.items()) if tags else name) or self._make(
                Kind.UP_DOWN, name, tags
            )
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
            series = self._make(Kind.UP_DOWN, name, tags)
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
            series: GaugeSeries | NullSeries = self._gauges.get((name, *tags.items()) if tags else name) or self._make(
                Kind.GAUGE, name, tags
            )
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
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
            series: HistogramSeries | NullSeries = self._histograms.get(
                (name, *tags.items()) if tags else name
            ) or self._make(Kind.HISTOGRAM, name, tags)
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
            series = self._make(Kind.HISTOGRAM, name, tags)
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
            series: TimerSeries | NullSeries = self._timers.get((name, *tags.items()) if tags else name) or self._make(
                Kind.TIMER, name, tags
            )
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
            series = self._make(Kind.TIMER, name, tags)
        series.record(duration_ms)
        return series

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> Any:
        """Give the series to record on without look-up: ``add``, ``set`` or ``record``. It exists from now on.

        What cannot be a series (tags that are none, a name of another kind) gives one that counts what it refuses.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        try:
            found = self._known[which].get((name, *tags.items()) if tags else name)
        except Exception:  # noqa: BLE001 - as above
            found = None
        return found or self._make(which, name, tags)

    def _make(self, kind: Kind, name: str, tags: TagsLike | None) -> Any:
        """Find or make the series of tags that the first look-up does not know."""
        if not is_name(name):
            return self._null(kind, name, "name")
        try:
            # Other values than text are known by their types too: True, 1 and 1.0 are one key to a dict.
            typed = (name, *tags.items(), *map(type, tags.values())) if tags else name
            series = self._known[kind].get(typed)
            if series is None and tags and name in self._budgets:
                series = self._folded_before(kind, name, tags)
            return series or self._find_or_make(kind, name, Tags.of(tags), tags, typed)
        except Exception:  # noqa: BLE001 - tags that are none, or that raise when looked at
            return self._null(kind, name, "tags")

    def _find_or_make(self, kind: Kind, name: str, kept: Tags, tags: TagsLike | None, typed: object) -> Any:
        definition = self._definitions.implied(name, kind)
        if definition.kind is not kind:
            return self._null(kind, name, "kind")
        series = self._series.get((name, kept.canonical))
        if series is None:
            admitted = self._admitted(definition, kept)
            series = self._series_of(definition, admitted)
            if admitted is not kept:  # found from now on by _folded_before; the value itself is not worth a place
                self._known[kind][(name, *admitted.items())] = series
                return series
        known = self._known[kind]
        if len(known) > _MOST_LOOKUPS_PER_SERIES * (len(self._series) + 1):
            known.clear()  # the same tags in many orders
        if tags and not all(type(value) is str for value in tags.values()):
            known[typed] = series
        else:
            known[(name, *tags.items()) if tags else name] = series
        return series

    def _series_of(self, definition: MetricDefinition, tags: Tags) -> Series[Any]:
        key = (definition.name, tags.canonical)
        series = self._series.get(key)
        if series is None:
            made = series_of(definition.kind)(self, definition, tags, self._new_start(), definition.resolved_unit)
            made.expires = definition.expire_after is not None or self._expires
            series = self._series.setdefault(key, made)  # one of several threads wins
        return series

    def _admitted(self, definition: MetricDefinition, tags: Tags) -> Tags:
        """Give the tags that a new series is kept under: as they are, unless the metric has too many."""
        name = definition.name
        budget = self._budgets.get(name)
        if budget is None:
            budget = self._budgets.setdefault(name, Budget(definition.budget or self._budget))
        was_exploding = budget.exploding
        admitted = budget.admit(tags, lambda folded: (name, folded.canonical) in self._series)
        if budget.exploding is not None and was_exploding is None:
            _warn_of(name, budget)
        return admitted

    def _folded_before(self, kind: Kind, name: str, tags: TagsLike) -> Series[Any] | None:
        """Take the short way for one more new value of a label that has exploded."""
        budget = self._budgets[name]
        label = budget.exploding
        if label is None or label not in tags:
            return None
        value = tags[label]
        if type(value) is not str and type(value) is not int:
            return None
        if not budget.is_new(label, value if type(value) is str else str(value)):
            return None
        found: Series[Any] | None = self._known[kind].get((name, *{**tags, label: OTHER_VALUE}.items()))
        if found is not None:
            budget.folded.add()
        return found

    def _defined(self, definition: MetricDefinition) -> None:
        """Make the series of declared domains, at zero."""
        if definition.expire_after is not None:
            self._expires = True
        if not definition.domains:
            return
        combinations = math.prod(map(len, definition.domains.values()))
        limit = definition.budget or self._budget
        if combinations > limit:
            message = (
                f"metric {definition.name!r} declares {combinations} combinations of tag values, "
                f"more than its budget of {limit} series: raise the budget or declare fewer"
            )
            raise DefinitionError(message)
        for values in itertools.product(*definition.domains.values()):
            tags = dict(zip(definition.domains, values, strict=True))
            self._make(definition.kind, definition.name, tags)

    def _new_start(self) -> float:
        """Give a start that no series has had before: a new life must not be taken for the old one."""
        self._latest_start = start = max(self.now(), math.nextafter(self._latest_start, math.inf))
        return start

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
                        if not series.attached:
                            self._reattach()
                            series = self._in_place_of(series)
                        if series.has_pending:
                            self._apply(series)
                    finally:
                        self._draining = False
            finally:
                self._lock.release()
        return series if series.attached else self._in_place_of(series)

    def _apply(self, series: Series[Any]) -> None:
        batch = series.take_pending()
        try:
            self._count += series.apply(batch)
        except BaseException:  # a signal handler that raises must not cost the batch
            series.hand_over(batch)
            raise
        if series.expires:
            series.touched = self.clock.monotonic()

    def _in_place_of(self, series: Series[Any]) -> Series[Any]:
        return self._series.get(series.key, series)

    def _drain_all(self) -> list[Series[Any]]:
        with self._lock:
            if not self._draining:
                self._draining = True
                try:
                    self._reattach()
                    for series in list(self._series.values()):
                        if series.has_pending:
                            self._apply(series)
                    if self._expires:
                        self._end_idle()
                finally:
                    self._draining = False
            return list(self._series.values())

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
            ending = [each for each in self._series.values() if each.name == name and each.tags.contains(wanted)]
            self._end(ending)
        return len(ending)

    def _end_idle(self) -> None:
        now = self.clock.monotonic()
        idle: list[Series[Any]] = []
        for series in self._series.values():
            if series.expires:
                if series.touched is None:
                    series.touched = now
                after = self._expire_after_of(series.name)
                if after is not None and now - series.touched >= after:
                    idle.append(series)
        self._end(idle)

    def _expire_after_of(self, name: str) -> float | None:
        definition = self._definitions.get(name)
        own = None if definition is None else definition.expire_after
        return self._expire_after if own is None else own

    def _end(self, ending: list[Series[Any]]) -> None:
        now = self.now()
        for series in ending:
            last = series.frozen(now)
            for reader in list(self._readers):
                reader.ended(last)
            if series.kind is not Kind.GAUGE:
                total = last.retagged(None)
                before = self._ended.get(series.name)
                self._ended[series.name] = total if before is None else before.merge(total)
            del self._series[series.key]
            self._detach(series)
            budget = self._budgets.get(series.name)
            if budget is not None:
                budget.release()
        if ending:
            for kind in {series.kind for series in ending}:
                self._known[kind].clear()

    def _detach(self, series: Series[Any]) -> None:
        series.reset()
        series.attached = False
        series.touched = None
        self._detached.add(series)
        self._just_detached.append((self.clock.monotonic(), series))

    def _reattach(self) -> None:
        """Bring back the series that were recorded on after their end."""
        for series in list(self._detached):
            if series.has_pending:
                current = self._series.setdefault(series.key, series)
                if current is series:
                    series.attached = True
                    series.renew(self._definitions.implied(series.name, series.kind), self._new_start())
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
        ended = None if tags else self._ended.get(name)
        return living if ended is None else living + getattr(ended, "sum", ended.value)

    def reader(self) -> Reader:
        """Give one who follows this registry and will not miss the end of a series; see :class:`Reader`."""
        reader = Reader()
        self._readers.add(reader)
        return reader

    def _self_metrics(self, now: float) -> list[Metric]:
        metrics = super()._self_metrics(now)
        for name, budget in list(self._budgets.items()):
            if budget.folded.value:
                tags = {"metric": name, "label": budget.exploding}
                start = self._started
                metrics.append(
                    Counter("polymeter.records.folded", budget.folded.value, tags, start=start, timestamp=now)
                )
        return metrics

    def _applied(self) -> int:
        self._drain_all()
        return self._count

    def _has_series(self, name: str) -> bool:
        return any(known == name for known, _ in list(self._series))

    def __len__(self) -> int:
        """Count the series."""
        self._drain_all()
        return len(self._series)

    # -- starting anew

    def clear(self) -> None:
        """Forget all values and start a new epoch; definitions stay, and bound series can still be recorded on."""
        with self._lock:
            self._drain_all()
            self._forget_all()
            self._new_epoch()
            self._define_again()

    def _forget_all(self) -> None:
        for series in list(self._series.values()):
            series.take_pending()
            self._detach(series)
        self._series = {}
        for known in self._known.values():
            known.clear()
        self._budgets = {}
        self._ended = {}
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
