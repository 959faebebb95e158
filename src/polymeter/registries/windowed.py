"""WindowedRegistry: measurements by the time at which they were true."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.exemplar import Exemplar
from polymeter.data.kind import Kind
from polymeter.data.metric import is_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.budget import DEFAULT_BUDGET, Budget
from polymeter.registries.exemplars import ExemplarBoard, TakesExemplars, exemplar_of
from polymeter.registries.filters.taking import DENIED
from polymeter.registries.null import NullSeries
from polymeter.registries.placing import Placing, placed_at
from polymeter.registries.poison import LARGEST, PLAIN, looked_at
from polymeter.registries.window_batch import INFINITE
from polymeter.registries.window_cells import empty_metric
from polymeter.registries.window_health import LATE_RECORDS, MISPLACED_RECORDS, WindowedHealth
from polymeter.registries.window_questions import WindowQuestions
from polymeter.registries.window_store import SeriesKey, WindowStore
from polymeter.registries.windowed_series import LEAST, WindowedSeries, windowed_series_of
from polymeter.registries.windows import APPLIED, FUTURE, LATE, Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.window_batch import Total
    from polymeter.registries.window_cells import Identity
    from polymeter.registries.windowed_series import (
        WindowedCounter,
        WindowedGauge,
        WindowedHistogram,
        WindowedTimer,
        WindowedUpDown,
    )

__all__ = ["WindowedHealth", "WindowedRegistry"]

_SNAPSHOT_TRIES: Final = 3
_LOOK_UPS_PER_SERIES: Final = 8  # the same tags in other orders


class WindowedRegistry(TakesExemplars, WindowQuestions):
    """Keeps one series per name and tags, and what happened in it window by window.

    Each record belongs to the window of its ``at`` (Unix seconds; default: now), whenever it arrives. ``keep`` windows
    of ``seconds`` are kept, aligned to multiples of ``seconds``; older ones leave. What is older than every window
    counts as late: in the totals, in no window. What is more than ``future`` seconds ahead of the clock is placed now,
    and counted too.

    ``find``, ``get``, ``total``, ``all`` and ``snapshot`` give everything that ever counted. ``windows``, ``over``,
    ``rate`` and ``quantile`` look at windows; there, series that share the asked tags are one.

    Memory is bounded by series and windows in which they had records; a window without records costs nothing. Series do
    not expire here: ``expire_after`` of a definition is passed over.
    Recording takes no lock that user code could meet again: see :mod:`polymeter.registries.window_store`.
    """

    def __init__(
        self,
        seconds: float = 10,
        keep: int = 360,
        *,
        future: float = 60.0,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        budget: int = DEFAULT_BUDGET,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Make an empty registry.

        :param seconds: length of a window (>= 0.001).
        :param keep: how many windows are kept, the running one included (>= 2).
        :param future: seconds that a record may be ahead of the clock (>= 0).
        :param clock: default: the system's. Windows follow its wall clock.
        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param budget: how many series one metric may have, unless its definition says otherwise (>= 1).
        :param filters: what renames, drops and denies metrics: see :mod:`polymeter.registries.filters`.
        :raises DefinitionError: for a length or a number that cannot be, or something that is no filter.
        :raises InvalidTagsError: for a resource that is no tags.
        """
        super().__init__(clock=clock, resource=resource, filters=filters)
        MetricDefinition.of("any", Kind.COUNTER, budget=budget)  # checks it
        self._grid = Grid(seconds, keep, future)
        self._budget = budget
        self._sequence = itertools.count()
        self._exemplars: ExemplarBoard[SeriesKey] = ExemplarBoard()
        self._current = self._new_store()
        after_fork(self)

    @property
    def _store(self) -> WindowStore:
        if self._current.is_inherited:  # before our hook: another library's, or a finaliser that ran even earlier
            self.after_fork_in_child()
        return self._current

    def _new_store(self) -> WindowStore:
        return WindowStore(self._grid, self.clock, self._definitions.implied, functools.partial(next, self._sequence))

    @property
    def seconds(self) -> float:
        """Length of a window."""
        return self._grid.seconds

    @property
    def keep(self) -> int:
        """How many windows are kept, the running one included."""
        return self._grid.keep

    # -- recording

    def counter(
        self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None
    ) -> WindowedCounter | NullSeries:
        """Add ``increment`` (>= 0) to a counter, in the window of ``at``."""
        touched: WindowedCounter | NullSeries = self._recorded(Kind.COUNTER, name, increment, tags, at)
        return touched

    def up_down(
        self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> WindowedUpDown | NullSeries:
        """Add ``by``, which may be negative, to an up-down counter, in the window of ``at``."""
        touched: WindowedUpDown | NullSeries = self._recorded(Kind.UP_DOWN, name, by, tags, at)
        return touched

    def gauge(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> WindowedGauge | NullSeries:
        """Take ``value`` as the reading of a gauge, now or at ``at``."""
        touched: WindowedGauge | NullSeries = self._recorded(Kind.GAUGE, name, value, tags, at)
        return touched

    def histogram(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> WindowedHistogram | NullSeries:
        """Add one observation to a histogram, in the window of ``at``."""
        touched: WindowedHistogram | NullSeries = self._recorded(Kind.HISTOGRAM, name, value, tags, at)
        return touched

    def timer(
        self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> WindowedTimer | NullSeries:
        """Add one duration (>= 0) to a timer, in the window of ``at``: milliseconds, unless its definition differs."""
        touched: WindowedTimer | NullSeries = self._recorded(Kind.TIMER, name, duration_ms, tags, at)
        return touched

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> Any:
        """Give the series to record on without look-up: ``add``, ``set`` or ``record``. It exists from now on.

        What cannot be a series (tags that are none, a name of another kind) gives one that counts what it refuses.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        if self._filters is not None and self._filters.takes_context(which, name, tags):
            from polymeter.registries.filters.bound import ContextSeries

            given = None if tags is None else dict(tags)
            return ContextSeries(which, lambda: self._bound(which, name, given))
        return self._bound(which, name, tags)

    def _bound(self, kind: Kind, name: str, tags: TagsLike | None) -> WindowedSeries[Any] | NullSeries:
        found = self._found(kind, name, tags)
        if isinstance(found, str):
            return self._null(kind, name, found)
        self._store.put(found, None, None)
        return found

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
        """Note where a value came from that is recorded under ``name`` and ``tags``: ``{"trace_id": ...}``.

        Exemplars are of everything that ever counted, not of single windows. What cannot be noted is counted in
        ``polymeter.exemplars.refused``.

        :param value: in the metric's unit.
        :param at: Unix seconds; ``None``: now.
        :raises ValueError: for a kind that does not exist.
        """
        found = self._found(Kind(kind), name, tags)
        if found == DENIED:
            return
        if isinstance(found, str):
            self.refuse_exemplar(name, "series")
        else:
            self.note(found, value, labels, at)

    def note(self, series: WindowedSeries[Any], value: float, labels: TagsLike, at: float | None, /) -> None:
        """Note where a value came from that is recorded on a series of this registry."""
        unit = self._definitions.implied(series.name, series.kind).resolved_unit
        time = placed_at() if at is None else at
        noted = exemplar_of(series.kind, unit, value, labels, time, now=self.now)
        if isinstance(noted, str):
            self.refuse_exemplar(series.name, noted)
        elif isinstance(noted, Exemplar):
            self._exemplars.note(series.key, series.kind, noted)

    def recorder_at(
        self, kind: Kind | str, name: str, tags: TagsLike | None = None
    ) -> Callable[[float, float | None], object]:
        """Give what takes one record and its time (Unix seconds; ``None``: now), to record on without look-up.

        :raises ValueError: for a kind that does not exist.
        """
        series = self.bind(kind, name, tags)
        if not isinstance(series, NullSeries):
            return series.record_at  # type: ignore[no-any-return]  # of the series, or of that of each context

        def refuse(_value: float, _at: float | None = None) -> None:
            series.add()

        return refuse

    def placing(self, at: float | None) -> AbstractContextManager[object]:
        """Place the records of a block that do not say their own time: ``with registry.placing(event.at): ...``.

        It holds in this thread or task, for every registry that keeps time.

        :param at: Unix seconds; ``None``: now.
        """
        return Placing(at)

    def _recorded(self, kind: Kind, name: str, value: float, tags: TagsLike | None, at: float | None) -> Any:
        plain = _plain_record(value, at, LEAST[kind])
        if isinstance(plain, str):
            return self._refused(kind, name, plain)
        found = self._found(kind, name, tags)
        if isinstance(found, str):
            return self._refused(kind, name, found)
        self._store.put(found, *plain)
        return found

    def record(self, series: WindowedSeries[Any], value: float, at: float | None, /) -> None:
        """Take one record on a series of this registry: what its verbs do."""
        plain = _plain_record(value, at, series.least)
        if isinstance(plain, str):
            self.reject(series.name, plain)
        else:
            self._store.put(series, *plain)

    def _found(self, kind: Kind, name: str, tags: TagsLike | None) -> WindowedSeries[Any] | str:
        """Give the series of a name and tags, or why there cannot be one."""
        try:
            series = self._store.known.get((kind, name, *tags.items()) if tags else (kind, name))
        except Exception:  # noqa: BLE001 - no mapping, values that no dict can hold, or that raise when looked at
            series = None
        return series or self._found_or_made(kind, name, tags)

    def _found_or_made(self, kind: Kind, name: str, tags: TagsLike | None) -> WindowedSeries[Any] | str:
        if not is_name(name):
            return "name"
        try:
            kept = Tags.of(tags)
        except Exception:  # noqa: BLE001 - as above
            return "tags"
        if self._filters is not None:
            return self._found_filtered(kind, name, kept)
        definition = self._definitions.implied(name, kind)
        if definition.kind is not kind:
            return "kind"
        store = self._store
        series, is_folded = self._series_at(store, definition, kept)
        if not is_folded:
            self._learn(store, kind, name, kept, series)
        return series

    def _found_filtered(self, kind: Kind, name: str, tags: Tags) -> WindowedSeries[Any] | str:
        placed = self._placed(kind, name, tags)
        if isinstance(placed, str):
            return placed
        store = self._store
        series, is_folded = self._series_at(store, *placed)
        if not (is_folded or self.filters.takes_context(kind, name, tags)):
            self._learn(store, kind, name, tags, series)
        return series

    def _series_at(
        self, store: WindowStore, definition: MetricDefinition, tags: Tags
    ) -> tuple[WindowedSeries[Any], bool]:
        """Find or make the series of a metric, and tell whether its tags were folded."""
        series = store.series.get((definition.name, tags.canonical))
        if series is not None:
            return series, False
        admitted = self._admitted(store, definition, tags)
        made = windowed_series_of(definition.kind)(self, definition.name, admitted)
        return store.series.setdefault(made.key, made), admitted is not tags  # one of several threads wins

    @staticmethod
    def _learn(store: WindowStore, kind: Kind, name: str, tags: Tags, series: WindowedSeries[Any]) -> None:
        """Find a series by what was recorded, from now on."""
        values = tags.to_dict()
        has_room = len(store.known) < _LOOK_UPS_PER_SERIES * len(store.series)
        if has_room and all(type(value) is str for value in values.values()):
            # Only text goes here: True, 1 and 1.0 are one key to a dict, but not one tag value.
            store.known[(kind, name, *values.items())] = series

    def _admitted(self, store: WindowStore, definition: MetricDefinition, tags: Tags) -> Tags:
        name = definition.name
        budget = store.budgets.get(name)
        if budget is None:
            budget = store.budgets.setdefault(name, Budget(name, definition.budget or self._budget))
        return budget.admit(tags, lambda folded: (name, folded.canonical) in store.series)

    def _defined(self, definition: MetricDefinition) -> None:
        """Make the series of declared domains, at zero."""
        combinations = _combinations(definition)
        limit = definition.budget or self._budget
        if combinations > limit:
            message = (
                f"metric {definition.name!r} declares {combinations} combinations of tag values, "
                f"more than its budget of {limit} series: raise the budget or declare fewer"
            )
            raise DefinitionError(message)
        self._begin(definition)

    def _begin(self, definition: MetricDefinition) -> None:
        if definition.domains:
            for values in itertools.product(*definition.domains.values()):
                self.bind(definition.kind, definition.name, dict(zip(definition.domains, values, strict=True)))

    def _begin_series(self, definition: MetricDefinition, tags: Tags) -> None:
        series, _ = self._series_at(self._store, definition, tags)
        self._store.put(series, None, None)

    # -- reading everything

    def all(self) -> list[Metric]:
        """Give what ever counted, one metric per series."""
        totals = self._store.totals()
        now = self.now()
        return [self._metric(identity, total, now) for identity, total in totals]

    _folded = all

    def value_of(self, series: WindowedSeries[Any], /) -> Metric:
        """Give what ever counted in one series."""
        found = self._store.total_of(series.key)
        now = self.now()
        if found is None:
            return empty_metric(self._definitions.implied(series.name, series.kind), series.tags, now, now)
        identity, total = found
        return self._metric(identity, total, now)

    def _metric(self, identity: Identity, total: Total, now: float) -> Metric:
        metric: Metric = identity.metric(total.cell, total.start, now)
        if not self._exemplars:
            return metric
        exemplars = self._exemplars.of((identity.name, identity.tags.canonical))
        return metric.with_exemplars(exemplars) if exemplars else metric

    def _applied(self) -> int:
        return sum(_counted(self._store.tally(), APPLIED).values())

    def _has_series(self, name: str) -> bool:
        return any(identity.name == name for identity, _ in self._store.totals())

    def __len__(self) -> int:
        """Count the series."""
        return len(self._store.totals())

    def snapshot(self) -> Snapshot:
        """Give everything that ever counted, with the definitions and the ``polymeter.*`` metrics."""
        store, snapshot = self._store, self._snapshot()
        for _ in range(_SNAPSHOT_TRIES):
            if self._current is store:
                break
            store, snapshot = self._store, self._snapshot()  # a clear() came in between
        return snapshot

    def _snapshot(self) -> Snapshot:
        snapshot = super().snapshot()
        health = self.health()
        metrics: list[Metric] = [
            Counter(definition.name, count, {"metric": name}, start=self._started, timestamp=self.now())
            for definition, counts in ((LATE_RECORDS, health.late_by), (MISPLACED_RECORDS, health.future_by))
            for name, count in counts.items()
        ]
        for budget in list(self._store.budgets.values()):
            metrics += budget.self_metric(self._started, self.now())
        return snapshot.plus(metrics, {each.name: each for each in (LATE_RECORDS, MISPLACED_RECORDS)})

    def health(self) -> WindowedHealth:
        """Give what became of all records."""
        said = super().health()
        parts: dict[str, Any] = {part.name: getattr(said, part.name) for part in fields(said)}
        tally = self._store.tally()
        parts["applied"] = sum(_counted(tally, APPLIED).values())  # of the same moment as those that were late
        return WindowedHealth(**parts, late_by=_counted(tally, LATE), future_by=_counted(tally, FUTURE))

    def _invalid_by(self) -> Mapping[tuple[str, str], int]:
        invalid_by = dict(super()._invalid_by())
        for name, count in _counted(self._store.tally(), INFINITE).items():
            invalid_by[name, INFINITE] = invalid_by.get((name, INFINITE), 0) + count
        return invalid_by

    # -- starting anew

    def clear(self) -> None:
        """Forget all values and start a new epoch; definitions stay, and bound series can still be recorded on."""
        self._exemplars = ExemplarBoard()
        self._current = self._new_store()
        self._new_epoch()
        self._begin_again()

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer: what the parent recorded is the parent's to report."""
        if self._current.is_inherited:
            self._exemplars = ExemplarBoard()
            self._current = self._new_store()
            self._new_writer()
            self._begin_again()

    def _begin_again(self) -> None:
        for definition in self._definitions.to_dict().values():
            if _combinations(definition) <= (definition.budget or self._budget):
                self._begin(definition)
        self._begin_declared()


def _combinations(definition: MetricDefinition) -> int:
    """Count the series that a definition declares."""
    return math.prod(map(len, definition.domains.values())) if definition.domains else 0


def _plain_record(value: float, at: float | None, least: float) -> tuple[float, float | None] | str:
    """Give a record's plain number and time, or why it cannot be used.

    Other people's numbers are asked here, by who records, and never while a drain runs.
    """
    number = value if type(value) in PLAIN and least <= value < LARGEST else _plain(value, negative=least < 0)
    if isinstance(number, str):
        return number
    time = placed_at() if at is None else at
    if time is None or (type(time) in PLAIN and -LARGEST < time < LARGEST):
        return number, time
    plain = _plain(time, negative=True)
    return "at" if isinstance(plain, str) else (number, plain)


def _plain(value: object, *, negative: bool) -> float | str:
    """Give the plain number in a value, or why there is none."""
    reason, number = looked_at(value, negative=negative)
    return number if reason is None else reason


def _counted(tally: Mapping[tuple[str, str], int], what: str) -> dict[str, int]:
    return {name: count for (name, became), count in tally.items() if became == what}
