"""The live series of a :class:`~polymeter.registries.windowed.WindowedRegistry`: every verb takes a time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, ReadsDistribution, ReadsTimer, Timer
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric
from polymeter.registries.poison import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.distribution import Distribution
    from polymeter.data.exemplar import Exemplar
    from polymeter.data.tags import Tags, TagsLike
    from polymeter.data.units import Unit
    from polymeter.registries.window_store import SeriesKey

__all__ = [
    "LEAST",
    "Owner",
    "WindowedCounter",
    "WindowedGauge",
    "WindowedHistogram",
    "WindowedSeries",
    "WindowedTimer",
    "WindowedUpDown",
    "windowed_series_of",
]

MetricT = TypeVar("MetricT", bound=Metric)

LEAST: Final = {kind: 0.0 if kind in {Kind.COUNTER, Kind.TIMER} else math.nextafter(-LARGEST, 0.0) for kind in Kind}
"""The smallest number that a series of a kind takes without a second look."""


class Owner(Protocol):
    """What a series needs of its registry."""

    def record(self, series: WindowedSeries[Any], value: float, at: float | None, /) -> None:
        """Take one record, of now or of ``at``."""

    def note(self, series: WindowedSeries[Any], value: float, labels: TagsLike, at: float | None, /) -> None:
        """Keep an exemplar of a series."""

    def value_of(self, series: WindowedSeries[Any], /) -> Metric:
        """Give all that ever counted in a series."""
        ...

    def reject(self, name: str, reason: str, /) -> None:
        """Count a record that could not be used."""


class WindowedSeries(ABC, Generic[MetricT]):
    """One live series. It records by the verb of its kind, and reads as a metric of everything that ever counted."""

    __slots__ = ("__weakref__", "_owner", "key", "name", "tags")

    kind: ClassVar[Kind]
    least: ClassVar[float]

    def __init__(self, owner: Owner, name: str, tags: Tags) -> None:
        self._owner = owner
        self.name = name
        self.tags = tags
        self.key: SeriesKey = (name, tags.canonical)

    # -- recording

    def add(self, amount: float = 1, /, *, at: float | None = None) -> None:
        """Refuse: this is neither a counter nor an up-down counter. Counted as ``invalid``, reason ``verb``."""
        del amount, at
        self._owner.reject(self.name, "verb")

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Refuse: this is not a gauge. Counted as ``invalid``, reason ``verb``."""
        del value, at
        self._owner.reject(self.name, "verb")

    def record(self, value: float, /, *, at: float | None = None) -> None:
        """Refuse: this is neither a histogram nor a timer. Counted as ``invalid``, reason ``verb``."""
        del value, at
        self._owner.reject(self.name, "verb")

    @abstractmethod
    def record_at(self, value: float, at: float | None = None, /) -> None:
        """Do what the verb of its kind does, whatever that is called; now or at ``at`` (Unix seconds)."""

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Note where a value came from that is recorded here: ``{"trace_id": ...}``. This records nothing itself.

        What cannot be noted is counted in ``polymeter.exemplars.refused``.

        :param value: in the metric's unit.
        :param at: Unix seconds; ``None``: now.
        """
        self._owner.note(self, value, labels, at)

    # -- reading

    def freeze(self) -> MetricT:
        """Give the value of now, with everything that this thread has recorded."""
        frozen: Any = self._owner.value_of(self)
        metric: MetricT = frozen
        return metric

    @property
    def value(self) -> float:
        """The value of now."""
        return self.freeze().value

    @property
    def start(self) -> float:
        """Unix seconds since which the value has been gathered."""
        return self.freeze().start

    @property
    def timestamp(self) -> float:
        """Unix seconds up to which it has been."""
        return self.freeze().timestamp

    @property
    def unit(self) -> Unit:
        """How the value reads."""
        return self.freeze().unit

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


class _Adding(WindowedSeries[MetricT]):
    """What both kinds of sum share."""

    __slots__ = ()

    def add(self, amount: float = 1, /, *, at: float | None = None) -> None:
        """Add ``amount``, now or at ``at`` (Unix seconds)."""
        self._owner.record(self, amount, at)

    def record_at(self, value: float, at: float | None = None, /) -> None:
        """Add ``value`` at ``at``."""
        self._owner.record(self, value, at)


class WindowedCounter(_Adding[Counter]):
    """A live counter."""

    __slots__ = ()

    kind = Kind.COUNTER
    least = LEAST[Kind.COUNTER]


class WindowedUpDown(_Adding[UpDownCounter]):
    """A live up-down counter."""

    __slots__ = ()

    kind = Kind.UP_DOWN
    least = LEAST[Kind.UP_DOWN]


class WindowedGauge(WindowedSeries[Gauge]):
    """A live gauge."""

    __slots__ = ()

    kind = Kind.GAUGE
    least = LEAST[Kind.GAUGE]

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Take ``value`` as the reading of now, or of ``at`` (Unix seconds)."""
        self._owner.record(self, value, at)

    def record_at(self, value: float, at: float | None = None, /) -> None:
        """Take ``value`` as the reading of ``at``."""
        self._owner.record(self, value, at)


class _Observing(
    WindowedSeries[MetricT],
    ReadsDistribution,  # pyright: ignore[reportIncompatibleVariableOverride]
):
    """What both kinds of distribution share."""

    __slots__ = ()

    def record(self, value: float, /, *, at: float | None = None) -> None:
        """Add one observation in the metric's unit, made now or at ``at`` (Unix seconds)."""
        self._owner.record(self, value, at)

    def record_at(self, value: float, at: float | None = None, /) -> None:
        """Add one observation, made at ``at``."""
        self._owner.record(self, value, at)

    @property
    def distribution(self) -> Distribution:
        """The distribution of now, in base units."""
        frozen: Any = self.freeze()
        distribution: Distribution = frozen.distribution
        return distribution


class WindowedHistogram(_Observing[Histogram]):
    """A live histogram."""

    __slots__ = ()

    kind = Kind.HISTOGRAM
    least = LEAST[Kind.HISTOGRAM]


class WindowedTimer(
    _Observing[Timer],
    ReadsTimer,  # pyright: ignore[reportIncompatibleVariableOverride]
):
    """A live timer."""

    __slots__ = ()

    kind = Kind.TIMER
    least = LEAST[Kind.TIMER]


_SERIES: Final[dict[Kind, Callable[[Owner, str, Tags], WindowedSeries[Any]]]] = {
    each.kind: each for each in (WindowedCounter, WindowedUpDown, WindowedGauge, WindowedHistogram, WindowedTimer)
}


def windowed_series_of(kind: Kind) -> Callable[[Owner, str, Tags], WindowedSeries[Any]]:
    """Give what makes a series of a kind."""
    return _SERIES[kind]
