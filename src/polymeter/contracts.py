"""What each part of the chain can do: the only thing the others know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sized
    from contextlib import AbstractContextManager

    from polymeter.data.definition import Combine, MetricDefinition
    from polymeter.data.kind import Kind
    from polymeter.data.layout import RowLayout
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import Tags, TagsLike, TagValue
    from polymeter.subscription import Subscription

__all__ = [
    "CanAttach",
    "CanBeTapped",
    "CanCollectMetrics",
    "CanDispatchEvents",
    "CanEmit",
    "CanEmitEvents",
    "CanExportMetrics",
    "CanFollow",
    "CanKeepExemplars",
    "CanKeepTime",
    "CanObserve",
    "CanPoll",
    "CanRecord",
    "CanStoreMetrics",
    "CanTakeRows",
    "CanTell",
    "Listener",
    "Observed",
    "Rows",
    "Temporality",
]

EventT = TypeVar("EventT")
EventT_contra = TypeVar("EventT_contra", contravariant=True)

Listener: TypeAlias = "Callable[[EventT], object]"
"""Called with each event of the class it was added for, in the thread that dispatches. Its result is ignored."""

Temporality: TypeAlias = Literal["cumulative", "delta"]
"""Whether an exporter wants totals since the start, or what came since its last successful export."""


Observed: TypeAlias = "Callable[[Kind, str, Tags, float, int, list[float]], object]"
"""Called with observations of one series: its kind, name, tags and start, how many came before, and their values.

Values are finite and in base units; the list is the callee's to keep. It is called while a registry drains, on any
thread, for one series after another: it must not raise, wait, take a lock or record.
"""


class CanEmit(Protocol[EventT_contra]):
    """The cheap guard of a hot path: one event class of one dispatcher."""

    @property
    def listening(self) -> bool:
        """Whether anybody would hear an event of exactly this class. A plain attribute where it can be one."""
        ...

    def __call__(self, event: EventT_contra, /) -> object:
        """Dispatch ``event``."""
        ...


@runtime_checkable
class CanDispatchEvents(Protocol):
    """Passes events to those who listen (PSR-14 in shape)."""

    def dispatch(self, event: EventT, /) -> EventT:
        """Pass ``event`` to every listener of its class and base classes, and give it back.

        What a listener raises stays there, unless it is no ``Exception``.
        """
        ...

    def add_listener(self, event_type: type[EventT], listener: Listener[EventT], priority: int = 0) -> Subscription:
        """Call ``listener`` with each event of ``event_type``; the highest ``priority`` first.

        :raises ListenerError: if it cannot be called with one event, synchronously.
        """
        ...

    def emitter(self, event_type: type[EventT]) -> CanEmit[EventT]:
        """Give the emitter of one event class."""
        ...


@runtime_checkable
class CanEmitEvents(Protocol):
    """A source: turns what one library does into events."""

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to dispatch to ``events``; cancelling the subscription leaves the library as it was found."""
        ...


@runtime_checkable
class CanPoll(Protocol):
    """A source that has to be asked: called before each snapshot."""

    def poll(self, events: CanDispatchEvents) -> None:
        """Dispatch the current state to ``events``."""
        ...


@runtime_checkable
class CanCollectMetrics(Protocol):
    """A collector: decides what events mean as metrics."""

    def register(self, events: CanDispatchEvents, registry: CanStoreMetrics) -> Subscription:
        """Begin to record into ``registry`` what is heard from ``events``."""
        ...


class CanRecord(Protocol):
    """One series, bound: recording on it needs no look-up. It reads as a metric of its kind too.

    Only the verb of its kind does something sensible; another one is counted as invalid.
    """

    @property
    def kind(self) -> Kind:
        """Its kind."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def tags(self) -> Tags:
        """Its tags."""
        ...

    @property
    def value(self) -> float:
        """Its value of now."""
        ...

    def add(self, amount: float = 1, /) -> None:
        """Add to a counter (>= 0) or an up-down counter."""
        ...

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Set a gauge; ``at`` (Unix seconds) says when the reading was true, if not now."""
        ...

    def record(self, value: float, /) -> None:
        """Add one observation to a histogram or a timer, in its unit."""
        ...

    def freeze(self) -> Metric:
        """Give the value of now."""
        ...


class Rows(Protocol):
    """Where a compiled collector leaves what events say: one tuple for each event, laid out as a ``RowLayout`` says."""

    @property
    def limit(self) -> int:
        """So many rows may wait before whoever made the last one calls :meth:`drain`."""
        ...

    @property
    def waiting(self) -> Sized:
        """The rows that wait."""
        ...

    @property
    def append(self) -> Callable[[tuple[Any, ...]], object]:
        """Take one row. Never raises."""
        ...

    def drain(self) -> None:
        """Make the rows that wait count."""
        ...

    def now(self) -> float | None:
        """Give the time to write for an event that says none."""
        ...

    @property
    def next_sequence(self) -> Callable[[], int]:
        """Give the sequence number to write for an event."""
        ...


@runtime_checkable
class CanTakeRows(Protocol):
    """A registry that takes what an event says for several metrics at once, and looks at it later."""

    def rows(self, layout: RowLayout, /) -> Rows:
        """Give the buffer for rows of ``layout``; the same one for the same layout."""
        ...


@runtime_checkable
class CanTell(Protocol):
    """A registry that can tell when the next record is made, but for those that come as rows of events."""

    def on_next_record(self, wake: Callable[[], object], /) -> bool:
        """Have ``wake`` called once, in the thread that makes the next record; tell whether that will be done.

        It may be called a moment early, by somebody who asks for a series. It must not raise, wait or take a lock.
        """
        ...


@runtime_checkable
class CanBeTapped(Protocol):
    """A registry that can pass on each observation of its histograms and timers, beside summing them up."""

    def add_tap(self, observed: Observed, /) -> Subscription:
        """Have ``observed`` given what is observed from now on."""
        ...


@runtime_checkable
class CanStoreMetrics(Protocol):
    """A registry: remembers measurements.

    The verbs never raise. What they cannot use (a NaN, a negative count, a tag that is no tag) is counted by reason,
    and the result is then a detached null series. ``at`` is Unix seconds; without it a record is placed now.
    """

    def counter(self, name: str, tags: TagsLike | None = None, increment: float = 1, *, at: float | None = None) -> Any:
        """Add to a counter; gives the metric that was touched."""
        ...

    def gauge(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Set a gauge; gives the metric that was touched."""
        ...

    def up_down(self, name: str, by: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add to an up-down counter, negative amounts too; gives the metric that was touched."""
        ...

    def histogram(self, name: str, value: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one observation; gives the metric that was touched."""
        ...

    def timer(self, name: str, duration_ms: float, tags: TagsLike | None = None, *, at: float | None = None) -> Any:
        """Add one duration, in ms unless name or definition say otherwise; gives the metric touched."""
        ...

    def bind(self, kind: Kind | str, name: str, tags: TagsLike | None = None) -> CanRecord:
        """Give the series to record on without look-up."""
        ...

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
        """Declare what a name means. The same twice is fine, and what one left unsaid another may add.

        :raises DefinitionConflictError: if it contradicts what was declared or recorded before.
        :raises DefinitionError: if it cannot work.
        """
        ...

    def find(self, name: str, tags: TagsLike | None = None) -> list[Any]:
        """Give the metrics of a name whose tags include ``tags``; ``[]`` for an unknown name."""
        ...

    def get(self, name: str, tags: TagsLike | None = None) -> Any:
        """Give the one metric with exactly these tags.

        :raises MetricNotFoundError: if there is none; the message says what is near.
        """
        ...

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of a name that include ``tags``; of distributions the sum observed."""
        ...

    def all(self) -> list[Metric]:
        """Give every metric."""
        ...

    def snapshot(self) -> Snapshot:
        """Give everything of one moment, with definitions and the registry's own self-metrics."""
        ...

    def clear(self) -> None:
        """Forget all values and start a new epoch; definitions stay."""
        ...

    def __len__(self) -> int:
        """Count what :meth:`all` would give."""
        ...


class CanFollow(Protocol):
    """One who follows a registry over time and must see the last value of every series that ends."""

    def over(self, snapshot: Snapshot, /) -> Snapshot:
        """Give ``snapshot`` with the series that have ended since the last :meth:`commit`."""
        ...

    def commit(self) -> None:
        """Say that what was given last has been delivered."""
        ...


@runtime_checkable
class CanKeepTime(Protocol):
    """A registry that keeps time: what records an event into it should say when the event happened."""

    def recorder_at(
        self, kind: Kind | str, name: str, tags: TagsLike | None = None
    ) -> Callable[[float, float | None], object]:
        """Give what takes one record and its time (Unix seconds; ``None``: now), to record on without look-up."""
        ...

    def placing(self, at: float | None) -> AbstractContextManager[object]:
        """Place the records of a block that do not say their time at ``at`` (Unix seconds; ``None``: now)."""
        ...


@runtime_checkable
class CanKeepExemplars(Protocol):
    """A registry that keeps, of a few measurements, where they came from."""

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
        """Note where ``value``, recorded under ``name`` and ``tags``, came from: ``{"trace_id": ...}``.

        It records nothing itself, and never raises: what cannot be noted is counted, apart from the records. Without
        labels, or with one that is ``None``, there is nothing to note. ``at`` is Unix seconds; ``None``: now.
        """
        ...


@runtime_checkable
class CanExportMetrics(Protocol):
    """An exporter: takes snapshots where they should go."""

    temporality: Temporality

    def export(self, snapshot: Snapshot | Iterable[Metric], /) -> Awaitable[None] | None:
        """Deliver; return when done, raise when it failed. May be ``async def``.

        Whoever talks to a network asks :func:`polymeter.deadline.current_deadline` how long that may take. One that
        waits for nobody may say so by an attribute ``is_quick = True``: then no thread is needed for it. One whose back
        end tells processes apart says ``delivers = "own"``: where processes share a registry, it is given what its own
        process has recorded, as those of differences always are. A method ``close()``, if there is one, is called when
        the facade closes, or the exporter is removed.
        """
        ...


@runtime_checkable
class CanObserve(Protocol):
    """An exporter that wants observations as they were made, not only summed up."""

    def observe(self, registry: object, /) -> Subscription:
        """Begin to keep what ``registry`` observes, if it can be tapped. Called before the first export."""
        ...


@runtime_checkable
class CanAttach(Protocol):
    """An exporter that is asked by its back end, and then reads the newest state itself."""

    def attach(self, read: Callable[[], Snapshot], /) -> Subscription:
        """Read through ``read`` from now on."""
        ...
