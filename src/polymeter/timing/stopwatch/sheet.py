"""Sheet: all sections of a stopwatch until it is reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from polymeter.timing.stopwatch.section import ROOT, StopwatchSection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.counting import AtomicCount
    from polymeter.timing.stopwatch.parts import Parts

__all__ = ["Sheet"]


@final
class Sheet:
    """The root, the sections that can be opened again, and those that were stopped.

    :param dropped: counts the sections that are no longer kept.
    """

    __slots__ = ("_children", "_dropped", "_parts", "_stopped", "root")

    def __init__(self, parts: Parts, dropped: AtomicCount) -> None:
        self._parts = parts
        self._dropped: Final = dropped
        self.root = StopwatchSection(ROOT, None, parts)
        self._children: dict[tuple[StopwatchSection, str], StopwatchSection] = {}
        self._stopped: dict[str, StopwatchSection] = {ROOT: self.root}

    @property
    def stopped(self) -> dict[str, StopwatchSection]:
        """A copy of id -> section: the root, and each section that has been stopped."""
        return self._stopped.copy()

    def child(self, parent: StopwatchSection, identity: str) -> StopwatchSection | None:
        """Give the section of that id in ``parent``."""
        return self._children.get((parent, identity))

    def children(self, parent: StopwatchSection) -> list[str]:
        """Give the ids of the sections in ``parent``."""
        return [identity for above, identity in self._children.copy() if above is parent]

    def unnamed(self, parent: StopwatchSection) -> StopwatchSection:
        """Give a new section that gets its id when it is stopped."""
        return StopwatchSection(None, parent, self._parts)

    def child_or_new(self, parent: StopwatchSection, identity: str) -> StopwatchSection:
        """Give the section of that id in ``parent``; if there is none yet, a new one."""
        found = self._children.get((parent, identity))
        if found is None:
            made = StopwatchSection(identity, parent, self._parts)
            found = self._children.setdefault((parent, identity), made)
            self._keep_the_newest()
        return found

    def stop(self, section: StopwatchSection, parent: StopwatchSection, identity: str) -> None:
        """Keep a section under the id that it has now."""
        before = section.id
        if before not in {None, identity}:
            if self._children.get((parent, str(before))) is section:
                self._children.pop((parent, str(before)), None)
            if self._stopped.get(str(before)) is section:
                self._stopped.pop(str(before), None)
        section.id = identity
        replaced = self._children.get((parent, identity))
        self._children[parent, identity] = section
        self._stopped[identity] = section
        if replaced is not None and replaced is not section:
            self._dropped.add()
        self._keep_the_newest()

    def in_order(self, here: StopwatchSection) -> Iterator[StopwatchSection]:
        """Give all sections: each after the one that it is in, else in the order in which they came.

        :param here: one that is open, and need not be known yet.
        """
        below: dict[StopwatchSection | None, list[StopwatchSection]] = {}
        seen: set[StopwatchSection] = set()
        for section in [self.root, *self._children.copy().values(), *self._stopped.copy().values(), here]:
            above: StopwatchSection | None = section
            while above is not None and above not in seen:  # one that fell out may have others in it that did not
                seen.add(above)
                below.setdefault(above.parent, []).append(above)
                above = above.parent
        waiting = [self.root]
        while waiting:
            section = waiting.pop()
            yield section
            waiting += sorted(below.get(section, ()), key=_origin_of, reverse=True)

    def _keep_the_newest(self) -> None:
        while len(self._children) > self._parts.limits.sections:
            kept = list(self._children.items())
            key, section = next((each for each in kept if not each[1].is_open), kept[0])
            if self._children.pop(key, None) is None:  # somebody else was faster
                continue
            if self._stopped.get(key[1]) is section:
                self._stopped.pop(key[1], None)
            self._dropped.add()


def _origin_of(section: StopwatchSection) -> float:
    return section.monotonic_origin
