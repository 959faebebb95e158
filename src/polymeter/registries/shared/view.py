"""View: what all writers have counted, as one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.fold import combined
from polymeter.data.kind import Kind
from polymeter.data.packing import timestamp_of, unpack_merged, unpack_state
from polymeter.errors import DefinitionConflictError
from polymeter.registries.shared.reading import Identities, Published
from polymeter.registries.shared.retired import Retired, outlives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from polymeter.data.metric import Metric
    from polymeter.data.packing import Place
    from polymeter.data.tags import Tags
    from polymeter.registries.shared.place import Place as Folder
    from polymeter.registries.shared.place import Run
    from polymeter.registries.shared.reading import End

__all__ = ["Limits", "Mine", "View"]

_ATTEMPTS: Final = 3


class Mine(Protocol):
    """What this process has recorded itself: it is not read from a file."""

    @property
    def writer(self) -> str:
        """The id under which it is published."""
        ...

    def changed(self, into: set[bytes]) -> None:
        """Add the identities of series that have changed since this was asked last."""
        ...

    def state(self, identity: bytes, /) -> Metric | None:
        """Give a series as it is now."""
        ...

    def ends(self) -> Mapping[int, End]:
        """Give the ends of series that may not have been folded, by number."""
        ...

    def definitions(self) -> Mapping[str, MetricDefinition]:
        """Give what is said about metrics here, by name."""
        ...


class Limits(Protocol):
    """How many series are kept of writers that are no more, and for how long."""

    def budget_of(self, name: str, /) -> int:
        """Give how many series of a metric."""
        ...

    def now(self) -> float:
        """Give Unix seconds that never go back."""
        ...

    def expiry_of(self, name: str, /) -> float | None:
        """Give the seconds after which a series of a metric ends that nobody records on."""
        ...


class View:
    """Puts together what is published, and folds what is no more.

    One thread at a time. What cannot be written (a full disk) is not folded, and counts all the same as long as its
    slot is there; the ends of series alone are missing until it can be. What cannot be read counts as it was read last.
    Whatever interrupts it, the next time goes on with what was left.
    """

    def __init__(
        self,
        place: Folder,
        mine: Mine,
        limits: Limits,
        gone: Callable[[Metric], object],
        failed: Callable[[OSError], object],
    ) -> None:
        """Make one that has read nothing.

        :param gone: is told the last value of a series that has ended everywhere.
        :param failed: is told why a file could not be read.
        """
        self._place = place
        self._mine = mine
        self._limits = limits
        self._gone = gone
        self._failed = failed
        self._identities = Identities()
        self._damaged = 0
        self._run: Run | None = None
        self._slots: dict[str, Published] = {}
        self._retired = Retired(place, self._identities, limits.budget_of)
        self._combined: dict[bytes, list[Metric]] = {}
        self._changed: set[bytes] = set()
        self._new_ends: list[End] = []
        self._is_sure = False  # whether what is retired was read to its end
        self.definitions: dict[str, MetricDefinition] = {}
        self._mine_learned: dict[str, MetricDefinition] = {}

    @property
    def damaged(self) -> int:
        """Records that were skipped because they could not be read."""
        return self._damaged + self._retired.damaged + sum(each.damaged for each in list(self._slots.values()))

    def metrics(self) -> list[Metric]:
        """Give every series, as it was at the last :meth:`refresh`."""
        return [metric for metrics in list(self._combined.values()) for metric in metrics]

    def ended(self, name: str) -> list[Metric]:
        """Give what series of a metric had counted that have ended, and of no other ones is a part."""
        found: list[Metric] = []
        for identity, place in [*self._retired.ended.items(), *self._ends_to_fold()]:
            series = self._identities.of(identity)
            if series.name == name:
                with suppress(Exception):  # a good check and bad sense: it is counted when it is folded
                    found.append(unpack_state(series, *place))
        return found

    def _ends_to_fold(self) -> list[tuple[bytes, Place]]:
        """Give what will be among those that have ended, or be kept of a writer, as soon as it can be written."""
        living = {self._mine.writer: self._mine.ends(), **{name: part.ends for name, part in self._slots.items()}}
        return [
            (end.identity, end.last)
            for writer, ends in living.items()
            for number, end in ends.items()
            if number >= self._retired.ends_taken(writer) and (end.by_order or self._outlives(end.identity))
        ]

    def ends_taken(self) -> int:
        """Give how many ends of this process's series have been folded."""
        return self._retired.ends_taken(self._mine.writer)

    # -- reading

    def refresh(self, run: Run) -> None:
        """Read what is new, and fold what is no more.

        :raises OSError: if the place cannot be read, or what is to be folded cannot be written.
        """
        self._begin(run)
        try:
            for _ in range(_ATTEMPTS):
                if self._read():
                    break
            else:
                with self._place.gate():
                    self._read()
            if self._is_untidy():
                self.fold()
        finally:
            self._combine()

    def fold(self, ordered: tuple[str, Tags] | None = None) -> int | None:
        """Fold what is no more; give the number of an order.

        :param ordered: a name and tags: what has them is forgotten, here and by every writer.
        :raises OSError: if it cannot be written.
        """
        run, number = self._run, None
        with self._place.gate() as is_open:
            if not is_open or run is None or self._place.run() != run:
                return None
            self._read()
            if not self._is_sure or self._retired.is_foreign:
                return None
            self._learn()
            self._retired.fold(
                run,
                [part for part in self._slots.values() if not part.is_alive and not part.is_foreign],
                {
                    self._mine.writer: self._mine.ends(),
                    **{writer: part.ends for writer, part in self._slots.items() if part.is_alive},
                },
                self.definitions,
                ending=lambda identity, place: (
                    self._has_expired(identity, place) or (ordered is not None and self._is_meant(identity, *ordered))
                ),
            )
            if ordered is not None:
                number = self._place.add_order(*ordered)
            self._read()
        return number

    def _begin(self, run: Run) -> None:
        if run == self._run:
            return
        self.close()
        for part in (self._retired, *self._slots.values()):
            self._damaged += part.damaged
        retired = Retired(self._place, self._identities, self._limits.budget_of)
        self._slots, self._retired, self._combined, self._run = {}, retired, {}, run

    def _read(self) -> bool:
        """Read everything once; tell whether nobody folded meanwhile, so that nothing was missed or read twice."""
        self._is_sure = False
        try:
            self._retired.refresh()
            self._is_sure = True
        except OSError as error:
            self._failed(error)
        folded = self._retired.folded
        paths = {path.stem: path for path in self._place.slots()}
        for writer, part in list(self._slots.items()):
            # One that was removed while its writer lives still counts: there is another one when that publishes next.
            if writer in folded or (writer not in paths and self._is_left(part)):
                self._drop(writer)
        for writer, path in paths.items():
            if writer not in folded and writer != self._mine.writer:
                self._read_slot(writer, path)
        return not self._is_sure or self._retired.is_in_place()

    def _read_slot(self, writer: str, path: Path) -> None:
        part = self._slots.get(writer)
        if part is None:
            part = self._slots[writer] = Published(path, self._identities)
        was_alive = part.is_alive
        try:
            if not part.refresh():
                if self._is_left(part):
                    self._drop(writer)
            elif part.is_alive != was_alive:
                part.changed.update(part.states)
            if part.new_ends:
                self._new_ends += part.new_ends
                part.new_ends.clear()
        except OSError as error:
            self._failed(error)

    def _is_left(self, part: Published) -> bool:
        try:
            return part.is_left
        except OSError as error:
            self._failed(error)
            return True

    def _drop(self, writer: str) -> None:
        part = self._slots[writer]
        self._changed.update(part.states)
        self._damaged += part.damaged
        del self._slots[writer]
        part.close()

    def _is_untidy(self) -> bool:
        if self._retired.is_missing:
            return True
        if any(not part.is_alive and not part.is_foreign for part in self._slots.values()):
            return True
        living = {self._mine.writer: self._mine.ends(), **{name: part.ends for name, part in self._slots.items()}}
        if any(ends and max(ends) >= self._retired.ends_taken(writer) for writer, ends in living.items()):
            return True
        return any(map(self._has_expired, self._retired.states, self._retired.states.values()))

    def _is_meant(self, identity: bytes, name: str, tags: Tags) -> bool:
        series = self._identities.of(identity)
        return series.name == name and series.tags.contains(tags)

    def _has_expired(self, identity: bytes, place: Place) -> bool:
        """Tell whether nobody has recorded on a series for too long that is kept of those that are no more."""
        after = self._limits.expiry_of(self._identities.of(identity).name)
        if after is None or self._limits.now() - timestamp_of(*place) < after:
            return False
        return self._mine.state(identity) is None and not any(identity in part.states for part in self._slots.values())

    # -- definitions

    def _learn(self) -> None:
        """Take in what anybody has newly said about metrics: what one leaves unsaid, another may say."""
        for part in (self._retired, *self._slots.values()):
            for definition in part.said[:]:
                self._refine(definition, part)
            part.said.clear()
        for name, definition in self._mine.definitions().items():
            if self._mine_learned.get(name) is not definition:
                self._refine(definition, None)
                self._mine_learned[name] = definition

    def _refine(self, said: MetricDefinition, part: Published | None) -> None:
        """Add one to what is known. Of two that contradict each other that of this process holds, else the first."""
        known = self.definitions.get(said.name)
        refined = said
        if known is not None:
            try:
                refined = known.refined_by(said)
            except DefinitionConflictError:
                refined = known if part is not None else said
        if refined is not known:
            self.definitions[said.name] = refined
            if known is not None:  # what was combined by another rule
                self._changed.update(each for each in self._combined if self._identities.of(each).name == said.name)

    # -- combining

    def _combine(self) -> None:
        changed = self._changed
        self._mine.changed(changed)
        for part in (self._retired, *self._slots.values()):
            changed.update(part.changed)
            part.changed.clear()
        self._learn()
        parts = [(writer, part) for writer, part in sorted(self._slots.items()) if self._is_of_now(part)]
        for identity in changed:
            self._combine_one(identity, parts)
        changed.clear()  # what interrupts this before finds them here
        self._new_ends.clear()

    def _is_of_now(self, part: Published) -> bool:
        """Tell whether it counts: not what was said before all was cleared, nor another version's."""
        return self._run is not None and part.is_of(self._run.epoch) and not part.is_foreign

    def _combine_one(self, identity: bytes, parts: list[tuple[str, Published]]) -> None:
        mine = self._mine.state(identity)
        said: list[tuple[str, Published]] = []
        if identity in self._retired.states:
            said.append(("", self._retired))
        for writer, part in parts:
            if identity in part.states and (part.is_alive or self._outlives(identity)):
                said.append((writer, part))
        result: list[Metric] = []
        while said or mine is not None:
            try:
                result = self._together(identity, mine, [(writer, part.states[identity]) for writer, part in said])
                break
            except Exception:  # noqa: BLE001 - a good check and bad sense: find out which one
                if not self._spoil(identity, said):
                    result = [] if mine is None else [mine]
                    break
        if result:
            self._combined[identity] = result
            return
        for last in self._combined.pop(identity, ()):
            self._gone(self._latest(identity, last))

    def _latest(self, identity: bytes, shown: Metric) -> Metric:
        """Give the last value of a series that has ended everywhere: what came after it was shown last is in its ends.

        Where it has ended in one process after the other that is what was shown.
        """
        try:
            said = [end.last for end in self._new_ends if end.identity == identity]
            said += [end.last for end in self._mine.ends().values() if end.identity == identity]
            last = unpack_merged(self._identities.of(identity), said) if said else shown
        except Exception:  # noqa: BLE001 - a good check and bad sense
            return shown
        return last if (getattr(last, "count", 0), last.value) > (getattr(shown, "count", 0), shown.value) else shown

    def _outlives(self, identity: bytes) -> bool:
        series = self._identities.of(identity)
        return outlives(series.kind, self.definitions.get(series.name))

    def _together(self, identity: bytes, mine: Metric | None, said: list[tuple[str, Place]]) -> list[Metric]:
        series = self._identities.of(identity)
        definition = self.definitions.get(series.name)
        if definition is None or definition.kind is not series.kind:
            definition = MetricDefinition(series.name, series.kind)
        if said and definition.rule is Combine.SUM and series.kind is not Kind.GAUGE:
            merged = unpack_merged(series, [place for _, place in said])
            return [merged if mine is None else mine.merge(merged)]
        candidates = [] if mine is None else [(self._mine.writer, mine)]
        return combined(definition, candidates + [(writer, unpack_state(series, *place)) for writer, place in said])

    def _spoil(self, identity: bytes, said: list[tuple[str, Published]]) -> bool:
        """Take out what cannot be unpacked; tell whether there was anything."""
        for each in said[:]:
            try:
                unpack_state(self._identities.of(identity), *each[1].states[identity])
            except Exception:  # noqa: BLE001 - it is counted
                each[1].spoil(identity)
                said.remove(each)
                return True
        return False

    # -- ending

    def close(self) -> None:
        """Close all files; they are opened again when they are needed."""
        for part in (self._retired, *self._slots.values()):
            part.close()
