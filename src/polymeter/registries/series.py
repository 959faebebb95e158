"""Series: one metric with one set of tags, live. Recording appends to a list; a drain makes sense of it.

``add``, ``set`` and ``record`` take no lock and never raise. They append to the series' own pending list, which is one
call into C, and when that is full have the registry drain it. Nothing is ever removed from the list but by the one
drain that is running, and only what that drain has taken, so a record made meanwhile stays for the next one.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution, DistributionBuilder
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, ReadsDistribution, ReadsTimer, Timer
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric
from polymeter.data.sums import Sum
from polymeter.data.tags import Tags
from polymeter.registries.poison import are_plain, reason_to_refuse, usable

if TYPE_CHECKING:
    from collections.abc import Callable
    from weakref import WeakKeyDictionary

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.units import Unit
    from polymeter.registries.family import Family, Shelf

__all__ = [
    "PENDING_LIMIT",
    "CounterSeries",
    "GaugeSeries",
    "HistogramSeries",
    "Owner",
    "Series",
    "TimerSeries",
    "UpDownSeries",
    "series_of",
]

MetricT = TypeVar("MetricT", bound=Metric)

PENDING_LIMIT: Final = 256
"""So many records wait in a series before whoever made the last one drains it: a soft bound."""


class Owner(Protocol):
    """What a series needs of its registry."""

    def drain_one(self, series: Series[Any], /, *, wait: bool) -> Series[Any]:
        """Drain ``series``, or the one that has taken its place, unless a drain is running here; give that one."""
        ...

    def now(self) -> float:
        """Give Unix seconds that never go back."""
        ...

    def next_sequence(self) -> int:
        """Give the place of one record in the order of all."""
        ...

    def reject(self, name: str, reason: str, /) -> None:
        """Count a record that could not be used."""

    lists: WeakKeyDictionary[Series[Any], list[Any]]
    """The lists of pending records, while they are being made."""


class Series(ABC, Generic[MetricT]):
    """One live series. It records by the verb of its kind and reads as a metric of that kind."""

    # There may be a hundred thousand of these: what can be shared is on the shelf.
    __slots__ = ("__weakref__", "_identity", "_shelf", "_start", "pending")

    kind: ClassVar[Kind]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        """Make an empty one. Until ``own_list`` is asked for, records wait with the registry, each with its series."""
        self._shelf = shelf
        # Tags that are all text can be made again from their texts.
        self._identity = texts if all(type(value) is str for value in tags.values()) else tags
        self._start: float | None = start
        self.pending: list[Any] | None = None

    @property
    def attached(self) -> bool:
        """Whether the registry shows it."""
        return self._start is not None

    @property
    def start(self) -> float:
        """Unix seconds since which the value has been gathered."""
        return self._owner.now() if self._start is None else self._start

    def detach(self) -> None:
        """Show it no more, until it is recorded on again."""
        self._start = None

    @property
    def family(self) -> Family:
        """All series of the same metric."""
        return self._shelf.family

    @property
    def place(self) -> tuple[Shelf, tuple[str, ...]]:
        """Where the series stands."""
        identity = self._identity
        return self._shelf, identity if isinstance(identity, tuple) else tuple(text for _, text in identity.canonical)

    @property
    def name(self) -> str:
        """The metric's name."""
        return self._shelf.family.name

    @property
    def tags(self) -> Tags:
        """Its tags."""
        identity = self._identity
        if isinstance(identity, tuple):
            return Tags.of(dict(zip(self._shelf.names, identity, strict=True)))
        return identity

    @property
    def unit(self) -> Unit:
        """How values come in and read out."""
        return self._shelf.family.unit

    @property
    def _owner(self) -> Owner:
        return self._shelf.family.owner

    # -- recording

    def add(self, amount: float = 1, /) -> None:
        """Refuse: this is neither a counter nor an up-down counter. Counted as ``invalid``, reason ``verb``."""
        del amount
        self._owner.reject(self.name, "verb")

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Refuse: this is not a gauge. Counted as ``invalid``, reason ``verb``."""
        del value, at
        self._owner.reject(self.name, "verb")

    def record(self, value: float, /) -> None:
        """Refuse: this is neither a histogram nor a timer. Counted as ``invalid``, reason ``verb``."""
        del value
        self._owner.reject(self.name, "verb")

    def recorder(self) -> Callable[[float], object]:
        """Give what takes one record and does nothing else; whoever uses it calls :meth:`drain` from time to time."""
        return self.own_list().append

    def drain(self) -> None:
        """Make the pending records count, unless a drain is running."""
        self._owner.drain_one(self, wait=False)

    def own_list(self) -> list[Any]:
        """Give the list that records on this very object wait in; made with the first of them."""
        pending = self.pending
        if pending is None:
            # One of several threads wins; the list is kept for as long as the series is.
            pending = self.pending = self._owner.lists.setdefault(self, [])
        return pending

    # -- draining, by the registry alone

    def take_pending(self) -> list[Any]:
        """Take out what is pending now; what comes meanwhile stays."""
        pending = self.pending
        if pending is None:
            return []
        taken = pending[:]
        del pending[: len(taken)]
        return taken

    def hand_over(self, batch: list[Any]) -> None:
        """Take records that were made before those that are pending: a batch given back, or another object's."""
        self.own_list()[:0] = batch

    @property
    def has_pending(self) -> bool:
        """Whether something waits to be drained."""
        return bool(self.pending)

    def _refuse(self, reason: str) -> None:
        self._owner.reject(self.name, reason)

    @abstractmethod
    def apply(self, batch: list[Any]) -> int:
        """Make a batch of pending records count; give how many were usable."""

    def renew(self, definition: MetricDefinition, start: float) -> None:
        """Begin anew, as ``definition`` now says."""
        self._start = start
        del definition

    @abstractmethod
    def reset(self) -> None:
        """Go back to nothing."""

    # -- reading

    @abstractmethod
    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""

    def freeze(self) -> MetricT:
        """Give the value of now, with everything that this thread has recorded."""
        current = self._owner.drain_one(self, wait=True)
        frozen: MetricT = current.frozen(self._owner.now())
        return frozen

    @property
    def value(self) -> float:
        """The value of now."""
        return self.freeze().value

    @property
    def timestamp(self) -> float:
        """Unix seconds up to which the value has been gathered."""
        return self.freeze().timestamp

    def to_dict(self) -> dict[str, Any]:
        """Give plain values of now."""
        return self.freeze().to_dict()

    def __str__(self) -> str:
        return str(self.freeze())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class _SumSeries(Series[MetricT]):
    """What both kinds of sum share."""

    __slots__ = ("_total",)

    _may_fall: ClassVar[bool]
    _metric: ClassVar[Callable[..., Any]]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._total: int | Sum = 0  # a Sum once there is a float

    def add(self, amount: float = 1, /) -> None:
        """Add ``amount``, in the metric's unit."""
        pending = self.pending
        if pending is None:
            pending = self.own_list()
        pending.append(amount)
        if len(pending) >= PENDING_LIMIT:
            self._owner.drain_one(self, wait=False)

    def apply(self, batch: list[Any]) -> int:
        """Add up a batch."""
        values, added = usable(batch, self._refuse, negative=self._may_fall)
        total = self._total
        if isinstance(total, int) and not added.floats:
            self._total = total + added.integers
        else:
            self._total = (Sum(total) if isinstance(total, int) else total).plus(added)
        return len(values)

    def reset(self) -> None:
        """Go back to zero."""
        self._total = 0

    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""
        total = self._total
        if isinstance(total, int):
            total = Sum(total)
        frozen: MetricT = self._metric(
            self.name, total, self.tags, start=self.start, timestamp=timestamp, unit=self.unit
        )
        return frozen


class CounterSeries(_SumSeries[Counter]):
    """A live counter."""

    __slots__ = ()

    kind = Kind.COUNTER
    _may_fall = False
    _metric = Counter


class UpDownSeries(_SumSeries[UpDownCounter]):
    """A live up-down counter."""

    __slots__ = ()

    kind = Kind.UP_DOWN
    _may_fall = True
    _metric = UpDownCounter


class GaugeSeries(Series[Gauge]):
    """A live gauge. A pending reading is ``(value, at, is_explicit, sequence)``."""

    __slots__ = ("_is_mixed", "_latest", "_reading")

    kind = Kind.GAUGE

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._reading: tuple[float, int, float] = _NO_READING
        self._latest = -math.inf
        self._is_mixed = False

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Take ``value`` as the reading of now, or of ``at`` (Unix seconds)."""
        pending = self.own_list()
        is_explicit = at is not None
        pending.append((value, at if is_explicit else self._owner.now(), is_explicit, self._owner.next_sequence()))
        if len(pending) >= PENDING_LIMIT:
            self._owner.drain_one(self, wait=False)

    def recorder(self) -> Callable[[float], object]:
        """Give what takes one reading and perhaps its time; see :meth:`Series.recorder`."""
        append, next_sequence, now = self.own_list().append, self._owner.next_sequence, self._owner.now

        def record(value: float, at: float | None = None) -> None:
            append((value, now() if at is None else at, at is not None, next_sequence()))

        return record

    def hand_over(self, batch: list[Any]) -> None:
        """Take readings that were made on another object of the same series, perhaps between those here."""
        self._is_mixed = True
        super().hand_over(batch)

    def apply(self, batch: list[Any]) -> int:
        """Keep the last reading of a batch."""
        if self._is_mixed:
            self._is_mixed = False
            batch.sort(key=_SEQUENCE)
        values, times = [reading[0] for reading in batch], [reading[1] for reading in batch]
        if are_plain(values) and are_plain(times):
            if all(map(_IS_EXPLICIT, batch)):
                value, at, _, sequence = max(batch, key=_BY_TIME)
                self._reading = max(self._reading, (at, sequence, value))
                return len(batch)
            if not any(map(_IS_EXPLICIT, batch)):
                self._place(*batch[-1])  # the last one is all that matters
                return len(batch)
        good = 0
        for value, *place in batch:
            numbers, _ = usable([value], self._refuse, negative=True)
            good += bool(numbers) and self._place(numbers[0], *place)
        return good

    def _place(self, value: float, at: Any, is_explicit: bool, sequence: int) -> bool:  # noqa: FBT001 - as in a record
        if not is_explicit:
            # Program order wins over a clock that goes back.
            self._latest = at = max(self._latest, at)
        elif reason_to_refuse(at, negative=True) is not None:
            self._refuse("at")
            return False
        self._reading = max(self._reading, (at, sequence, value))
        return True

    def reset(self) -> None:
        """Go back to no reading."""
        self._reading = _NO_READING
        self._latest = -math.inf

    def frozen(self, timestamp: float) -> Gauge:
        """Give what is published now, without draining."""
        at, sequence, value = self._reading
        if sequence < 0:
            at = timestamp
        return Gauge(
            self.name, value, self.tags, start=min(self.start, at), timestamp=at, sequence=sequence, unit=self.unit
        )


_IS_EXPLICIT: Final = operator.itemgetter(2)
_SEQUENCE: Final = operator.itemgetter(3)
_BY_TIME: Final = operator.itemgetter(1, 3)


_NO_READING: Final = (-math.inf, -1, math.nan)


class _DistributionSeries(Series[MetricT], ReadsDistribution):
    """What both kinds of distribution share."""

    __slots__ = ("_builder",)

    _may_fall: ClassVar[bool]
    _metric: ClassVar[Callable[..., Any]]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._builder = DistributionBuilder(self.family.definition.base_bounds)

    def record(self, value: float, /) -> None:
        """Add one observation, in the metric's unit."""
        pending = self.pending
        if pending is None:
            pending = self.own_list()
        pending.append(value)
        if len(pending) >= PENDING_LIMIT:
            self._owner.drain_one(self, wait=False)

    def apply(self, batch: list[Any]) -> int:
        """Sort a batch into the buckets."""
        values, total = usable(batch, self._refuse, negative=self._may_fall)
        if values and self.unit.numerator != self.unit.denominator:
            values, total = self._in_base_units(values)
        if values:
            self._builder.add_checked(values, total)
        return len(values)

    def _in_base_units(self, values: list[float]) -> tuple[list[float], Sum]:
        # As Unit.to_base, without what is one: x * 1 / 1000 == x / 1000.
        numerator, denominator = self.unit.numerator, self.unit.denominator
        converted = values
        try:
            if numerator != 1:
                converted = [value * numerator for value in converted]
            if denominator != 1:
                converted = [value / denominator for value in converted]
            total = Sum.of_all(converted)
            if math.isfinite(total.floats):
                return converted, total
        except OverflowError:  # an integer that no float can hold
            pass
        converted = [self.unit.to_base(value) for value in values]
        kept = [value for value in converted if math.isfinite(value)]
        for _ in range(len(converted) - len(kept)):
            self._refuse("infinite")
        return kept, Sum.of_all(kept)

    def renew(self, definition: MetricDefinition, start: float) -> None:
        """Begin anew, as ``definition`` now says."""
        super().renew(definition, start)
        self._builder = DistributionBuilder(definition.base_bounds)

    def reset(self) -> None:
        """Go back to no observation."""
        self._builder = self._builder.emptied()

    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""
        frozen: MetricT = self._metric(
            self.name, self._builder.freeze(), self.tags, start=self.start, timestamp=timestamp, unit=self.unit
        )
        return frozen

    @property
    def distribution(self) -> Distribution:
        """The distribution of now, in base units."""
        frozen: Any = self.freeze()
        distribution: Distribution = frozen.distribution
        return distribution


class HistogramSeries(_DistributionSeries[Histogram]):
    """A live histogram."""

    __slots__ = ()

    kind = Kind.HISTOGRAM
    _may_fall = True
    _metric = Histogram


class TimerSeries(_DistributionSeries[Timer], ReadsTimer):
    """A live timer."""

    __slots__ = ()

    kind = Kind.TIMER
    _may_fall = False
    _metric = Timer


_SERIES: Final[dict[Kind, type[Series[Any]]]] = {
    each.kind: each for each in (CounterSeries, UpDownSeries, GaugeSeries, HistogramSeries, TimerSeries)
}


def series_of(kind: Kind) -> type[Series[Any]]:
    """Give the class of the series of a kind."""
    return _SERIES[kind]
