"""View: what all writers have counted, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.fold import combined
from polymeter.data.kind import Kind
from polymeter.data.packing import timestamp_of, unpack_merged, unpack_state
from polymeter.registries.shared.reading import Identities, Published
from polymeter.registries.shared.retired import Retired, outlives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    slot is there; the ends of series alone are missing until it can be.
    """

    def __init__(self, place: Folder, mine: Mine, limits: Limits, gone: Callable[[Metric], object]) -> None:
        """:param gone: is told the last value of a series that has ended everywhere."""
        self._place = place
        self._mine = mine
        self._limits = limits
        self._gone = gone
        self._identities = Identities()
        self._damaged = 0
        self._run: Run | None = None
        self._slots: dict[str, Published] = {}
        self._retired = Retired(place, self._identities, limits.budget_of)
        self._combined: dict[bytes, list[Metric]] = {}
        self._changed: set[bytes] = set()
        self.definitions: dict[str, MetricDefinition] = {}

    @property
    def damaged(self) -> int:
        """Records that were skipped because they could not be read."""
        return self._damaged + self._retired.damaged + sum(each.damaged for each in self._slots.values())

    def metrics(self) -> list[Metric]:
        """Give every series, as it was at the last :meth:`refresh`."""
        return [metric for metrics in self._combined.values() for metric in metrics]

    def ended(self, name: str) -> list[Metric]:
        """Give what series of a metric had counted that have ended everywhere."""
        ended = ((self._identities.of(identity), place) for identity, place in self._retired.ended.items())
        return [unpack_state(series, *place) for series, place in ended if series.name == name]

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
            self._retired.fold(
                run,
                [part for part in self._slots.values() if not part.is_alive],
                {
                    self._mine.writer: self._mine.ends(),
                    **{writer: part.ends for writer, part in self._slots.items() if part.is_alive},
                },
                self._mine.definitions(),
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
        self._run = run
        self.close()
        self._slots = {}
        self._retired = Retired(self._place, self._identities, self._limits.budget_of)
        self._combined = {}

    def _read(self) -> bool:
        """Read everything once; tell whether nobody folded meanwhile, so that nothing was missed or read twice."""
        self._retired.refresh()
        folded = self._retired.folded
        paths = {path.stem: path for path in self._place.slots()}
        for writer in [writer for writer in self._slots if writer not in paths or writer in folded]:
            self._drop(writer)
        for writer, path in paths.items():
            if writer in folded or writer == self._mine.writer:
                continue
            part = self._slots.get(writer)
            if part is None:
                part = self._slots[writer] = Published(path, self._identities)
            was_alive = part.is_alive
            if not part.refresh():
                self._drop(writer)
            elif part.is_alive != was_alive:
                part.changed.update(part.states)
        return self._retired.is_in_place()

    def _drop(self, writer: str) -> None:
        part = self._slots.pop(writer)
        self._retired.changed |= part.states.keys()
        self._damaged += part.damaged
        part.close()

    def _is_untidy(self) -> bool:
        if any(not part.is_alive for part in self._slots.values()):
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

    # -- combining

    def _combine(self) -> None:
        changed = self._changed
        self._mine.changed(changed)
        for part in (self._retired, *self._slots.values()):
            changed |= part.changed
            part.changed.clear()
            for name, definition in part.definitions.items():
                self.definitions.setdefault(name, definition)
        self.definitions.update(self._mine.definitions())
        parts = [(writer, part) for writer, part in sorted(self._slots.items()) if self._is_of_now(part)]
        for identity in changed:
            self._combine_one(identity, parts)
        changed.clear()  # what interrupts this before finds them here

    def _is_of_now(self, part: Published) -> bool:
        return self._run is not None and part.header.get("epoch") == self._run.epoch

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
                    break
        if result:
            self._combined[identity] = result
            return
        for last in self._combined.pop(identity, ()):
            self._gone(last)

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
