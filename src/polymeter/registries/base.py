"""What every registry answers the same way, whatever it keeps."""

from __future__ import annotations

import math
import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.gauge import Gauge
from polymeter.data.kind import Kind
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags, TagsLike, TagValue
from polymeter.registries.definitions import Definitions
from polymeter.registries.filters.taking import DENIED, FILTER_METRICS, TakesFilters
from polymeter.registries.null import NullSeries
from polymeter.registries.questions import Questions
from polymeter.registries.rejects import Rejects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.data.metric import Metric
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.health import RegistryHealth

__all__ = ["RESERVED", "SELF_METRICS", "BaseRegistry"]

RESERVED: Final = "polymeter."
"""What the names of self-metrics begin with, and no others may."""

SELF_METRICS = (
    MetricDefinition.of("polymeter.records.applied", Kind.COUNTER, help="Records that count in a metric."),
    MetricDefinition.of("polymeter.records.invalid", Kind.COUNTER, help="Records that could not be used, by reason."),
    MetricDefinition.of("polymeter.records.folded", Kind.COUNTER, help="Records beyond a metric's budget of series."),
    MetricDefinition.of("polymeter.series", Kind.GAUGE, help="Series that the registry keeps.", combine="sum"),
)


class BaseRegistry(Questions, TakesFilters):
    """Definitions, questions and snapshots; how records are kept is up to the class derived from it.

    :ivar writer: id of this registry in this process; another one after a fork.
    :ivar epoch: how often it has started from nothing.
    """

    def __init__(
        self,
        *,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Make an empty registry.

        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param filters: what renames, drops and denies metrics: see :mod:`polymeter.registries.filters`.
        :raises InvalidTagsError: for a resource that is no tags.
        :raises DefinitionError: for something that is no filter.
        """
        TakesFilters.__init__(self, filters)
        self.clock = clock
        self.resource = Tags.of(resource)
        self.writer = os.urandom(16).hex()
        self.epoch = 0
        self._definitions = Definitions()
        self._rejects = Rejects()
        self._latest = float("-inf")
        self._started = self.now()

    # -- what a registry has to provide

    @abstractmethod
    def _applied(self) -> int:
        """Give how many records count in a metric."""

    @abstractmethod
    def __len__(self) -> int: ...

    def now(self) -> float:
        """Give Unix seconds that never go back, even if the clock is stepped."""
        self._latest = now = max(self._latest, self.clock.wall())
        return now

    def reject(self, name: object, reason: str) -> None:
        """Count a record of ``name`` that could not be used, or that a filter refused."""
        if reason == DENIED:
            self._denials.count(name)
        else:
            self._rejects.count(name, reason)

    def _refused(self, kind: Kind, name: object, reason: str) -> NullSeries:
        """Count a record that could not be used, and give what stands for its series."""
        self.reject(name, reason)
        return self._null(kind, name, reason)

    def _null(self, kind: Kind, name: object, reason: str) -> NullSeries:
        return NullSeries(kind, name, lambda: self.reject(name, reason))

    def _new_epoch(self) -> None:
        self.epoch += 1
        # What starts from now on starts later than all before: a new life must not be taken for the old one.
        self._latest = math.nextafter(self.now(), math.inf)
        self._rejects.clear()
        self._forget_losses()
        self._started = self.now()

    def _new_writer(self) -> None:
        self.writer = os.urandom(16).hex()
        self.epoch = 0
        self._rejects.clear()
        self._forget_losses()
        self._started = self.now()

    # -- definitions

    def define(
        self,
        name: str,
        kind: Kind | str,
        unit: str | None = None,
        help: str | None = None,
        *,
        combine: Combine | str | None = None,
        buckets: Iterable[float] | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> MetricDefinition:
        """Declare what a name means. The same twice is fine; what one left unsaid another may add.

        :param unit: how values come in and read out (``ms``, ``s``, ``bytes``, ``tokens``); default: the name's suffix.
        :param help: one sentence for humans.
        :param combine: how several processes become one; default: gauges the latest, all else the sum.
        :param buckets: bounds to count exactly, in ``unit``; histograms and timers only.
        :param domains: tag name -> all values that it can have; every combination exists from then on, at zero.
        :param expire_after: seconds without a record after which a series ends.
        :param budget: how many series the metric may have.
        :param keep: whether what a process said still holds for the others when it has ended, where several share a
            registry; default: counts do, levels (up-down counters and gauges) do not.
        :raises DefinitionConflictError: if it contradicts what was declared or recorded before.
        :raises DefinitionError: if it cannot work.
        """
        definition = MetricDefinition.of(
            name,
            kind,
            unit=unit,
            help=help,
            combine=combine,
            buckets=buckets,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )
        if self._filters is not None:
            return self._define_filtered(definition)
        self._check(definition)
        defined = self._definitions.add(definition, has_series=self._has_series(name))
        self._defined(defined)
        return defined

    def _check(self, definition: MetricDefinition) -> None:
        """Refuse a definition that this registry cannot keep; by default there is none.

        :raises DefinitionError: if it cannot.
        """
        del definition

    def _defined(self, definition: MetricDefinition) -> None:
        """Act on a definition that has been accepted; by default there is nothing to do."""
        del definition

    @abstractmethod
    def _has_series(self, name: str) -> bool:
        """Tell whether values are kept under ``name``."""

    # -- snapshots

    def snapshot(self) -> Snapshot:
        """Give everything of now, with the definitions and the registry's own ``polymeter.*`` metrics."""
        metrics = self._folded()
        now = self.now()
        definitions = {**self._definitions.to_dict(), **{each.name: each for each in SELF_METRICS}}
        if self._filters is not None:
            definitions.update(FILTER_METRICS)
        return Snapshot(
            [*metrics, *self._self_metrics(now)],
            definitions=definitions,
            resource=self.resource,
            taken_at=now,
            writer=self.writer,
            epoch=self.epoch,
        )

    def health(self) -> RegistryHealth:
        """Give what became of all records."""
        from polymeter.registries.health import RegistryHealth  # dataclasses are dear to import

        denied_by = self._denials.to_dict()
        return RegistryHealth(
            applied=self._applied(),
            invalid_by=self._invalid_by(),
            series=len(self),
            denied=sum(denied_by.values()),
            denied_by=denied_by,
        )

    def _invalid_by(self) -> Mapping[tuple[str, str], int]:
        """Give how many records could not be used, by metric and reason."""
        return self._rejects.to_dict()

    def _self_metrics(self, now: float) -> list[Metric]:
        start = self._started
        return [
            Counter("polymeter.records.applied", self._applied(), start=start, timestamp=now),
            Gauge("polymeter.series", len(self), start=start, timestamp=now),
            *self._losses(now),
        ]

    def _losses(self, now: float) -> list[Metric]:
        """Give what became of the records that do not count as they were made."""
        return [
            Counter(
                "polymeter.records.invalid",
                count,
                {"metric": metric, "reason": reason},
                start=self._started,
                timestamp=now,
            )
            for (metric, reason), count in self._invalid_by().items()
        ] + [*self._filter_metrics(now)]
