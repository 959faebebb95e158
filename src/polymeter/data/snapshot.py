"""Snapshot: everything a registry knew at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from polymeter.data.fold import fold
from polymeter.data.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric, MetricKey

__all__ = ["Snapshot"]


class Snapshot(Iterable["Metric"]):
    """An immutable set of metrics, one per kind, name and tags.

    Iterating gives the metrics in the order in which their series first came; ``len`` counts them.

    :ivar definitions: metric name -> what was declared about it.
    :ivar resource: what is the same for all metrics: service name, host, ...
    :ivar taken_at: Unix seconds.
    :ivar writer: id of the process that recorded; empty if unknown or several.
    :ivar epoch: how often that writer has started from nothing.
    """

    __slots__ = ("_by_name", "_metrics", "_own", "definitions", "epoch", "resource", "taken_at", "writer")

    def __init__(
        self,
        metrics: Iterable[Metric] = (),
        *,
        definitions: Mapping[str, MetricDefinition] | None = None,
        resource: Tags | None = None,
        taken_at: float = 0.0,
        writer: str = "",
        epoch: int = 0,
        own: Callable[[], Snapshot] | None = None,
    ) -> None:
        """Fold ``metrics`` and keep them.

        :param own: gives what the process alone has recorded that took this; left out: all of it.
        :raises InvalidMetricError: if two metrics of one identity differ in their unit.
        """
        self._metrics = fold(metrics)
        self._by_name: dict[str, list[Metric]] | None = None
        self.definitions: Mapping[str, MetricDefinition] = MappingProxyType(dict(definitions or {}))
        self.resource = Tags.empty() if resource is None else resource
        self.taken_at = taken_at
        self.writer = writer
        self.epoch = epoch
        self._own = own

    @property
    def own(self) -> Snapshot:
        """What the process alone has recorded that took this, where several share a registry; else this."""
        return self if self._own is None else self._own()

    @classmethod
    def of(cls, metrics: Iterable[Metric]) -> Snapshot:
        """Give any iterable of metrics as a snapshot; a snapshot is returned as it is."""
        return metrics if isinstance(metrics, Snapshot) else cls(metrics)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._metrics.values())

    def __len__(self) -> int:
        return len(self._metrics)

    def by_name(self, name: str) -> list[Metric]:
        """Give every metric of one name; ``[]`` if there is none."""
        return list(self._grouped().get(name, ()))

    def names(self) -> list[str]:
        """Give every name once, in order of appearance."""
        return list(self._grouped())

    def _grouped(self) -> dict[str, list[Metric]]:
        if self._by_name is None:
            grouped: dict[str, list[Metric]] = {}
            for metric in self:
                grouped.setdefault(metric.name, []).append(metric)
            self._by_name = grouped
        return self._by_name

    def get(self, key: MetricKey) -> Metric | None:
        """Give the metric of one identity (kind, name, tags), or ``None``."""
        return self._metrics.get(key)

    def plus(self, metrics: Iterable[Metric], definitions: Mapping[str, MetricDefinition] | None = None) -> Snapshot:
        """Give this with more metrics merged in."""
        return self._of_folded(fold(metrics, self._metrics), {**self.definitions, **(definitions or {})})

    def replacing(self, metrics: Mapping[MetricKey, Metric]) -> Snapshot:
        """Give this with some metrics in place of those of the same identity, or beside the others."""
        return self._of_folded({**self._metrics, **metrics}, self.definitions)

    def since(self, earlier: Snapshot | None) -> Snapshot:
        """Give what happened after ``earlier``, for back ends that want differences.

        A series that is new, or that started again since, is given whole; so is everything of another writer.
        """
        if earlier is None or earlier.writer != self.writer:
            return self
        changed: list[Metric] = []
        for key, metric in self._metrics.items():
            before = earlier.get(key)
            # A start that moved back within an epoch took in an older point; any other new start is a new life.
            same_life = before is not None and (
                metric.start == before.start or (metric.start < before.start and earlier.epoch == self.epoch)
            )
            same_series = same_life and before is not None and before.unit == metric.unit
            changed.append(metric.since(before) if same_series and before is not None else metric)
        return self._of_folded(dict(zip(self._metrics, changed, strict=True)), self.definitions)

    def _of_folded(self, metrics: dict[MetricKey, Metric], definitions: Mapping[str, MetricDefinition]) -> Snapshot:
        made = Snapshot(
            definitions=definitions,
            resource=self.resource,
            taken_at=self.taken_at,
            writer=self.writer,
            epoch=self.epoch,
            own=self._own,
        )
        made._metrics = metrics
        return made

    def __reduce__(self) -> tuple[object, ...]:
        make = partial(
            Snapshot,
            list(self),
            definitions=dict(self.definitions),  # the read-only view of it cannot be pickled
            resource=self.resource,
            taken_at=self.taken_at,
            writer=self.writer,
            epoch=self.epoch,
        )
        return (make, ())

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self)} metrics at {self.taken_at}>"
