"""InMemoryRegistry: every single point, up to a bound."""

from __future__ import annotations

import itertools
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.exemplar import Exemplar
from polymeter.data.fold import fold
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric, MetricKey, is_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError, MetricNotFoundError
from polymeter.forking import after_fork
from polymeter.registries.base import RESERVED
from polymeter.registries.exemplars import ExemplarBoard, TakesExemplars, exemplar_of
from polymeter.registries.filters.taking import DENIED
from polymeter.registries.null import NullSeries
from polymeter.registries.poison import looked_at, reason_to_refuse
from polymeter.registries.turn import Turn, give_way, here, new_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.filters.taking import Placed

__all__ = ["InMemoryRegistry", "PointSeries"]

MetricT = TypeVar("MetricT", bound=Metric)

_MOST_BEYOND: Final = 1024
"""So many points beyond the bound may wait to be folded before whoever makes the next one gives way."""


class InMemoryRegistry(TakesExemplars):
    """Keeps every point as it was recorded, for tests and for looking closely.

    The verbs give back the new point. ``find`` and ``all`` give points in the order in which they were recorded;
    ``get``, ``total`` and ``snapshot`` give sums of them. Beyond ``max_points`` the oldest points are folded into one
    per series: they are no longer found one by one, but every total stays right.
    """

    def __init__(
        self,
        *,
        max_points: int = 10_000,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Make an empty registry.

        :param max_points: how many points are kept one by one (>= 1).
        :param filters: what renames, drops and denies metrics: see :mod:`polymeter.registries.filters`.
        :raises DefinitionError: if ``max_points`` is less than 1, or for something that is no filter.
        """
        if max_points < 1:
            message = f"max_points={max_points} keeps nothing: use 1 or more"
            raise DefinitionError(message)
        super().__init__(clock=clock, resource=resource, filters=filters)
        self.max_points = max_points
        self._kept = _Kept()
        self._turn = Turn()
        self._sequence = itertools.count()
        after_fork(self)

    # -- recording

    def counter(
        self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None
    ) -> Counter | NullSeries:
        """Add ``increment`` (>= 0) to a counter; gives that point."""
        return self._point(Counter, name, increment, tags, at)

    def up_down(
        self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> UpDownCounter | NullSeries:
        """Add ``by``, which may be negative, to an up-down counter; gives that point."""
        return self._point(UpDownCounter, name, by, tags, at)

    def gauge(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> Gauge | NullSeries:
        """Take ``value`` as the reading of a gauge; gives that point."""
        return self._point(Gauge, name, value, tags, at, sequence=next(self._sequence))

    def histogram(
        self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> Histogram | NullSeries:
        """Add one observation to a histogram; gives that point."""
        return self._point(Histogram, name, value, tags, at)

    def timer(
        self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None
    ) -> Timer | NullSeries:
        """Add one duration (>= 0) to a timer, in milliseconds unless name or definition say otherwise."""
        return self._point(Timer, name, duration_ms, tags, at)

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> PointSeries:
        """Give something to record on without naming it again.

        :raises ValueError: for a kind that does not exist.
        """
        return PointSeries(self, Kind(kind), name, tags)

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

        Single points have no exemplars; ``get`` and ``snapshot`` show those of all points together. What cannot be
        noted is counted in ``polymeter.exemplars.refused``.

        :param value: in the metric's unit.
        :param at: Unix seconds; ``None``: now.
        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        placed = self._place_of(which, name, tags)
        if placed == DENIED:
            return
        noted: Exemplar | str | None = "series"
        if not isinstance(placed, str):
            definition, kept = placed
            noted = exemplar_of(which, definition.resolved_unit, value, labels, at, now=self.now)
            if isinstance(noted, Exemplar):
                self._here().exemplars.note((which, definition.name, kept), which, noted)
        if isinstance(noted, str):
            self.refuse_exemplar(name, noted)

    def _place_of(self, kind: Kind, name: str, tags: TagsLike | None) -> Placed | str:
        """Give the metric and the tags that a point is kept under, or why there can be none."""
        if not is_name(name) or name.startswith(RESERVED):
            return "name"
        try:
            checked = Tags.of(tags)
        except Exception:  # noqa: BLE001 - tags that are none, or that raise when looked at
            return "tags"
        if self._filters is not None:
            return self._placed(kind, name, checked)
        definition = self._definitions.implied(name, kind)
        return (definition, checked) if definition.kind is kind else "kind"

    def _point(
        self,
        metric: Callable[..., MetricT],
        name: str,
        value: float,
        tags: TagsLike | None,
        at: float | None,
        **more: Any,
    ) -> MetricT | NullSeries:
        kind: Kind = metric.kind  # type: ignore[attr-defined]  # every Metric class has one
        reason, number = looked_at(value, negative=kind not in {Kind.COUNTER, Kind.TIMER})
        placed = self._place_of(kind, name, tags) if reason is None else reason
        if isinstance(placed, str):
            return self._refused(kind, name, placed)
        definition, checked = placed
        when = self.now() if at is None else at
        if reason_to_refuse(when, negative=True) is not None:
            return self._refused(kind, name, "at")
        payload: Any = number
        if kind.is_distribution:
            base = definition.resolved_unit.to_base(number)
            if not math.isfinite(base):
                return self._refused(kind, name, "infinite")
            payload = Distribution.of([base], bounds=definition.base_bounds)
        point = metric(
            definition.name, payload, checked, start=when, timestamp=when, unit=definition.resolved_unit, **more
        )
        kept = self._kept
        kept.points.append(point)
        if len(kept.points) > self.max_points:
            done = self._fold_oldest(kept, wait=False)
            if not done and len(kept.points) > self.max_points + _MOST_BEYOND:
                give_way()
        return point

    def _fold_oldest(self, kept: _Kept, *, wait: bool) -> bool:
        """Fold what is beyond the bound, unless another thread or an outer call is at it; tell whether that was so."""
        if self._turn.is_inherited:
            self.after_fork_in_child()
        claim, turn, outer = new_claim(), self._turn, here.claim
        try:
            if not turn.comes(claim, wait=wait):
                return False
            here.claim = claim
            while len(kept.points) > self.max_points:
                point = kept.points[0]
                key = point.key
                known = kept.oldest.get(key)
                folded = point if known is None else known.merge(point)
                # Three steps that call nothing: a handler that reads or raises comes before or after all of them.
                kept.oldest[key] = folded
                kept.folded += 1
                del kept.points[0]
            return True
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]
            here.claim = outer

    # -- reading

    def all(self) -> list[Metric]:
        """Give every point that is kept one by one, the oldest first."""
        return list(self._here().points)

    def _here(self) -> _Kept:
        """Give what is kept, in this process and within the bound."""
        kept = self._kept
        self._fold_oldest(kept, wait=True)
        return self._kept

    def _folded(self) -> list[Metric]:
        kept = self._here()
        folded = fold([*kept.oldest.values(), *kept.points])
        for key in kept.exemplars.copy():
            if key in folded:
                folded[key] = folded[key].with_exemplars(kept.exemplars.of(key))
        return list(folded.values())

    def sum_of(self, kind: Kind, name: str, tags: TagsLike | None, /) -> Metric:
        """Give the sum of all points that are recorded under a name and tags; if there are none, an empty metric."""
        try:
            metric: Metric = self.get(*self.kept_as(kind, name, tags))
        except (MetricNotFoundError, InvalidTagsError):
            return NullSeries(kind, name, lambda: None).freeze()
        return metric

    def kept_as(self, kind: Kind, name: str, tags: TagsLike | None, /) -> tuple[str, TagsLike | None]:
        """Give the name and the tags that points are kept under; as they are, if there can be none."""
        placed = "name" if self._filters is None else self._place_of(kind, name, tags)
        return (name, tags) if isinstance(placed, str) else (placed[0].name, placed[1])

    def _applied(self) -> int:
        kept = self._here()
        return kept.folded + len(kept.points)

    def _has_series(self, name: str) -> bool:
        return any(metric.name == name for metric in self._folded())

    def __len__(self) -> int:
        """Count the points that are kept one by one."""
        return len(self._here().points)

    # -- starting anew

    def clear(self) -> None:
        """Forget all points and start a new epoch; definitions stay."""
        self._kept = _Kept()
        self._new_epoch()

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer."""
        if self._turn.is_inherited:
            self._kept = _Kept()
            self._turn = Turn()  # last: until then whoever reads in between begins here
            self._new_writer()


class _Kept:
    """Everything between two ``clear()``.

    :ivar points: the points that are kept one by one.
    :ivar oldest: what was folded, by series.
    :ivar folded: how many points that were.
    :ivar exemplars: of all points of a series together.
    """

    __slots__ = ("exemplars", "folded", "oldest", "points")

    def __init__(self) -> None:
        self.points: deque[Metric] = deque()
        self.oldest: dict[MetricKey, Metric] = {}
        self.folded = 0
        self.exemplars: ExemplarBoard[MetricKey] = ExemplarBoard()


class PointSeries:
    """A name with tags, to record points on."""

    __slots__ = ("_name", "_registry", "_tags", "kind")

    def __init__(self, registry: InMemoryRegistry, kind: Kind, name: str, tags: TagsLike | None) -> None:
        self._registry = registry
        self._tags = _kept(tags)
        self.kind = kind
        self._name = name

    @property
    def name(self) -> str:
        """The name that its points have; what was asked for, if there can be none."""
        return self._registry.kept_as(self.kind, self._name, self._tags)[0]

    @property
    def tags(self) -> Tags:
        """The tags that its points have, validated."""
        return Tags.of(self._registry.kept_as(self.kind, self._name, self._tags)[1])

    def add(self, amount: float = 1, /) -> None:
        """Add to a counter or an up-down counter."""
        if self.kind is Kind.COUNTER:
            self._registry.counter(self._name, self._tags, amount)
        elif self.kind is Kind.UP_DOWN:
            self._registry.up_down(self._name, amount, self._tags)
        else:
            self._registry.reject(self._name, "verb")

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Set a gauge."""
        if self.kind is Kind.GAUGE:
            self._registry.gauge(self._name, value, self._tags, at=at)
        else:
            self._registry.reject(self._name, "verb")

    def record(self, value: float, /) -> None:
        """Add one observation to a histogram or a timer."""
        if self.kind is Kind.HISTOGRAM:
            self._registry.histogram(self._name, value, self._tags)
        elif self.kind is Kind.TIMER:
            self._registry.timer(self._name, value, self._tags)
        else:
            self._registry.reject(self._name, "verb")

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Note where a value came from that is recorded here; see :meth:`InMemoryRegistry.exemplar`."""
        self._registry.exemplar(self.kind, self._name, value, labels, self._tags, at=at)

    def freeze(self) -> Metric:
        """Give the sum of the points so far; before the first, the empty value of its kind."""
        return self._registry.sum_of(self.kind, self._name, self._tags)

    @property
    def value(self) -> float:
        """The value of the points so far."""
        return self.freeze().value


def _kept(tags: TagsLike | None) -> TagsLike | None:
    """Give tags that do not change with the caller's mapping; what is none is refused when it is recorded with."""
    try:
        return Tags.of(tags)
    except Exception:  # noqa: BLE001 - as when recording
        return tags
