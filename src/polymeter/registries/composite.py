"""CompositeRegistry: several registries as one."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from polymeter.clock import SYSTEM_CLOCK
from polymeter.contracts import CanKeepExemplars, CanKeepTime, CanStoreMetrics, CanTell
from polymeter.counting import AtomicCount
from polymeter.data.counter import Counter
from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.composite_series import CompositeSeries, converted, recorder_into, recorder_on
from polymeter.registries.health import RegistryHealth
from polymeter.registries.null import NullSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from polymeter.clock import Clock
    from polymeter.contracts import CanFollow, CanRecord
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import TagsLike, TagValue
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["CompositeHealth", "CompositeRegistry"]

_logger: Final = logging.getLogger("polymeter.registries")

_FAILED: Final = MetricDefinition.of(
    "polymeter.members.failed", Kind.COUNTER, help="Records that a member of a composite registry raised on."
)


@dataclass(frozen=True, slots=True)
class CompositeHealth(RegistryHealth):
    """What became of the records: in the first member that says so, and where members raised.

    :ivar members: what each member says of itself, in order; ``None`` if it says nothing.
    :ivar failed_by: number and class of a member (``1:MyRegistry``) -> how often it raised; members that never did are
        left out.
    """

    members: tuple[RegistryHealth | None, ...] = ()
    failed_by: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def failed(self) -> int:
        """How often members raised."""
        return sum(self.failed_by.values())


class CompositeRegistry:
    """Gives every record to several registries, and reads from the first.

    The verbs give back what the first gives; ``find``, ``get``, ``total``, ``all``, ``len`` and ``snapshot`` are the
    first's, and so is what exporters deliver. To read another member, keep a reference to it. What is recorded through
    a series that a verb gave back reaches the first alone; :meth:`bind` gives one that reaches all.

    A member that raises while recording is isolated: it is counted (``health().failed_by``, and
    ``polymeter.members.failed{member}`` in snapshots), said once in the log, and the others get the record.
    """

    def __init__(self, first: CanStoreMetrics, *others: CanStoreMetrics, filters: Iterable[MetricFilter] = ()) -> None:
        """Join registries.

        :param first: the one that is read.
        :param filters: are added to each member, after its own; see :meth:`add_filter`.
        :raises DefinitionError: for something that is no registry, for the same one twice, or for filters that a member
            cannot have.
        """
        self.members: tuple[CanStoreMetrics, ...] = (first, *others)
        for each in self.members:
            if isinstance(each, type) or not isinstance(each, CanStoreMetrics):
                message = f"{each!r} is no registry: it has to have the methods of CanStoreMetrics"
                raise DefinitionError(message)
        known: list[CanStoreMetrics] = []
        for leaf in _leaves(self):
            if any(leaf is each for each in known):
                message = f"{leaf!r} is a member twice: every record would count twice in it"
                raise DefinitionError(message)
            known.append(leaf)
        self._first = first
        self._numbered = tuple(enumerate(self.members))
        self._keeping_exemplars = tuple(
            (number, member) for number, member in self._numbered if isinstance(member, CanKeepExemplars)
        )
        self.clock: Clock = getattr(first, "clock", SYSTEM_CLOCK)
        self._count_anew()
        self.add_filter(*filters)
        after_fork(self)

    def _count_anew(self) -> None:
        self._failures = [AtomicCount() for _ in self.members]
        self._started = self.clock.wall()

    # -- recording

    def counter(self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None) -> Any:
        """Add ``increment`` (>= 0) to a counter of each member; gives what the first gives."""
        number = converted(increment)
        return self._each(Kind.COUNTER, name, lambda member: member.counter(name, tags, number, at=at))

    def up_down(self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add ``by`` to an up-down counter of each member; gives what the first gives."""
        number = converted(by)
        return self._each(Kind.UP_DOWN, name, lambda member: member.up_down(name, number, tags, at=at))

    def gauge(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Set a gauge of each member; gives what the first gives."""
        number = converted(value)
        return self._each(Kind.GAUGE, name, lambda member: member.gauge(name, number, tags, at=at))

    def histogram(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one observation to a histogram of each member; gives what the first gives."""
        number = converted(value)
        return self._each(Kind.HISTOGRAM, name, lambda member: member.histogram(name, number, tags, at=at))

    def timer(self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one duration to a timer of each member; gives what the first gives."""
        number = converted(duration_ms)
        return self._each(Kind.TIMER, name, lambda member: member.timer(name, number, tags, at=at))

    def _each(self, kind: Kind, name: str, record: Callable[[CanStoreMetrics], Any]) -> Any:
        touched: Any = None
        for number, member in self._numbered:
            try:
                gave = record(member)
            except Exception as error:  # noqa: BLE001 - one member must not keep the others from recording
                self._isolated(number, error)
                gave = self._null(number, kind, name)
            if number == 0:
                touched = gave
        return touched

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> CompositeSeries:
        """Give a series that records on one of each member, and reads as that of the first.

        Of a member that raises here, each record is counted as one more that it raised on.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        bound: list[tuple[int, CanRecord]] = []
        for number, member in self._numbered:
            try:
                bound.append((number, member.bind(which, name, tags)))
            except Exception as error:  # noqa: BLE001 - as above
                self._isolated(number, error)
                bound.append((number, self._null(number, which, name)))
        return CompositeSeries(bound, self._isolated)

    def recorder_at(
        self, kind: Kind | str, name: str, tags: TagsLike | None = None
    ) -> Callable[[float, float | None], object]:
        """Give what takes one record for all, with its time (Unix seconds; ``None``: now).

        Members that keep no time leave it out, but for a gauge's.

        :raises ValueError: for a kind that does not exist.
        """
        which = Kind(kind)
        recorders: list[tuple[int, Callable[[float, float | None], object]]] = []
        for number, member in self._numbered:
            try:
                recorders.append((number, recorder_into(member, which, name, tags)))
            except Exception as error:  # noqa: BLE001 - as above
                self._isolated(number, error)
                recorders.append((number, recorder_on(self._null(number, which, name), which)))

        def record(value: float, at: float | None = None) -> None:
            value = converted(value)
            for number, recorder in recorders:
                try:
                    recorder(value, at)
                except Exception as error:  # noqa: BLE001 - as above
                    self._isolated(number, error)

        return record

    def placing(self, at: float | None) -> AbstractContextManager[object]:
        """Place the records of a block that do not say their own time, in the members that keep time.

        :param at: Unix seconds; ``None``: now.
        """
        blocks = ExitStack()
        for member in self.members:
            if isinstance(member, CanKeepTime):
                blocks.enter_context(member.placing(at))
        return blocks

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
        """Note where a value came from, in each member that keeps such.

        :param value: in the metric's unit.
        :param at: Unix seconds; ``None``: now.
        :raises ValueError: for a kind that does not exist.
        """
        which, value = Kind(kind), converted(value)
        for number, member in self._keeping_exemplars:
            try:
                member.exemplar(which, name, value, labels, tags, at=at)
            except Exception as error:  # noqa: BLE001 - as above
                self._isolated(number, error)

    def refuse_exemplar(self, name: str, reason: str) -> None:
        """Count an exemplar of ``name`` that could not be used, in every member that counts them."""
        self._tell_each("refuse_exemplar", name, reason)

    def reject(self, name: str, reason: str) -> None:
        """Count a record of ``name`` that could not be used, in every member that counts them."""
        self._tell_each("reject", name, reason)

    def _tell_each(self, verb: str, name: str, reason: str) -> None:
        for number, member in self._numbered:
            refuse: Callable[[str, str], object] | None = getattr(member, verb, None)
            if refuse is not None:
                try:
                    refuse(name, reason)
                except Exception as error:  # noqa: BLE001 - as above
                    self._isolated(number, error)

    def _null(self, number: int, kind: Kind, name: str) -> NullSeries:
        return NullSeries(kind, name, lambda: self._count(number))

    def _count(self, number: int) -> None:
        self._failures[number].add()  # looked up each time: clear() brings new ones

    def _isolated(self, number: int, error: Exception) -> None:
        if not self._failures[number].value:
            # Of the exception the class alone: its text may hold anything.
            _logger.warning(
                "registry %s raised %s while recording; that is counted from now on",
                self._label(number),
                type(error).__qualname__,
            )
        self._count(number)

    def _label(self, number: int) -> str:
        return f"{number}:{type(self.members[number]).__name__}"

    # -- filters

    def add_filter(self, *filters: MetricFilter) -> None:
        """Add filters to each member, after its own, before anything is recorded or declared.

        :raises DefinitionError: if something was, for something that is no filter, and if a member takes none. A member
            that is used by itself as well may refuse what those before it have taken.
        """
        if not filters:
            return
        adding: list[Callable[..., object]] = []
        for number, member in self._numbered:
            add: Callable[..., object] | None = getattr(member, "add_filter", None)
            if add is None:
                message = (
                    f"member {self._label(number)} of a composite registry takes no filters: give them to the others"
                )
                raise DefinitionError(message)
            adding.append(add)
        for add in adding:
            add(*filters)

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
        """Declare what a name means, in every member; gives what the first gives.

        The members are asked in order, and the first that refuses ends it. All have seen the same records and the
        same definitions, so the very first is the one that refuses, and none keeps the definition. Only where a later
        member is used by itself too may it refuse what those before it have accepted; they then keep it.

        :raises DefinitionConflictError: if it contradicts what was declared or recorded before.
        :raises DefinitionError: if it cannot work.
        """
        said: dict[str, Any] = {
            "combine": combine,
            # Read once: an iterator has nothing left for the second member.
            "buckets": None if buckets is None else tuple(buckets),
            "domains": None if domains is None else {key: tuple(values) for key, values in domains.items()},
            "expire_after": expire_after,
            "budget": budget,
            "keep": keep,
        }
        said = {part: value for part, value in said.items() if value is not None}
        first, *_ = [member.define(name, kind, unit, help, **said) for member in self.members]
        return first

    # -- reading

    def find(self, name: str, tags: TagsLike | None = None) -> list[Any]:
        """Give the first's metrics of a name whose tags include ``tags``; ``[]`` for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        return self._first.find(name, tags)

    def get(self, name: str, tags: TagsLike | None = None) -> Any:
        """Give the first's one metric with exactly these tags.

        :raises MetricNotFoundError: if there is none; the message says what is near.
        :raises InvalidTagsError: for tags that are none.
        """
        return self._first.get(name, tags)

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of the first of a name that include ``tags``.

        :raises InvalidTagsError: for tags that are none.
        """
        return self._first.total(name, tags)

    def all(self) -> list[Metric]:
        """Give every metric of the first."""
        return self._first.all()

    def snapshot(self) -> Snapshot:
        """Give the first's snapshot; with ``polymeter.members.failed`` if a member raised."""
        snapshot = self._first.snapshot()
        failed = [
            Counter(_FAILED.name, count, {"member": member}, start=self._started, timestamp=snapshot.taken_at)
            for member, count in self._failed_by().items()
        ]
        return snapshot.plus(failed, {_FAILED.name: _FAILED}) if failed else snapshot

    def health(self) -> CompositeHealth:
        """Give what became of all records, by the first member that knows, and what each of them says."""
        healths = tuple(_health_of(member) for member in self.members)
        said = next(filter(None, healths), RegistryHealth(applied=0, invalid_by={}, series=len(self)))
        parts: dict[str, Any] = {part.name: getattr(said, part.name) for part in fields(RegistryHealth)}
        return CompositeHealth(**parts, members=healths, failed_by=self._failed_by())

    def _failed_by(self) -> dict[str, int]:
        return {self._label(number): each.value for number, each in enumerate(self._failures) if each.value}

    def reader(self) -> CanFollow | None:
        """Give one who follows the first member and will not miss the end of a series; ``None`` if none can end."""
        make: Callable[[], CanFollow] | None = getattr(self._first, "reader", None)
        return None if make is None else make()

    def __len__(self) -> int:
        """Count what :meth:`all` would give."""
        return len(self._first)

    # -- ending and starting anew

    def forget(self, name: str, tags: TagsLike | None = None) -> int:
        """End series in every member that knows how; give how many those were in the first that does.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        ended: list[int] = []
        for member in self.members:
            forget: Callable[[str, Tags], int] | None = getattr(member, "forget", None)
            if forget is not None:
                ended.append(forget(name, wanted))
        return ended[0] if ended else 0

    def clear(self) -> None:
        """Forget all values in every member; definitions stay. What one raises is raised after all had their turn."""
        raised: list[Exception] = []
        for member in self.members:
            try:
                member.clear()
            except Exception as error:  # noqa: BLE001 - raised below
                raised.append(error)
        self._count_anew()
        if raised:
            raise raised[0]

    def on_next_record(self, wake: Callable[[], object], /) -> bool:
        """Have ``wake`` called when the next record is made, if a member can tell."""
        return any(isinstance(member, CanTell) and member.on_next_record(wake) for member in self.members)

    def after_fork_in_child(self) -> None:
        """Count failures anew; the members see to themselves."""
        self._count_anew()

    def __repr__(self) -> str:
        return f"<CompositeRegistry of {', '.join(type(member).__name__ for member in self.members)}>"


def _leaves(registry: CanStoreMetrics) -> Iterator[CanStoreMetrics]:
    if isinstance(registry, CompositeRegistry):
        for member in registry.members:
            yield from _leaves(member)
    else:
        yield registry


def _health_of(member: CanStoreMetrics) -> RegistryHealth | None:
    health: Callable[[], RegistryHealth] | None = getattr(member, "health", None)
    return None if health is None else health()
