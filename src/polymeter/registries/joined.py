"""JoinedRegistry: what registries have in common that processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from polymeter.registries.questions import Questions
from polymeter.registries.readers import Reader
from polymeter.registries.weakly import Weakly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.definition import Combine, MetricDefinition
    from polymeter.data.kind import Kind
    from polymeter.data.layout import RowLayout
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike, TagValue
    from polymeter.registries.aggregating import AggregatingRegistry
    from polymeter.registries.filters.chain import FilterChain
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.rows import RowBuffer

__all__ = ["JoinedRegistry"]

_OF_THE_OWN: Final = ("counter", "gauge", "up_down", "histogram", "timer", "bind", "exemplar", "rows")


OwnT = TypeVar("OwnT", bound="AggregatingRegistry")


class JoinedRegistry(Questions, Generic[OwnT]):
    """Records into a registry of this process, and answers for all processes.

    The verbs of an instance are those of ``own``: the record path has no layer more. What the class says of them is
    what they take and give.

    :ivar own: what this process has recorded: a registry to read from.
    """

    def __init__(self, own: OwnT) -> None:
        """Make one that records into ``own``."""
        self.own = own
        self.clock = own.clock
        self.resource = own.resource
        self._readers: Weakly[Reader] = Weakly()
        for verb in _OF_THE_OWN:
            setattr(self, verb, getattr(own, verb))

    # -- recording

    def counter(self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None) -> Any:
        """Add ``increment`` (>= 0) to a counter."""
        return self.own.counter(name, tags, increment, at=at)

    def up_down(self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add ``by``, which may be negative, to an up-down counter."""
        return self.own.up_down(name, by, tags, at=at)

    def gauge(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Take ``value`` as the reading of a gauge, now or at ``at`` (Unix seconds)."""
        return self.own.gauge(name, value, tags, at=at)

    def histogram(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one observation to a histogram, in its unit."""
        return self.own.histogram(name, value, tags, at=at)

    def timer(self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one duration (>= 0) to a timer: milliseconds, unless its name or definition says otherwise."""
        return self.own.timer(name, duration_ms, tags, at=at)

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> Any:
        """Give the series to record on without look-up; it reads as what this process has recorded."""
        return self.own.bind(kind, name, tags)

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
        """Note where a value came from that is recorded under ``name`` and ``tags``."""
        self.own.exemplar(kind, name, value, labels, tags, at=at)

    def rows(self, layout: RowLayout, /) -> RowBuffer:
        """Give the buffer for what a compiled collector says; see :class:`polymeter.contracts.CanTakeRows`."""
        return self.own.rows(layout)

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
        """Declare what a name means; the same in every process. See :meth:`AggregatingRegistry.define`."""
        return self.own.define(
            name,
            kind,
            unit,
            help,
            combine=combine,
            buckets=buckets,
            domains=domains,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )

    # -- filters

    @property
    def filters(self) -> FilterChain:
        """All filters, in the order in which they are asked."""
        return self.own.filters

    def add_filter(self, *filters: MetricFilter) -> None:
        """Add filters, the same in every process; see :meth:`AggregatingRegistry.add_filter`.

        :raises DefinitionError: if something was recorded or declared, or for something that is no filter.
        """
        self.own.add_filter(*filters)

    # -- reading

    def reader(self) -> Reader:
        """Give one who follows all processes and will not miss the end of a series; see :class:`Reader`."""
        reader = Reader()
        self._readers.add(reader)
        return reader

    def _ended(self, last: Metric) -> None:
        for reader in self._readers:
            reader.ended(last)

    def _forget_readers(self) -> None:
        for reader in self._readers:
            reader.forget()

    @property
    def refused_exemplars(self) -> Mapping[tuple[str, str], int]:
        """``(metric, reason)`` -> exemplars of this process that could not be used."""
        return self.own.refused_exemplars

    def now(self) -> float:
        """Give Unix seconds that never go back."""
        return self.own.now()

    def __len__(self) -> int:
        """Count the series of all processes."""
        return len(self.all())

    # -- telling of a record

    def on_next_record(self, wake: Callable[[], object], /) -> bool:
        """Have ``wake`` called once, when this process makes its next record; see :class:`CanTell`."""
        return self.own.on_next_record(wake)
