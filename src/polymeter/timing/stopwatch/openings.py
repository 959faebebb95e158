"""Which sections are open here: in this thread or task, and what it has from the one that started it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, final

from polymeter.timing.stopwatch.event import CHILD
from polymeter.timing.stopwatch.section import OWN
from polymeter.timing.stopwatch.strand import current_strand

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.section import StopwatchSection

__all__ = ["Opening", "innermost", "opened_inside", "own_innermost"]

# Of all stopwatches, the innermost last. One tuple, never changed: a child task has a copy of the context.
_openings: Final[ContextVar[tuple[Opening, ...]]] = ContextVar("polymeter_stopwatch_sections", default=())


@final
class Opening:
    """One time that a section is open.

    :param root: root of the stopwatch, as long as that is not reset.
    :param opener: the block that closes it; ``None``: it is closed by hand.
    """

    __slots__ = ("_open", "opener", "parent", "root", "section", "strand")

    def __init__(
        self, root: StopwatchSection, section: StopwatchSection, parent: StopwatchSection, opener: object = None
    ) -> None:
        self.root = root
        self.section = section
        self.parent = parent
        self.opener = opener
        self.strand = current_strand()
        self._open = [True]  # pop() is one call into C: of several callers one gets the item
        kept = [each for each in _openings.get() if each.is_open or each.strand is not self.strand]
        _openings.set((*kept, self))
        parent.own(CHILD).begin(self)
        section.own(OWN).begin(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return bool(self._open)

    def close(self) -> bool:
        """End it, if it has not ended; tell whether this did. Never raises."""
        try:
            self._open.pop()
        except IndexError:
            return False
        opened = _openings.get()
        if self in opened:
            _openings.set(tuple([each for each in opened if each is not self]))
        self.section.own(OWN).end(self)
        self.parent.own(CHILD).end(self)
        return True


def innermost(root: StopwatchSection) -> Opening | None:
    """Give the innermost section that is open here, or was when this task was started; ``None``: the root."""
    for opening in reversed(_openings.get()):
        # What a parent closes meanwhile stays the section of its children: what they started there they stop there.
        if opening.root is root and (opening.is_open or opening.strand is not current_strand()):
            return opening
    return None


def own_innermost(root: StopwatchSection) -> Opening | None:
    """Give the innermost section that this thread or task has opened itself."""
    found = innermost(root)
    return found if found is not None and found.strand is current_strand() else None


def opened_inside(opening: Opening) -> list[Opening]:
    """Give what this thread or task has opened by hand in a section and not closed, the innermost first."""
    opened = _openings.get()
    if opening not in opened:
        return []
    inside = opened[opened.index(opening) + 1 :]
    return [
        each
        for each in reversed(inside)
        if each.root is opening.root and each.opener is None and each.is_open and each.strand is opening.strand
    ]
