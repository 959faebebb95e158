"""Own: what this process has recorded, and what of that Redis has not been told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.registries.redis.wire import identity_of
from polymeter.registries.shared.own import OwnRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.registries.redis.wire import Identity
    from polymeter.registries.series import Series

__all__ = ["ADDED", "BEST", "LIVE", "Recording", "Untold", "place_of"]

ADDED: Final = "added"
"""All writers add to one value in Redis."""
BEST: Final = "best"
"""One reading stays in Redis: the latest, largest or smallest."""
LIVE: Final = "live"
"""Each writer says its own, which holds as long as it lives."""

_LEVELS: Final = frozenset({Kind.GAUGE, Kind.UP_DOWN})


def place_of(definition: MetricDefinition) -> str:
    """Say where the series of a metric are kept: :data:`ADDED`, :data:`BEST` or :data:`LIVE`."""
    rule, kind = definition.rule, definition.kind
    keep = kind not in _LEVELS if definition.keep is None else definition.keep
    if not keep or rule is Combine.PER_PROCESS:
        return LIVE
    if rule is Combine.SUM:
        return ADDED
    return BEST if kind is Kind.GAUGE else LIVE


class Recording(OwnRegistry):
    """Keeps what this process records. What is not told to Redis is forgotten together with it."""

    def __init__(self, **options: Any) -> None:
        """Make an empty one; the options are those of :class:`AggregatingRegistry`."""
        self.untold: Untold | None = None
        super().__init__(**options)

    def in_turn(self, work: Callable[[], object]) -> bool:
        """Make everything count that waits, and do ``work`` while nothing changes; tell whether that was done."""

        def then() -> None:
            if self._expires:
                self._end_idle()
            work()

        return self._drain.run(self._sources(), wait=True, then=then)

    def series(self) -> list[Series[Any]]:
        """Give all series."""
        return self._all_series()

    def ended(self) -> list[Metric]:
        """Give what series had counted that are no more, one of each metric."""
        return [family.ended for family in list(self._families.values()) if family.ended is not None]

    def current_definition(self, name: str, kind: Kind) -> MetricDefinition:
        """Give what is said about a metric."""
        return self._definitions.implied(name, kind)

    def _forget_all(self) -> None:
        super()._forget_all()
        if self.untold is not None:
            self.untold.forget()


class Untold:
    """What Redis has not been told. It takes no more room than the series do, however long it waits.

    Everything here is done in a drain's turn of the registry, where nobody else is.

    :ivar definitions: those that are new.
    :ivar dirty: identities of series, of those that all writers add to, that have changed since they were told.
    :ivar finals: what came last to series that have ended.
    :ivar best: identity -> the reading to compare with that in Redis.
    :ivar live: identity -> what this process alone says, where it has to be said (again); ``None``: it is no more.
    :ivar own_live: all that this process alone says.
    """

    def __init__(self, registry: Recording) -> None:
        self._registry = registry
        self._places: dict[str, str] = {}
        self._said: dict[str, MetricDefinition] = {}
        self.definitions: dict[str, MetricDefinition] = {}
        self.forget()

    def forget(self) -> None:
        """Have nothing to tell, as when nothing was recorded."""
        self._identities: dict[Series[Any], Identity] = {}
        self._current: dict[Identity, Metric] = {}
        self._told: dict[Identity, Metric] = {}
        self._seen: dict[Identity, Metric] = {}
        self._ended_since: dict[Identity, Metric] = {}
        self._own_best: dict[Identity, Metric] = {}
        self.dirty: dict[Identity, None] = {}
        self.finals: dict[Identity, Metric] = {}
        self.best: dict[Identity, Metric] = {}
        self.live: dict[Identity, Metric | None] = {}
        self.own_live: dict[Identity, Metric] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.dirty or self.finals or self.best or self.live or self.definitions)

    def tags_of(self, identity: Identity) -> Tags | None:
        """Give the tags of a series of this process with the types that they were given with."""
        known = self._current.get(identity) or self.own_live.get(identity)
        return None if known is None else known.tags

    def rule_of(self, metric: Metric) -> str:
        """Give the rule by which one of several readings is kept."""
        return self._registry.current_definition(metric.name, metric.kind).rule.value

    # -- looking

    def look(self) -> None:
        """Take note of what has changed since the last look."""
        registry = self._registry
        for name, definition in registry.definitions.items():
            if self._said.get(name) is not definition:
                self._said[name] = self.definitions[name] = definition
        while registry.last:
            self._end(registry.last[0][0])
            del registry.last[0]
        now = registry.now()
        for series in list(registry.touched):
            registry.touched.discard(series)  # before it is looked at: who comes later is seen next time
            try:
                self._look_at(series, now)
            except BaseException:
                registry.touched.add(series)
                raise
        for metric in registry.self_metrics():
            identity = identity_of(metric)
            known = self._current.get(identity)
            is_new = metric.value != 0 if known is None else known.value != metric.value or known.start != metric.start
            if is_new:
                self._current[identity] = metric
                self.dirty[identity] = None

    def _look_at(self, series: Series[Any], now: float) -> None:
        if not series.attached:
            self._identities.pop(series, None)
            return
        metric = series.frozen(now)
        identity = self._identities.get(series)
        if identity is None:
            identity = self._identities[series] = identity_of(metric)
        place = self._place_of(metric)
        if place is LIVE:
            self.live[identity] = self.own_live[identity] = metric
        elif metric.kind is Kind.GAUGE and math.isnan(metric.value):
            return
        elif place is BEST:
            self._keep_best(identity, metric)
        else:
            self._current[identity] = metric
            self.dirty[identity] = None

    def _place_of(self, metric: Metric) -> str:
        place = self._places.get(metric.name)
        if place is None:  # and so it stays, whatever is said about it later
            definition = self._registry.current_definition(metric.name, metric.kind)
            place = self._places[metric.name] = place_of(definition)
        return place

    def _keep_best(self, identity: Identity, metric: Metric) -> None:
        rule = self._registry.current_definition(metric.name, metric.kind).rule
        for kept in (self.best, self._own_best):
            known = kept.get(identity)
            if known is None or combined_by(rule, known, metric) is metric:
                kept[identity] = metric

    def _end(self, last: Metric) -> None:
        identity = identity_of(last)
        place = self._place_of(last)
        if place is LIVE:
            if self.own_live.pop(identity, None) is not None:
                self.live[identity] = None
        elif place is ADDED and not (last.kind is Kind.GAUGE and math.isnan(last.value)):
            told = self._told.pop(identity, None)
            change = changed(last, told)
            # Without anything new it must not look as if somebody had recorded on it.
            if told is None or not _is_nothing(change):
                self.finals[identity] = _merged(self.finals.get(identity), change)
            since = changed(last, self._seen.pop(identity, None))
            self._ended_since[identity] = _merged(self._ended_since.get(identity), since)
            self._current.pop(identity, None)
            self.dirty.pop(identity, None)

    # -- telling

    def take(self, most: int) -> dict[Identity, tuple[Metric, Metric | None]]:
        """Give at most so many series that have changed, and what was told of each last: now they are told."""
        taken: dict[Identity, tuple[Metric, Metric | None]] = {}
        for identity in list(self.dirty)[:most]:
            metric = self._current[identity]
            taken[identity] = (metric, self._told.get(identity))
            self._told[identity] = metric
            del self.dirty[identity]
        return taken

    def tell_anew(self, finals: Mapping[Identity, Metric]) -> None:
        """Tell everything again, to a Redis that knows nothing.

        :param finals: what was on its way of series that have ended.
        """
        for identity, change in finals.items():
            self.finals[identity] = _merged(self.finals.get(identity), change)
        self._told = {}
        self._said = {}
        self.dirty = dict.fromkeys(self._current)
        self.best.update(self._own_best)
        self.live.update(self.own_live)

    def say_again(self, *, but: Container[Identity]) -> None:
        """Say again what this process alone says, but for what was said just now."""
        for identity, metric in self.own_live.items():
            if identity not in but:
                self.live.setdefault(identity, metric)

    # -- beside what was read

    def seen(
        self, on_the_way: Mapping[Identity, tuple[Metric, Metric | None]], finals: Mapping[Identity, Metric]
    ) -> None:
        """Take note that what was read just now has all that was told, but for what is on its way."""
        self._seen = self._told.copy()
        for identity, (_, before) in on_the_way.items():
            if before is None:
                self._seen.pop(identity, None)
            else:
                self._seen[identity] = before
        self._ended_since = self.finals.copy()
        for identity, change in finals.items():
            self._ended_since[identity] = _merged(self._ended_since.get(identity), change)

    def unseen(self) -> Iterator[tuple[Identity, Metric]]:
        """Give what came to series since :meth:`seen`."""
        yield from self._ended_since.items()
        yield from self._own_best.items()
        for identity, metric in self._current.items():
            seen = self._seen.get(identity)
            if seen is not metric:
                yield identity, changed(metric, seen)


def combined_by(rule: Combine, known: Metric, metric: Metric) -> Metric:
    """Give the reading that stays of two of one process."""
    if rule is Combine.MAX:
        return metric if metric.value > known.value else known
    if rule is Combine.MIN:
        return metric if metric.value < known.value else known
    return metric if metric.timestamp >= known.timestamp else known


def _is_nothing(change: Metric) -> bool:
    if isinstance(change, Histogram | Timer):
        return not change.count and not change.exemplars
    return not change.value and not change.exemplars


def _merged(known: Metric | None, change: Metric) -> Metric:
    return change if known is None else known.merge(change)


def changed(now: Metric, before: Metric | None) -> Metric:
    """Give what came to a series since it was ``before``; of a gauge by how much it went up, as an up-down counter."""
    if isinstance(now, Gauge):
        rise = now.value - (before.value if before is not None and before.start == now.start else 0)
        return UpDownCounter(now.name, rise, now.tags, start=now.start, timestamp=now.timestamp, unit=now.unit)
    if before is None or before.start != now.start:
        return now
    exemplars = [each for each in now.exemplars if each not in before.exemplars]
    if isinstance(now, Histogram | Timer) and isinstance(before, Histogram | Timer):
        whole = now.distribution
        added: Any = whole.minus(before.distribution).replaced(min=whole.min, max=whole.max)
    elif isinstance(now, Counter | UpDownCounter) and isinstance(before, Counter | UpDownCounter):
        added = now.total.minus(before.total)
    else:
        return now
    remade: Any = type(now)
    metric: Metric = remade(
        now.name, added, now.tags, start=now.start, timestamp=now.timestamp, unit=now.unit, exemplars=exemplars
    )
    return metric
