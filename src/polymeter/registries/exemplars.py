"""Exemplars in registries: kept beside the series, so that a series without any takes no room for them.

They are samples, not records: of two that come at once in the same place either is kept, one that comes while its
series ends may be gone, and none of them ever counts in a value. What cannot be one is counted by itself, for the law
of records knows no exemplars.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.exemplar import WITH_EXEMPLARS, Exemplar, place_of, rank_of
from polymeter.data.kind import Kind
from polymeter.errors import InvalidMetricError
from polymeter.registries.base import BaseRegistry
from polymeter.registries.poison import looked_at
from polymeter.registries.rejects import Rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import TagsLike
    from polymeter.data.units import Unit
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["REFUSED", "ExemplarBoard", "TakesExemplars", "exemplar_of"]

Key = TypeVar("Key")

REFUSED: Final = MetricDefinition.of(
    "polymeter.exemplars.refused", Kind.COUNTER, help="Exemplars that could not be used, by reason."
)


class ExemplarBoard(dict[Key, dict[int, Exemplar]]):
    """The exemplars of some series: series -> place -> exemplar. Empty as long as nobody notes one.

    Any thread may do anything at any time: every change is one call into a dict.
    """

    __slots__ = ()

    def note(self, key: Key, kind: Kind, exemplar: Exemplar) -> None:
        """Keep ``exemplar``, unless there is a later one in its place."""
        places = self.get(key)
        if places is None:
            places = self.setdefault(key, {})
        place = place_of(kind, exemplar.value)
        known = places.get(place)
        if known is None or known.at < exemplar.at or rank_of(known) < rank_of(exemplar):
            places[place] = exemplar

    def of(self, key: Key) -> tuple[Exemplar, ...]:
        """Give the exemplars of a series."""
        places = self.get(key)
        return () if places is None else tuple(places.copy().values())


class TakesExemplars(BaseRegistry):
    """Counts the exemplars that could not be used, by metric and reason, in ``polymeter.exemplars.refused``."""

    def __init__(
        self,
        *,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Begin to count."""
        super().__init__(clock=clock, resource=resource, filters=filters)
        self._refused_exemplars = Rejects()

    @property
    def refused_exemplars(self) -> Mapping[tuple[str, str], int]:
        """``(metric, reason)`` -> exemplars that could not be used; the records that they belong to count."""
        return self._refused_exemplars.to_dict()

    def refuse_exemplar(self, name: object, reason: str) -> None:
        """Count an exemplar of ``name`` that could not be used."""
        self._refused_exemplars.count(name, reason)

    def snapshot(self) -> Snapshot:
        """Give everything of now, with the definitions and the registry's own ``polymeter.*`` metrics."""
        snapshot = super().snapshot()
        refused = self._refusals(snapshot.taken_at)
        return snapshot.plus(refused, {REFUSED.name: REFUSED}) if refused else snapshot

    def _refusals(self, now: float) -> list[Metric]:
        return [
            Counter(REFUSED.name, count, {"metric": metric, "reason": reason}, start=self._started, timestamp=now)
            for (metric, reason), count in self._refused_exemplars.to_dict().items()
        ]

    def _new_epoch(self) -> None:
        super()._new_epoch()
        self._refused_exemplars.clear()

    def _new_writer(self) -> None:
        super()._new_writer()
        self._refused_exemplars.clear()


def exemplar_of(
    kind: Kind, unit: Unit, value: object, labels: object, at: object, *, now: Callable[[], float]
) -> Exemplar | str | None:
    """Make an exemplar, or say why there can be none; ``None``: the labels say that there is nothing to say.

    :param value: in ``unit``.
    :param labels: empty, or one of them ``None``: nothing to say.
    :param at: Unix seconds; ``None``: ``now()``.
    :return: or ``kind``, ``type``, ``nan``, ``infinite``, ``negative``, ``at``, ``labels``, ``length``.
    """
    try:
        return _made(kind, unit, value, labels, at, now)
    except InvalidMetricError:
        return "length"
    except Exception:  # noqa: BLE001 - no mapping, or labels that raise when looked at
        return "labels"


def _made(  # noqa: PLR0917 - what exemplar_of was given
    kind: Kind, unit: Unit, value: object, labels: Any, at: object, now: Callable[[], float]
) -> Exemplar | str | None:
    if not labels or None in labels.values():
        return None
    if kind not in WITH_EXEMPLARS:
        return "kind"
    reason, number = looked_at(value, negative=kind is Kind.HISTOGRAM)
    base = unit.to_base(number)
    if reason is not None or not -math.inf < base < math.inf:
        return reason or "infinite"
    when = now()
    if at is not None:
        reason, when = looked_at(at, negative=True)
        if reason is not None:
            return "at"
    return Exemplar(labels, base, when)
