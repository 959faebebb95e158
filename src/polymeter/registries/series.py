"""Series: one metric with one set of tags, live. Recording appends to a list; a drain makes sense of it.

``add``, ``set`` and ``record`` take no lock and never raise. They append to the series' own pending list, which is one
call into C, and when that is full have the registry drain it. Nothing is ever removed from the list but by the one
drain that is running, and only what that drain has taken, so a record made meanwhile stays for the next one.

``apply`` makes a batch count: it works out the new state beside the one that is published, then puts it in its place
and empties the batch in two steps that call nothing. Whatever interrupts it, a batch that is not empty does not count
yet. If the series was reset meanwhile (a handler that clears, a fork), the batch belongs to what is no more: who resets
empties it too, so the state is looked at first and the batch is copied then.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution, DistributionBuilder
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, ReadsDistribution, ReadsTimer, Timer
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric
from polymeter.data.sums import Sum
from polymeter.data.tags import Tags
from polymeter.registries.exemplars import exemplar_of
from polymeter.registries.poison import added_up, are_plain, looked_at, reason_to_refuse, usable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.contracts import Observed
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.exemplar import Exemplar
    from polymeter.data.tags import TagsLike
    from polymeter.data.units import Unit
    from polymeter.registries.drain import WorkedOut
    from polymeter.registries.family import Family, Shelf

__all__ = [
    "FULL",
    "NOTHING",
    "ONE",
    "PENDING_LIMIT",
    "CounterSeries",
    "GaugeSeries",
    "HistogramSeries",
    "Now",
    "Owner",
    "Series",
    "TimerSeries",
    "UpDownSeries",
    "series_of",
]

MetricT = TypeVar("MetricT", bound=Metric)

ONE: Final = 1
"""CPython has this integer once: ``is`` tells it from ``True`` and 1.0."""

NOTHING: Final = object()
"""Somebody's ``None`` where an amount should be."""

PENDING_LIMIT: Final = 256
"""So many records wait in a series before whoever made the last one drains it: a soft bound. A power of two."""

FULL: Final = PENDING_LIMIT - 1
"""``not len(pending) & FULL``: at each multiple of the limit, so that nobody tries all the time while a drain runs."""


class Owner(Protocol):
    """What a series needs of its registry."""

    tap: Observed | None
    """Is given what histograms and timers observe, if anybody wants it."""

    def drain_full(self, series: Series[Any], /) -> None:
        """Make what waits with ``series`` count, unless a drain is running."""

    def current(self, series: Series[Any], /) -> Series[Any]:
        """Drain what may wait for ``series``; give it, or the one that has taken its place since it ended."""
        ...

    def now(self) -> float:
        """Give Unix seconds that never go back."""
        ...

    def next_sequence(self) -> int:
        """Give the place of one record in the order of all."""
        ...

    def reject(self, name: str, reason: str, /) -> None:
        """Count a record that could not be used."""

    def refuse_exemplar(self, name: str, reason: str, /) -> None:
        """Count an exemplar that could not be used."""

    def noted(self, series: Series[Any], /) -> None:
        """Take note that ``series`` has another exemplar."""

    def list_of(self, series: Series[Any], /) -> list[Any]:
        """Give the list that the pending records of ``series`` wait in: the same one, whoever asks first."""
        ...


class Series(ABC, Generic[MetricT]):
    """One live series. It records by the verb of its kind and reads as a metric of that kind.

    :ivar pending: records that wait here; ``None`` as long as they wait with the registry.
    :ivar began: Unix seconds since which it has been shown; ``None``: it has ended, until it is recorded on again.
    """

    # There may be a hundred thousand of these: what can be shared is on the shelf.
    __slots__ = ("__weakref__", "_identity", "_shelf", "began", "pending")

    kind: ClassVar[Kind]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        """Make an empty one. Until ``own_list`` is asked for, records wait with the registry, each with its series."""
        self._shelf = shelf
        # Tags that are all text can be made again from their texts.
        self._identity = texts if all(type(value) is str for value in tags.values()) else tags
        self.began: float | None = start
        self.pending: list[Any] | None = None

    @property
    def attached(self) -> bool:
        """Whether the registry shows it."""
        return self.began is not None

    @property
    def start(self) -> float:
        """Unix seconds since which the value has been gathered."""
        return self._owner.now() if self.began is None else self.began

    @property
    def family(self) -> Family:
        """All series of the same metric."""
        return self._shelf.family

    @property
    def place(self) -> tuple[Shelf, tuple[str, ...]]:
        """Where the series stands."""
        identity = self._identity
        return self._shelf, identity if isinstance(identity, tuple) else identity.texts

    @property
    def name(self) -> str:
        """The metric's name."""
        return self._shelf.family.name

    @property
    def tags(self) -> Tags:
        """Its tags."""
        identity = self._identity
        if isinstance(identity, tuple):
            return Tags.of_texts(self._shelf.names, identity)
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

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Note where a value came from that is recorded here: ``{"trace_id": ...}``. This records nothing itself.

        Without labels, or with one that is ``None``, there is nothing to note. What cannot be noted (labels of more
        than 128 characters together, a value that could not be recorded, a gauge or an up-down counter) is counted in
        ``polymeter.exemplars.refused``.

        :param value: in the metric's unit.
        :param at: Unix seconds; ``None``: now.
        """
        family = self._shelf.family
        noted = exemplar_of(self.kind, family.unit, value, labels, at, now=family.owner.now)
        if isinstance(noted, str):
            family.owner.refuse_exemplar(family.name, noted)
        elif noted is not None:
            self._note(noted)

    def _note(self, exemplar: Exemplar) -> None:
        series: Series[Any] | None = self
        if self.began is None:
            self._owner.drain_full(self)  # what waits here begins it anew
            if self.began is None:
                shelf, texts = self.place
                series = shelf.series.get(texts)
        if series is not None:
            board = self._shelf.family.exemplars
            board.note(series, self.kind, exemplar)
            self._owner.noted(series)
            if series.began is None:  # it has ended meanwhile
                board.pop(series, None)

    def _forget_exemplars(self) -> None:
        board = self._shelf.family.exemplars
        if board:
            board.pop(self, None)

    def own_list(self) -> list[Any]:
        """Give the list that records on this very object wait in; made with the first of them."""
        pending = self.pending
        if pending is None:
            # One of several threads wins; the list is kept for as long as the series is.
            pending = self.pending = self._owner.list_of(self)
        return pending

    # -- draining, by the registry alone

    def work_out(self) -> WorkedOut:
        """Say which batch the pending records of now make: see :mod:`polymeter.registries.drain`."""
        pending = self.own_list()
        batch = pending[:]
        return [(self, batch, False)], pending, slice(len(batch))

    @abstractmethod
    def apply(self, batch: list[Any]) -> int:
        """Make a batch of pending records count, and empty it; give how many were usable."""

    @abstractmethod
    def apply_column(self, batch: list[Any]) -> int:
        """Do the same with what rows of events say: ``None`` among the values is no record.

        A gauge takes three columns: values, times and sequence numbers.
        """

    def _refuse(self, reasons: list[str]) -> None:
        for reason in reasons:
            self._owner.reject(self.name, reason)

    def renew(self, definition: MetricDefinition) -> None:
        """Go back to nothing, as ``definition`` now says."""
        del definition
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Go back to nothing."""

    # -- reading

    @abstractmethod
    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""

    def freeze(self) -> MetricT:
        """Give the value of now, with everything that this thread has recorded."""
        current = self._owner.current(self)
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

    @property
    def exemplars(self) -> tuple[Exemplar, ...]:
        """Where some of the values came from, in ascending order of magnitude; mostly nothing."""
        return self.freeze().exemplars

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
    _made: ClassVar[Callable[..., Any]]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._total: int | Sum = 0  # a Sum once there is a float

    def add(self, amount: float = 1, /) -> None:
        """Add ``amount``, in the metric's unit."""
        pending = self.pending
        if pending is None:
            pending = self.own_list()
        # What is counted most is one: as None it needs no second look.
        given: Any = amount
        pending.append(None if given is ONE else NOTHING if given is None else given)
        if not len(pending) & FULL:
            self._owner.drain_full(self)

    def apply(self, batch: list[Any]) -> int:
        """Add up a batch, in which ``None`` is one."""
        before, records = self._total, batch[:]
        ones = len(records)
        if ones and records[0] is None and records.count(None) == ones:
            return self._count(batch, before, Sum(ones), ones, [])
        amounts = [amount for amount in records if amount is not None]
        ones -= len(amounts)
        added, good, refused = added_up(amounts, negative=self._may_fall)
        return self._count(batch, before, added.plus(Sum(ones)), good + ones, refused)

    def apply_column(self, batch: list[Any]) -> int:
        """Add up a column."""
        before = self._total
        return self._count(batch, before, *added_up(batch[:], negative=self._may_fall, sparse=True))

    def _count(self, batch: list[Any], before: int | Sum, added: Sum, good: int, refused: list[str]) -> int:
        after = _plus(before, added)
        if self._total is not before:
            del batch[:]
            return 0
        self._total = after
        del batch[:]
        if refused:
            self._refuse(refused)
        return good

    def reset(self) -> None:
        """Go back to zero."""
        self._forget_exemplars()
        self._total = Sum()  # an object of its own: who is in the middle of adding up sees that it is another one

    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""
        total = self._total
        if isinstance(total, int):
            total = Sum(total)
        family = self._shelf.family
        board = family.exemplars
        exemplars = board.of(self) if board else ()
        frozen: MetricT = self._made(family.name, total, self.tags, self.start, timestamp, family.unit, exemplars)
        return frozen


def _plus(total: int | Sum, added: Sum) -> int | Sum:
    if isinstance(total, int):
        return Sum(total).plus(added) if added.floats else total + added.integers
    if added.floats or total.floats or total.lost:
        return total.plus(added)
    return total.integers + added.integers


class CounterSeries(_SumSeries[Counter]):
    """A live counter."""

    __slots__ = ()

    kind = Kind.COUNTER
    _may_fall = False
    _made = Counter.of_parts


class UpDownSeries(_SumSeries[UpDownCounter]):
    """A live up-down counter."""

    __slots__ = ()

    kind = Kind.UP_DOWN
    _may_fall = True
    _made = UpDownCounter.of_parts


class Now(float):
    """The time of a reading that said none: when it was made."""

    __slots__ = ()


class GaugeSeries(Series[Gauge]):
    """A live gauge. A pending reading is ``(value, at, sequence)``; ``at`` is a :class:`Now` if it was not said."""

    __slots__ = ("_state",)

    kind = Kind.GAUGE

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._state = _no_reading()

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Take ``value`` as the reading of now, or of ``at`` (Unix seconds)."""
        pending = self.own_list()
        pending.append((value, Now(self._owner.now()) if at is None else at, self._owner.next_sequence()))
        if not len(pending) & FULL:
            self._owner.drain_full(self)

    def apply(self, batch: list[Any]) -> int:
        """Keep the last reading of a batch."""
        before, readings = self._state, batch[:]
        return self._keep_last(batch, before, *zip(*readings, strict=True)) if readings else 0

    def apply_column(self, batch: list[Any]) -> int:
        """Keep the last reading of columns of values, times and sequence numbers."""
        before, columns = self._state, batch[:]
        if not columns:
            return 0
        values, times, sequences = columns
        if not are_plain(values) and type(None) in set(map(type, values)):
            readings = [each for each in zip(values, times, sequences, strict=True) if each[0] is not None]
            values, times, sequences = zip(*readings, strict=True) if readings else ((), (), ())
        return self._keep_last(batch, before, values, times, sequences)

    def _keep_last(
        self, batch: list[Any], before: _State, values: Sequence[Any], times: Sequence[Any], sequences: Sequence[int]
    ) -> int:
        after = before
        refused: list[str] = []
        last = _last_of(values, times, sequences)
        good = len(values)
        if last is not None:
            after = _placed(before, *last)
        else:
            for value, at, sequence in zip(values, times, sequences, strict=True):
                reason, number = looked_at(value, negative=True)
                if reason is None and type(at) is not Now and reason_to_refuse(at, negative=True) is not None:
                    reason = "at"
                if reason is None:
                    after = _placed(after, number, at, sequence)
                else:
                    refused.append(reason)
            good -= len(refused)
        if self._state is not before:
            del batch[:]
            return 0
        self._state = after
        del batch[:]
        if refused:
            self._refuse(refused)
        return good

    def reset(self) -> None:
        """Go back to no reading."""
        self._state = _no_reading()

    def frozen(self, timestamp: float) -> Gauge:
        """Give what is published now, without draining."""
        at, sequence, value = self._state[:3]
        if sequence < 0:
            at = timestamp
        family = self._shelf.family
        return Gauge.of_parts(family.name, value, self.tags, min(self.start, at), at, family.unit, sequence)


_State: TypeAlias = "tuple[float, int, float, float, int]"
"""Of the reading that counts its time, sequence and value; of the last one that said no time its time and sequence."""


def _no_reading() -> _State:
    return (-math.inf, -1, math.nan, -math.inf, -1)  # another object each time: see the sums


def _last_of(values: Sequence[Any], times: Sequence[Any], sequences: Sequence[int]) -> tuple[float, float, int] | None:
    """Give the one reading that matters, if all are plain numbers and either all of them say a time or none does."""
    if not are_plain(values):
        return None
    if are_plain(times):
        if times[-1] == max(times) and sequences[-1] == max(sequences):
            return values[-1], times[-1], sequences[-1]
        at, sequence, value = max(zip(times, sequences, values, strict=True))
        return value, at, sequence
    if set(map(type, times)) == {Now}:
        sequence = max(sequences)
        last = sequences.index(sequence)
        return values[last], times[last], sequence
    return None


def _placed(state: _State, value: float, at: float, sequence: int) -> _State:
    """Give the state after one more reading."""
    best, latest, number = state[:3], state[3], state[4]
    if type(at) is Now:
        if sequence < number:  # program order wins over a clock that goes back
            return state
        latest, number = max(latest, float(at)), sequence
        at = latest
    return (*max(best, (at, sequence, value)), latest, number)


class _DistributionSeries(Series[MetricT], ReadsDistribution):
    """What both kinds of distribution share."""

    __slots__ = ("_builder",)

    _may_fall: ClassVar[bool]
    _made: ClassVar[Callable[..., Any]]

    def __init__(self, shelf: Shelf, texts: tuple[str, ...], tags: Tags, start: float) -> None:
        super().__init__(shelf, texts, tags, start)
        self._builder = DistributionBuilder(self.family.definition.base_bounds)

    def record(self, value: float, /) -> None:
        """Add one observation, in the metric's unit."""
        pending = self.pending
        if pending is None:
            pending = self.own_list()
        pending.append(value)
        if not len(pending) & FULL:
            self._owner.drain_full(self)

    def apply(self, batch: list[Any]) -> int:
        """Sort a batch into the buckets."""
        return self._sort_in(batch, sparse=False)

    def apply_column(self, batch: list[Any]) -> int:
        """Sort a column into the buckets."""
        return self._sort_in(batch, sparse=True)

    def _sort_in(self, batch: list[Any], *, sparse: bool) -> int:
        builder = self._builder
        values, total, low, high, refused = usable(batch[:], self.unit, negative=self._may_fall, sparse=sparse)
        good = len(values)
        if values:
            builder.add_checked(values, total, low, high)
        del batch[:]
        if self._builder is not builder:
            return 0
        if refused:
            self._refuse(refused)
        tap = self._shelf.family.owner.tap
        if tap is not None and values:
            tap(self.kind, self.name, self.tags, self.start, builder.count - good, values)
        return good

    def renew(self, definition: MetricDefinition) -> None:
        """Go back to nothing, as ``definition`` now says."""
        self._builder = DistributionBuilder(definition.base_bounds)

    def reset(self) -> None:
        """Go back to no observation."""
        self._forget_exemplars()
        self._builder = self._builder.emptied()

    def frozen(self, timestamp: float) -> MetricT:
        """Give what is published now, without draining."""
        family = self._shelf.family
        board = family.exemplars
        exemplars = board.of(self) if board else ()
        state = self._builder.freeze()
        frozen: MetricT = self._made(family.name, state, self.tags, self.start, timestamp, family.unit, exemplars)
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
    _made = Histogram.of_parts


class TimerSeries(_DistributionSeries[Timer], ReadsTimer):
    """A live timer."""

    __slots__ = ()

    kind = Kind.TIMER
    _may_fall = False
    _made = Timer.of_parts


_SERIES: Final[dict[Kind, type[Series[Any]]]] = {
    each.kind: each for each in (CounterSeries, UpDownSeries, GaugeSeries, HistogramSeries, TimerSeries)
}


def series_of(kind: Kind) -> type[Series[Any]]:
    """Give the class of the series of a kind."""
    return _SERIES[kind]
