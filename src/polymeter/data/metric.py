"""Metric: the immutable value that every kind is, and the merge that they share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeGuard

from polymeter.data.exemplar import chosen
from polymeter.data.tags import Tags
from polymeter.data.units import Unit, unit_of
from polymeter.data.value import Immutable, unsealed
from polymeter.errors import InvalidMetricError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.exemplar import Exemplar
    from polymeter.data.kind import Kind
    from polymeter.data.tags import TagsLike

__all__ = ["Metric", "MetricKey", "checked_name", "checked_number", "is_name"]

MetricKey: TypeAlias = "tuple[Kind, str, Tags]"
"""What makes two metrics the same series: kind, name and tags."""


class Metric(Immutable, ABC):
    """One series at one moment: immutable, comparable, and mergeable with others of the same identity.

    :ivar name: the name as given, dots and suffixes included.
    :ivar tags: its dimensions.
    :ivar start: Unix seconds since which ``value`` has been gathered.
    :ivar timestamp: Unix seconds up to which it has been.
    :ivar unit: how ``value`` reads; by default from the name's suffix.
    :ivar exemplars: some of the measurements, with where they came from, in ascending order; mostly none. A counter has
        one at most, a histogram or timer one per octave (125 at most), a gauge and an up-down counter none. Their
        values are in base units.
    """

    __slots__ = ("exemplars", "name", "start", "tags", "timestamp", "unit")

    kind: ClassVar[Kind]
    _unsealed: ClassVar[Any]
    name: str
    tags: Tags
    start: float
    timestamp: float
    unit: Unit
    exemplars: tuple[Exemplar, ...]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__setattr__" not in vars(cls):
            cls._unsealed = unsealed(cls)

    def _set(self, name: str, tags: TagsLike | None, start: float, timestamp: float, unit: Unit | str | None) -> None:
        put = object.__setattr__
        put(self, "name", name if name.__class__ is str and name else checked_name(name))
        put(self, "tags", tags if tags.__class__ is Tags else Tags.of(tags))
        put(self, "start", start)
        put(self, "timestamp", timestamp)
        resolved = unit if isinstance(unit, Unit) else unit_of(name, unit, is_timer=self.kind == "timer")
        put(self, "unit", resolved)
        put(self, "exemplars", ())

    def _keep(self, exemplars: Iterable[Exemplar]) -> None:
        object.__setattr__(self, "exemplars", chosen(self.kind, exemplars))

    @property
    @abstractmethod
    def value(self) -> float:
        """The one number that says most about this kind, in ``unit``."""

    @property
    def key(self) -> MetricKey:
        """The identity of the series."""
        return (self.kind, self.name, self.tags)

    @classmethod
    @abstractmethod
    def identity(cls, name: str, tags: TagsLike | None = None, *, unit: Unit | str | None = None) -> Self:
        """Give the metric that changes nothing when merged: what a series is before its first record."""

    def merge(self, other: Metric) -> Self:
        """Give this and ``other`` as one metric: associative and commutative.

        ``start`` is the earlier one, ``timestamp`` the later one.

        :raises InvalidMetricError: if they are not of the same kind, name, tags and unit.
        """
        if self.key != other.key or self.unit != other.unit:
            message = f"cannot merge {self.kind} {self} ({self.unit}) with {other.kind} {other} ({other.unit})"
            raise InvalidMetricError(message)
        return self._merged(other, min(self.start, other.start), max(self.timestamp, other.timestamp))

    @abstractmethod
    def _merged(self, other: Any, start: float, timestamp: float) -> Self: ...

    @abstractmethod
    def since(self, earlier: Metric, /) -> Self:
        """Give what happened after ``earlier``, a former state of the same series.

        Its ``start`` is the former state's ``timestamp``. A gauge and an up-down counter are returned as they are.
        """

    def _exemplars_since(self, earlier: Metric) -> tuple[Exemplar, ...]:
        """Give the exemplars that ``earlier`` did not have."""
        mine, before = self.exemplars, earlier.exemplars
        return tuple(each for each in mine if each not in before) if before else mine

    @abstractmethod
    def retagged(self, tags: TagsLike | None) -> Self:
        """Give the same values under other tags."""

    def with_exemplars(self, exemplars: Iterable[Exemplar]) -> Self:
        """Give the same with more exemplars.

        :raises InvalidMetricError: for what is no exemplar, or a kind that has none.
        """
        same = self.retagged(self.tags)
        same._keep((*self.exemplars, *exemplars))  # noqa: SLF001 - one of our own, that nobody has seen
        return same

    def to_dict(self) -> dict[str, Any]:
        """Give plain values: JSON-ready except that NaN and infinities stay floats.

        ``exemplars`` is there if there are some; their values are in ``unit``, as all others here.
        """
        plain: dict[str, Any] = {
            "kind": self.kind.value,
            "name": self.name,
            "tags": _plain(self.tags),
            "unit": self.unit.symbol,
            "value": self.value,
            "start": self.start,
            "timestamp": self.timestamp,
        }
        if self.exemplars:
            plain["exemplars"] = [
                {"labels": _plain(each.labels), "value": self.unit.from_base(each.value), "at": each.at}
                for each in self.exemplars
            ]
        return plain

    @abstractmethod
    def _state(self) -> tuple[object, ...]:
        """Give what makes two metrics of the same identity equal."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metric):
            return NotImplemented
        if self.key != other.key or self.unit != other.unit or self._state() != other._state():
            return False
        return self.exemplars == other.exemplars

    def __hash__(self) -> int:
        return hash((self.key, self._state()))

    def __str__(self) -> str:
        tags = f"{{{self.tags}}}" if self.tags else ""
        return f"{self.name}{tags} {self.value}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def _plain(tags: Tags) -> dict[str, Any]:
    return {key: getattr(value, "value", value) for key, value in tags.items()}


def is_name(name: object) -> TypeGuard[str]:
    """Tell whether ``name`` can name a metric: a non-empty ``str``."""
    return isinstance(name, str) and bool(name)


def checked_name(name: object) -> str:
    """Give ``name`` if it can name a metric.

    :raises InvalidMetricError: unless it is a non-empty ``str``.
    """
    if is_name(name):
        return name
    message = f"metric name {name!r} is not a non-empty str"
    raise InvalidMetricError(message)


def checked_number(name: str, value: object, *, negative: bool = True) -> float:
    """Give ``value`` if it is a finite number (an ``int`` or a ``float``, not a ``bool``).

    :param negative: whether it may be below zero.
    :raises InvalidMetricError: otherwise.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"metric {name!r}: {value!r} is not an int or a float"
        raise InvalidMetricError(message)
    try:
        finite = math.isfinite(value)
    except OverflowError:
        # Without its digits: Python refuses to write very many.
        message = (
            f"metric {name!r}: an integer of {int(value).bit_length()} bits is not a finite number to any back end"
        )
        raise InvalidMetricError(message) from None
    if not finite:
        message = f"metric {name!r}: {value!r} is not a finite number"
        raise InvalidMetricError(message)
    if value < 0 and not negative:
        message = f"metric {name!r}: {value!r} is negative"
        raise InvalidMetricError(message)
    # A derived class may write itself in its own way, which no back end reads.
    return int(value) if isinstance(value, int) else float(value)
