"""NullSeries: what a record that could not be used gives back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import EMPTY, Distribution
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, ReadsTimer, Timer
from polymeter.data.kind import Kind
from polymeter.data.tags import Tags
from polymeter.data.units import NO_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.exemplar import Exemplar
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.data.units import Unit

__all__ = ["NullSeries"]

_VALUES: dict[Kind, Callable[[str], Metric]] = {
    each.kind: each for each in (Counter, UpDownCounter, Gauge, Histogram, Timer)
}


class _Nowhere:
    """A list of pending records in which nothing waits."""

    __slots__ = ("_refuse",)

    def __init__(self, refuse: Callable[[], object]) -> None:
        self._refuse = refuse

    def append(self, _value: object) -> None:
        """Count a refused record."""
        self._refuse()

    def __len__(self) -> int:
        return 0


class NullSeries(ReadsTimer):
    """A series that belongs to nothing: it takes records, counts them as refused, and reads as empty."""

    __slots__ = ("_refuse", "kind", "name", "pending", "start", "tags", "timestamp")

    def __init__(self, kind: Kind, name: object, refuse: Callable[[], object]) -> None:
        """:param refuse: called for each record that is made here."""
        self.kind = kind
        self.name = name if isinstance(name, str) and name else "unnamed"
        self.tags = Tags.empty()
        self.start = 0.0
        self.timestamp = 0.0
        self._refuse = refuse
        self.pending = _Nowhere(refuse)

    def add(self, amount: float = 1, /) -> None:
        """Count a refused record."""
        del amount
        self._refuse()

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Count a refused record."""
        del value, at
        self._refuse()

    def record(self, value: float, /) -> None:
        """Count a refused record."""
        del value
        self._refuse()

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Do nothing: what it would tell the origin of was refused, and counted then."""
        del value, labels, at

    attached: Final = True
    """It takes its place nowhere, and so cannot lose it."""

    def apply(self, batch: list[Any]) -> int:
        """Count a batch of refused records, and empty it."""
        refused = len(batch)
        del batch[:]
        for _ in range(refused):
            self._refuse()
        return 0

    def apply_column(self, batch: list[Any]) -> int:
        """Count a column of refused records (see ``Series.apply_column``), and empty it."""
        values = batch[0] if self.kind is Kind.GAUGE else batch
        refused = len(values) - sum(value is None for value in values)
        del batch[:]
        for _ in range(refused):
            self._refuse()
        return 0

    @property
    def unit(self) -> Unit:
        """None."""
        return NO_UNIT

    @property
    def distribution(self) -> Distribution:
        """No observation."""
        return EMPTY

    @property
    def value(self) -> float:
        """Zero for a sum, else NaN."""
        return 0 if self.kind in {Kind.COUNTER, Kind.UP_DOWN} else math.nan

    @property
    def exemplars(self) -> tuple[Exemplar, ...]:
        """None."""
        return ()

    def freeze(self) -> Metric:
        """Give the empty value of its kind."""
        return _VALUES[self.kind](self.name)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values of nothing."""
        return self.freeze().to_dict()

    def __str__(self) -> str:
        return str(self.freeze())

    def __repr__(self) -> str:
        return f"<NullSeries for {self.kind} {self.name!r}>"
