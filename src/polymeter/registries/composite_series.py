"""CompositeSeries: one series in several registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.contracts import CanKeepTime
from polymeter.data.kind import Kind
from polymeter.registries.poison import PLAIN, looked_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.contracts import CanRecord, CanStoreMetrics
    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags, TagsLike

__all__ = ["CompositeSeries", "converted", "recorder_into", "recorder_on"]

_READINGS: Final = frozenset(
    {
        "count",
        "distribution",
        "exemplars",
        "max",
        "mean",
        "min",
        "quantile",
        "start",
        "sum",
        "timestamp",
        "to_dict",
        "unit",
    }
    | {"duration_ms", "duration_seconds", "max_ms", "mean_ms", "min_ms", "quantile_ms", "total_ms"}
)
"""What a series may be asked beside what every series can; anything else must not reach one member alone."""


class CompositeSeries:
    """Records on a series of each member, and reads as that of the first.

    It never raises: what a member raises is counted.
    """

    __slots__ = ("_each", "_first", "_isolated")

    def __init__(self, each: Sequence[tuple[int, CanRecord]], isolated: Callable[[int, Exception], object]) -> None:
        """Make one.

        :param each: number of a member, and its series; the first is the one that is read.
        :param isolated: called with the number of a member and what it raised.
        """
        self._each = tuple(each)
        self._first = self._each[0][1]
        self._isolated = isolated

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return self._first.kind

    @property
    def name(self) -> str:
        """Its name."""
        return self._first.name

    @property
    def tags(self) -> Tags:
        """Its tags."""
        return self._first.tags

    @property
    def value(self) -> float:
        """Its value of now, in the first member."""
        return self._first.value

    def add(self, amount: float = 1, /) -> None:
        """Add to a counter (>= 0) or an up-down counter."""
        amount = converted(amount)
        for number, series in self._each:
            try:
                series.add(amount)
            except Exception as error:  # noqa: BLE001 - one member must not keep the others from recording
                self._isolated(number, error)

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Set a gauge, now or at ``at`` (Unix seconds)."""
        value = converted(value)
        for number, series in self._each:
            try:
                series.set(value, at=at)
            except Exception as error:  # noqa: BLE001 - as above
                self._isolated(number, error)

    def record(self, value: float, /) -> None:
        """Add one observation to a histogram or a timer."""
        value = converted(value)
        for number, series in self._each:
            try:
                series.record(value)
            except Exception as error:  # noqa: BLE001 - as above
                self._isolated(number, error)

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Note where a value came from that is recorded here, in each member that keeps such."""
        value = converted(value)
        for number, series in self._each:
            note: Callable[..., object] | None = getattr(series, "exemplar", None)
            if note is not None:
                try:
                    note(value, labels, at=at)
                except Exception as error:  # noqa: BLE001 - as above
                    self._isolated(number, error)

    def freeze(self) -> Metric:
        """Give the value of now, in the first member."""
        return self._first.freeze()

    def __getattr__(self, name: str) -> Any:
        if name in _READINGS:
            return getattr(self._first, name)
        message = f"{type(self).__name__!r} has no {name!r}: it records, and reads as a metric"
        raise AttributeError(message)

    def __str__(self) -> str:
        return str(self._first)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def converted(value: float) -> float:
    """Give the number in a value of a foreign class, so that all members get the same one; what is none as it is."""
    if type(value) in PLAIN:
        return value
    reason, number = looked_at(value, negative=True)
    return number if reason is None else value


def recorder_into(
    registry: CanStoreMetrics, kind: Kind, name: str, tags: TagsLike | None
) -> Callable[[Any, Any], object]:
    """Give what takes one record with its time; a registry that keeps none gets it only where a gauge says it."""
    if isinstance(registry, CanKeepTime):
        return registry.recorder_at(kind, name, tags)
    return recorder_on(registry.bind(kind, name, tags), kind)


def recorder_on(series: CanRecord, kind: Kind) -> Callable[..., object]:
    """Give what takes one record, perhaps with its time, on a series that knows the time of gauges alone."""

    def set_(value: float, at: float | None = None) -> None:
        series.set(value, at=at)

    def record(value: float, _at: float | None = None) -> None:
        series.record(value)

    def add(amount: float, _at: float | None = None) -> None:
        series.add(amount)

    if kind is Kind.GAUGE:
        return set_
    return record if kind.is_distribution else add
