"""Retired: what is kept of writers that are no more, and of series that have ended.

It is one file, put in place as a whole. Its header names the writers that are in it, so that one whose slot is still
there, as whoever folded it died in between, is not counted twice; and of the living how many of their ends are in it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.packing import pack_identity, pack_state, types_of
from polymeter.registries.budget import Budget
from polymeter.registries.shared import slot
from polymeter.registries.shared.frames import frame
from polymeter.registries.shared.reading import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.registries.shared.place import Place, Run
    from polymeter.registries.shared.reading import End, Identities

__all__ = ["Retired", "outlives"]

_LEVELS: Final = frozenset({Kind.UP_DOWN, Kind.GAUGE})


def outlives(metric: Metric, definition: MetricDefinition | None) -> bool:
    """Tell whether what a writer said of a metric still holds when the writer is dead.

    A count does; a level (calls in flight, memory in use) was one of that process, unless its definition says that it
    is to be kept. What is apart for each process goes with it.
    """
    if definition is not None and definition.kind is metric.kind:
        if definition.rule is Combine.PER_PROCESS:
            return False
        if definition.keep is not None:
            return definition.keep
    return metric.kind not in _LEVELS


class Retired(Published):
    """The file, and how it is written."""

    def __init__(self, place: Place, identities: Identities, budget_of: Callable[[str], int]) -> None:
        """:param budget_of: gives how many series of a metric are kept."""
        super().__init__(place.retired, identities)
        self._place = place
        self._budget_of = budget_of

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
            return not self.header

    def fold(
        self,
        run: Run,
        dead: Sequence[Published],
        living: Mapping[str, Mapping[int, End]],
        definitions: Mapping[str, MetricDefinition],
        *,
        ending: Callable[[bytes, Metric], bool],
    ) -> None:
        """Write it anew, with what the dead said and with the ends of all series; then remove the slots of the dead.

        Called with the gate closed and this file read.

        :param living: writer -> the ends of its series, of those that live.
        :param ending: tells which series in it have ended everywhere.
        :raises OSError: if it cannot be written; nothing has changed then.
        """
        before = self.folded
        said = dict(self.definitions)
        for part in dead:
            said.update(part.definitions)
        said.update(definitions)
        writing = _Writing(self.states, self.ended, said, self._budget_of)
        for part in dead:
            if part.header.get("epoch") == run.epoch and part.path.stem not in before:
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
            ends={writer: max(ends) + 1 for writer, ends in living.items() if ends},
        )
        self._write(head + writing.frames())
        for writer in before | folded:
            self._place.slot(writer).unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        made = self.path.with_suffix(".made")
        try:
            made.write_bytes(content)
            made.rename(self.path)
        except OSError:
            with suppress(OSError):
                made.unlink()
            raise


class _Writing:
    """What is to be written."""

    def __init__(
        self,
        states: Mapping[bytes, Metric],
        ended: Mapping[bytes, Metric],
        definitions: dict[str, MetricDefinition],
        budget_of: Callable[[str], int],
    ) -> None:
        self._definitions = definitions
        self._states = dict(states)
        self._ended = dict(ended)
        self._budget_of = budget_of
        self._budgets: dict[str, Budget] = {}

    def add(self, identity: bytes, metric: Metric) -> None:
        """Merge one series in; under ``__other__`` if there are too many of its metric."""
        known = self._states.get(identity)
        if known is None:
            admitted = self._admitted(metric)
            if admitted is not metric.tags:
                metric = metric.retagged(admitted)
                identity = _identity(metric)
                known = self._states.get(identity)
        self._states[identity] = metric if known is None else known.merge(metric)

    def _admitted(self, metric: Metric) -> Tags:
        budget = self._budgets.get(metric.name)
        if budget is None:
            tags_of_all = [each.tags for each in self._states.values() if each.name == metric.name]
            budget = Budget(
                metric.name, self._budget_of(metric.name), lambda: [dict(tags.canonical) for tags in tags_of_all]
            )
            for _ in tags_of_all:
                budget.take()
            self._budgets[metric.name] = budget
        return budget.admit(metric.tags, lambda tags: _identity(metric.retagged(tags)) in self._states)

    def add_all(self, states: Mapping[bytes, Metric]) -> None:
        """Merge in what outlives its writer."""
        for identity, metric in states.items():
            if outlives(metric, self._definitions.get(metric.name)):
                self.add(identity, metric)

    def add_ends(self, ends: Mapping[int, End], taken: int) -> None:
        """Merge in the ends of series that are not in it yet."""
        for number, end in ends.items():
            if number >= taken and end.by_order:
                self._end(end.last)
            elif number >= taken and outlives(end.last, self._definitions.get(end.last.name)):
                self.add(end.identity, end.last)

    def end(self, ending: Callable[[bytes, Metric], bool]) -> None:
        """Move series to what has ended."""
        for identity, metric in list(self._states.items()):
            if ending(identity, metric):
                del self._states[identity]
                self._end(metric)

    def _end(self, last: Metric) -> None:
        if last.kind is Kind.GAUGE:
            return
        total = last.retagged(None)
        identity = _identity(total)
        known = self._ended.get(identity)
        self._ended[identity] = total if known is None else known.merge(total)

    def frames(self) -> bytes:
        """Give the frames of everything."""
        return b"".join(
            (
                *(frame(slot.DEFINITION, definition_bytes(each)) for each in self._definitions.values()),
                *(frame(slot.STATE, metric_bytes(identity, each)) for identity, each in self._states.items()),
                *(frame(slot.ENDED, metric_bytes(identity, each)) for identity, each in self._ended.items()),
            )
        )


def _identity(metric: Metric) -> bytes:
    return pack_identity(metric.kind, metric.name, metric.tags, metric.unit)


def metric_bytes(identity: bytes, metric: Metric) -> bytes:
    """Give the content of a frame about a series."""
    return slot.joined(identity, types_of(metric.tags), pack_state(metric))


def definition_bytes(definition: MetricDefinition) -> bytes:
    """Give the content of a frame about what is said of a metric."""
    said = {part: getattr(definition, part) for part in definition.__match_args__ if part != "domains"}
    said = {part: value for part, value in said.items() if value is not None}
    return json.dumps(said, separators=(",", ":")).encode()
