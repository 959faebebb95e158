"""Retired: what is kept of writers that are no more, and of series that have ended.

It is one file, put in place as a whole. Its header names the writers that are in it, so that one whose slot is still
there, as whoever folded it died in between, is not counted twice; and of the living how many of their ends are in it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.fold import combined
from polymeter.data.kind import Kind
from polymeter.data.packing import pack_identity, pack_state, types_of, unpack_merged, unpack_state
from polymeter.data.records import definition_bytes, joined
from polymeter.frames import frame
from polymeter.registries.budget import Budget
from polymeter.registries.shared import slot
from polymeter.registries.shared.reading import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from polymeter.data.metric import Metric
    from polymeter.data.packing import Identity, Place
    from polymeter.data.tags import Tags
    from polymeter.registries.shared.place import Place as Folder
    from polymeter.registries.shared.place import Run
    from polymeter.registries.shared.reading import End, Identities

__all__ = ["Retired", "outlives"]

_LEVELS: Final = frozenset({Kind.UP_DOWN, Kind.GAUGE})


def outlives(kind: Kind, definition: MetricDefinition | None) -> bool:
    """Tell whether what a writer said of a metric still holds when the writer is dead.

    A count does; a level (calls in flight, memory in use) was one of that process, unless its definition says that it
    is to be kept. What is apart for each process goes with it.
    """
    if definition is not None and definition.kind is kind:
        if definition.rule is Combine.PER_PROCESS:
            return False
        if definition.keep is not None:
            return definition.keep
    return kind not in _LEVELS


class Retired(Published):
    """The file, and how it is written."""

    def __init__(self, place: Folder, identities: Identities, budget_of: Callable[[str], int]) -> None:
        """:param budget_of: gives how many series of a metric are kept."""
        super().__init__(place.retired, identities)
        self._place = place
        self._budget_of = budget_of
        self.is_there = False

    def refresh(self) -> bool:
        """Read what is new; tell whether the file is there: if not, what was read before still holds.

        :raises OSError: if it cannot be read.
        """
        self.is_there = super().refresh()
        return self.is_there

    @property
    def is_missing(self) -> bool:
        """Whether the file was there once and has been removed, by whoever cleans up here."""
        return bool(self.header) and not self.is_there

    @property
    def folded(self) -> frozenset[str]:
        """The writers that are in it and whose slots may still be there."""
        return frozenset(self.header.get("folded", ()))

    def ends_taken(self, writer: str) -> int:
        """Give how many ends of series of a writer are in it."""
        taken: int = self.header.get("ends", {}).get(writer, 0)
        return taken

    def is_in_place(self) -> bool:
        """Tell whether the file is still the one that was read."""
        try:
            return self.path.stat().st_ino == self.inode
        except FileNotFoundError:
            return not self.is_there

    def fold(
        self,
        run: Run,
        dead: Sequence[Published],
        living: Mapping[str, Mapping[int, End]],
        definitions: Mapping[str, MetricDefinition],
        *,
        ending: Callable[[bytes, Place], bool],
    ) -> None:
        """Write it anew, with what the dead said and with the ends of all series; then remove the slots of the dead.

        Called with the gate closed and this file read.

        :param definitions: what anybody has said about metrics, by name.
        :param living: writer -> the ends of its series, of those that live.
        :param ending: tells which series in it have ended everywhere.
        :raises OSError: if it cannot be written; nothing has changed then.
        """
        before = self.folded
        writing = _Writing(self, self._identities, definitions, self._budget_of)
        for part in dead:
            if part.is_of(run.epoch) and part.path.stem not in before:
                writing.add_all(part.states)
                writing.add_ends(part.ends, self.ends_taken(part.path.stem))
        for writer, ends in living.items():
            writing.add_ends(ends, self.ends_taken(writer))
        writing.end(ending)
        folded = {part.path.stem for part in dead}
        head = slot.header(
            run=run.id,
            epoch=run.epoch,
            folded=sorted(folded),
            ends=self._all_ends_taken(living, folded),
        )
        self._nonsense += writing.nonsense
        # What is in it already is not named once more, so it must be gone before: whoever did that died in between.
        for writer in before:
            self._place.slot(writer).unlink(missing_ok=True)
        self._write(head + writing.frames() + head)  # twice: without one it would be counted anew
        for writer in folded:
            self._place.slot(writer).unlink(missing_ok=True)

    def _all_ends_taken(self, living: Mapping[str, Mapping[int, End]], folded: Collection[str]) -> dict[str, int]:
        """Say of each writer that has a slot how many of its ends are in: they stay in the slot for a while."""
        taken: dict[str, int] = {
            writer: number
            for writer, number in self.header.get("ends", {}).items()
            if writer in living or (writer not in folded and self._place.slot(writer).exists())
        }
        for writer, ends in living.items():
            if ends:
                taken[writer] = max(taken.get(writer, 0), max(ends) + 1)
        return taken

    def _write(self, content: bytes) -> None:
        made = self.path.with_suffix(".made")
        try:
            made.unlink(missing_ok=True)
            made.write_bytes(content)
            made.rename(self.path)
        except OSError:
            with suppress(OSError):
                made.unlink()
            raise


class _Writing:
    """What is to be written: what nobody adds to stays as bytes."""

    def __init__(
        self,
        retired: Retired,
        identities: Identities,
        definitions: Mapping[str, MetricDefinition],
        budget_of: Callable[[str], int],
    ) -> None:
        self._identities = identities
        self._definitions = definitions
        self._states = dict(retired.states)
        self._ended = dict(retired.ended)
        self._budget_of = budget_of
        self._budgets: dict[str, Budget] = {}
        self.nonsense = 0

    def add_all(self, states: Mapping[bytes, Place]) -> None:
        """Merge in what outlives its writer."""
        for identity, place in states.items():
            self._try(self._add, identity, place)

    def add_ends(self, ends: Mapping[int, End], taken: int) -> None:
        """Merge in the ends of series that are not in it yet."""
        for number, end in ends.items():
            if number >= taken:
                self._try(self._end if end.by_order else self._add, end.identity, end.last)

    def _try(self, take: Callable[[bytes, Place], object], identity: bytes, place: Place) -> None:
        try:
            take(identity, place)
        except Exception:  # noqa: BLE001 - bytes of bad sense: they must not keep all others from being folded
            self.nonsense += 1

    def _add(self, identity: bytes, place: Place) -> None:
        """Merge one series in; under ``__other__`` if there are too many of its metric."""
        series = self._identities.of(identity)
        if not outlives(series.kind, self._definitions.get(series.name)):
            return
        known = self._states.get(identity)
        if known is None:
            admitted = self._admitted(series)
            if admitted is series.tags:
                self._states[identity] = place
                return
            metric = unpack_state(series, *place).retagged(admitted)
            identity = _identity(metric)
            place = (pack_state(metric), 0)
            known = self._states.get(identity)
        self._states[identity] = place if known is None else self._merged(identity, known, place)

    def _merged(self, identity: bytes, known: Place, place: Place) -> Place:
        series = self._identities.of(identity)
        definition = self._definitions.get(series.name)
        if definition is None or definition.kind is not series.kind:
            definition = MetricDefinition(series.name, series.kind)
        if series.kind is Kind.GAUGE or definition.rule is not Combine.SUM:
            [metric] = combined(definition, [("", unpack_state(series, *known)), ("1", unpack_state(series, *place))])
        else:
            metric = unpack_merged(series, (known, place))
        return (pack_state(metric), 0)

    def _admitted(self, series: Identity) -> Tags:
        budget = self._budgets.get(series.name)
        if budget is None:
            same = [each.tags for each in map(self._identities.of, self._states) if each.name == series.name]
            limit = self._budget_of(series.name)
            budget = Budget(series.name, limit, lambda: [dict(tags.canonical) for tags in same])
            for _ in same:
                budget.take()
            self._budgets[series.name] = budget
        return budget.admit(series.tags, lambda tags: self._knows(series, tags))

    def _knows(self, series: Identity, tags: Tags) -> bool:
        return pack_identity(series.kind, series.name, tags, series.unit) in self._states

    def end(self, ending: Callable[[bytes, Place], bool]) -> None:
        """Move series to what has ended."""
        for identity, place in list(self._states.items()):
            if ending(identity, place):
                del self._states[identity]
                self._try(self._end, identity, place)

    def _end(self, identity: bytes, last: Place) -> None:
        series = self._identities.of(identity)
        if series.kind is Kind.GAUGE:
            return
        total = unpack_state(series, *last).retagged(None)
        identity = _identity(total)
        known = self._ended.get(identity)
        if known is not None:
            total = total.merge(unpack_state(self._identities.of(identity), *known))
        self._ended[identity] = (pack_state(total), 0)

    def frames(self) -> bytes:
        """Give the frames of everything."""
        return b"".join(
            (
                *(frame(slot.DEFINITION, definition_bytes(each)) for each in self._definitions.values()),
                *(self._frame(slot.STATE, identity, place) for identity, place in self._states.items()),
                *(self._frame(slot.ENDED, identity, place) for identity, place in self._ended.items()),
            )
        )

    def _frame(self, what: int, identity: bytes, place: Place) -> bytes:
        packed, at = place
        return frame(what, joined(identity, types_of(self._identities.of(identity).tags), packed[at:]))


def _identity(metric: Metric) -> bytes:
    return pack_identity(metric.kind, metric.name, metric.tags, metric.unit)
