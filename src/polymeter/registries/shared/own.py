"""Own: what this process has recorded, and how it is published."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from polymeter.data.counter import Counter
from polymeter.data.packing import pack_identity, pack_state, types_of
from polymeter.data.records import definition_bytes, joined
from polymeter.frames import frame
from polymeter.registries.aggregating import AggregatingRegistry
from polymeter.registries.base import SELF_METRICS
from polymeter.registries.exemplars import REFUSED
from polymeter.registries.filters.taking import FILTER_METRICS
from polymeter.registries.shared import slot
from polymeter.registries.shared.durable import Telling
from polymeter.registries.shared.reading import End

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.layout import RowLayout
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import Tags
    from polymeter.registries.family import Family
    from polymeter.registries.rows import RowBuffer
    from polymeter.registries.series import Series
    from polymeter.registries.shared.place import Place, Run

__all__ = ["Own", "OwnRegistry"]


class OwnRegistry(AggregatingRegistry):
    """Keeps what this process records, and takes note of what changes.

    :ivar touched: series that have been recorded on since somebody emptied this set.
    :ivar last: the last values of series that have ended since somebody emptied this list, and whether by order.
    """

    def __init__(self, **options: Any) -> None:
        """Make an empty one; the options are those of :class:`AggregatingRegistry`."""
        self._told: Callable[[], object] | None = None
        self._told_too: list[tuple[Callable[[float], list[Metric]], Mapping[str, MetricDefinition]]] = []
        self.touched: set[Series[Any]] = set()
        self.last: list[tuple[Metric, bool]] = []
        super().__init__(**options)
        self._lives.last = self.last

    def touch(self, series: Series[Any], /) -> None:
        """Take note that ``series`` was recorded on."""
        super().touch(series)
        self.touched.add(series)

    def noted(self, series: Series[Any], /) -> None:
        """Take note that ``series`` has another exemplar."""
        self.touched.add(series)

    def _series_of(self, family: Family, tags: Tags) -> Series[Any]:
        series = super()._series_of(family, tags)
        self.touched.add(series)  # it is there from now on, at zero
        return series

    def _forget_all(self) -> None:
        super()._forget_all()
        self.touched.clear()
        self.last.clear()

    @property
    def definitions(self) -> Mapping[str, MetricDefinition]:
        """What is said about metrics here, by name."""
        return self._definitions.to_dict()

    def snapshot_definitions(self) -> Mapping[str, MetricDefinition]:
        """Give the definitions that a snapshot has, those of the registry's own metrics included."""
        known = {**self.definitions, **{each.name: each for each in (*SELF_METRICS, REFUSED)}}
        if self._filters is not None:
            known.update(FILTER_METRICS)
        for _, definitions in self._told_too:
            known.update(definitions)
        return known

    def tell_of_each(self, told: Callable[[], object]) -> None:
        """Have ``told`` called after each record."""
        self._told = told
        self._by_name.records = self._waiting = Telling(told)

    def list_of(self, series: Series[Any], /) -> list[Any]:
        """Give the list that the pending records of ``series`` wait in."""
        told = self._told
        if told is not None and series not in self._lists:
            return self._lists.setdefault(series, Telling(told))
        return super().list_of(series)

    def rows(self, layout: RowLayout, /) -> RowBuffer:
        """Give the buffer for what a compiled collector says."""
        if self._told is not None and layout not in self._rows:
            made = self._new_rows(layout)
            made.wait_in(Telling(self._told))
            self._rows.setdefault(layout, made)
        return super().rows(layout)

    def on_next_record_in_child(self, wake: Callable[[], object]) -> None:
        """Have ``wake`` called by the first record in a forked child, where nothing waits and no drain can run."""
        self._go_the_long_way()
        if wake not in self._to_wake:
            self._to_wake.append(wake)

    def touch_all(self) -> None:
        """Take every series for changed."""
        self.touched.update(self._all_series())

    def hand_over(self) -> None:
        """Begin as another writer, from nothing: what was recorded until now is somebody else's to tell."""
        self.clear()
        self._new_writer()

    def self_metrics(self) -> list[Metric]:
        """Give the registry's metrics of itself, but for the number of series; nothing is drained for it."""
        now = self.now()
        applied = Counter("polymeter.records.applied", self._drain.applied, start=self._started, timestamp=now)
        return [applied, *self._losses(now), *self._refusals(now), *self._others(now)]

    def _others(self, now: float) -> list[Metric]:
        return [metric for tell, _ in self._told_too for metric in tell(now)]

    def tell_too(self, tell: Callable[[float], list[Metric]], definitions: Mapping[str, MetricDefinition]) -> None:
        """Have metrics of somebody else's, ``polymeter.*`` too, among those of the registry itself.

        :param tell: gives them; takes Unix seconds of now.
        """
        self._told_too.append((tell, definitions))

    def snapshot(self) -> Snapshot:
        """Give everything of now that this process has recorded."""
        snapshot = super().snapshot()
        return (
            snapshot.plus(self._others(snapshot.taken_at), self.snapshot_definitions()) if self._told_too else snapshot
        )

    def drain(self) -> None:
        """Make everything count that waits, and end what nobody has recorded on for too long."""
        self._drain_all()


class Own:
    """Publishes what an :class:`OwnRegistry` keeps. One thread at a time.

    Whatever interrupts it, what has not been published is published the next time: states are whole, and may be
    published any number of times.
    """

    def __init__(self, registry: OwnRegistry, place: Place) -> None:
        self._registry = registry
        self._place = place
        self._slot: slot.Slot | None = None
        self._run: Run | None = None
        self._begin()

    def _begin(self) -> None:
        self._heads: dict[Series[Any], tuple[bytes, bytes]] = {}
        self._series: dict[bytes, Series[Any]] = {}
        self._in_hand: set[Series[Any]] = set()
        self._said: dict[str, MetricDefinition] = {}
        self._selves: dict[bytes, Metric] = {}
        self._ends: dict[int, End] = {}
        self._next_end = 0
        self._unseen: set[bytes] = set()
        self._is_complete = True  # whether all that was noted as published has been

    # -- as the view needs it

    @property
    def writer(self) -> str:
        """The id under which it is published."""
        return self._registry.writer

    def changed(self, into: set[bytes]) -> None:
        """Add the identities of series that have changed since this was asked last."""
        into.update(self._unseen)
        self._unseen.clear()

    def state(self, identity: bytes, /) -> Metric | None:
        """Give a series as it is now."""
        series = self._series.get(identity)
        if series is None:
            return self._selves.get(identity)
        return series.frozen(self._registry.now()) if series.attached else None

    def ends(self) -> Mapping[int, End]:
        """Give the ends of series that may not have been folded, by number."""
        return self._ends

    def definitions(self) -> Mapping[str, MetricDefinition]:
        """Give what is said about metrics here, by name."""
        return self._registry.definitions

    # -- publishing

    def publish(self, run: Run) -> bool:
        """Publish what has changed; tell whether there was anything.

        :raises OSError: if it cannot be written; it is kept for the next time.
        """
        if run != self._run:
            self._run = run
            self.let_go()
        was_complete, self._is_complete = self._is_complete, False
        frames = b"".join(self._frames())
        if self._slot is None or self._slot.wants_replacing or not was_complete:
            if frames or self._slot is not None:
                self._replace(run)
        elif frames:
            try:
                self._slot.append(frames)
            except OSError:  # where there is no room for more, there is for all that is not out of date
                self._replace(run)
        self._in_hand.clear()
        self._is_complete = True
        return bool(frames)

    def folded(self, ends: int) -> None:
        """Hear that so many ends of series have been folded."""
        for number in [number for number in self._ends if number < ends]:
            del self._ends[number]

    def _frames(self) -> Iterator[bytes]:
        """Give frames of what is new, and take note of it."""
        registry = self._registry
        while registry.last:
            last, by_order = registry.last[0]
            identity = pack_identity(last.kind, last.name, last.tags, last.unit)
            state = pack_state(last)
            content = joined(identity, types_of(last.tags), state)
            self._ends[self._next_end] = end = End(identity, (content, len(content) - len(state)), by_order)
            self._next_end += 1
            del registry.last[0]
            self._unseen.add(identity)
            yield self._end_frame(self._next_end - 1, end)
        for name, definition in registry.definitions.items():
            if self._said.get(name) is not definition:
                self._said[name] = definition
                yield frame(slot.DEFINITION, definition_bytes(definition))
        self._in_hand.update(registry.touched)
        registry.touched.difference_update(self._in_hand)  # before it is looked at: who comes later is seen next time
        now = registry.now()
        for series in self._in_hand:
            if series.attached:
                yield self._state_frame(series, now)
            else:
                self._drop(series)
        for metric in registry.self_metrics():
            identity = pack_identity(metric.kind, metric.name, metric.tags, metric.unit)
            known = self._selves.get(identity)
            if known is None or known.value != metric.value:
                self._selves[identity] = metric
                self._unseen.add(identity)
                yield frame(slot.STATE, joined(identity, types_of(metric.tags), pack_state(metric)))

    def _state_frame(self, series: Series[Any], now: float) -> bytes:
        known = self._heads.get(series)
        if known is None:
            tags = series.tags
            identity = pack_identity(series.kind, series.name, tags, series.unit)
            known = self._heads[series] = (identity, joined(identity, types_of(tags), b""))
            self._series[identity] = series
        identity, head = known
        self._unseen.add(identity)
        return frame(slot.STATE, head + pack_state(series.frozen(now)))

    @staticmethod
    def _end_frame(number: int, end: End) -> bytes:
        content, _ = end.last
        return frame(slot.GONE, slot.gone(number, content, by_order=end.by_order))

    def _drop(self, series: Series[Any]) -> None:
        known = self._heads.pop(series, None)
        if known is not None and self._series.get(known[0]) is series:
            del self._series[known[0]]
            self._unseen.add(known[0])

    def _replace(self, run: Run) -> None:
        """Put a new file in the place of the slot, with everything."""
        if not self._place.is_in_place():
            raise FileNotFoundError(errno.ENOENT, "not the folder that was entered", str(self._place.path))
        for series in [series for series in self._heads if not series.attached]:
            self._drop(series)
        now = self._registry.now()
        head = slot.header(run=run.id, epoch=run.epoch, writer=self.writer)
        content = [head]
        content += [frame(slot.DEFINITION, definition_bytes(each)) for each in self._said.values()]
        content += [self._end_frame(number, end) for number, end in self._ends.items()]
        content += [self._state_frame(series, now) for series in self._heads]
        content += [
            frame(slot.STATE, joined(identity, types_of(each.tags), pack_state(each)))
            for identity, each in self._selves.items()
        ]
        content.append(head)  # once more: without one nothing of the file counts
        if self._slot is None:
            # Known before it opens its file: a child that is forked meanwhile has to close that.
            self._slot = slot.Slot(self._place.slot(self.writer))
        self._slot.replace(b"".join(content))

    def let_go(self) -> None:
        """Leave the slot to others (at the end, in a forked child, in another epoch), and publish all anew."""
        if self._slot is not None:
            self._slot.let_go()
            self._slot = None
        self._begin()
        self._registry.touch_all()
