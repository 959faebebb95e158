"""What ``with stopwatch.measure(...)`` and ``with stopwatch.section(...)`` enter and leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, final

from polymeter.timing.naming import checked_name
from polymeter.timing.stopwatch.openings import Opening, innermost, opened_inside
from polymeter.timing.stopwatch.strand import current_strand

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from polymeter.timing.stopwatch.event import StopwatchEvent
    from polymeter.timing.stopwatch.section import StopwatchSection
    from polymeter.timing.stopwatch.sheet import Sheet

__all__ = ["Measured", "Sectioned"]

_EntryT = TypeVar("_EntryT", "_Entry", "_Inside")


@final
class Measured:
    """A block that is one period. Entered any number of times, by many threads and tasks at once, and inside itself.

    :param find: gives the event to measure with, here and now.
    """

    __slots__ = ("_entered", "_find")

    def __init__(self, find: Callable[[], StopwatchEvent]) -> None:
        self._find = find
        self._entered: list[_Entry] = []

    def __enter__(self) -> StopwatchEvent:
        event = self._find()
        entry = _Entry(event)
        self._entered.append(entry)
        return event.begin(entry)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        entry = _left(self._entered)
        if entry is not None:
            entry.event.end(entry)


@final
class Sectioned:
    """A block that is a section. Entered any number of times, by many threads and tasks at once, and inside itself.

    :param find: gives all sections, here and now.
    :param identity: id of the section.
    """

    __slots__ = ("_entered", "_find", "_identity")

    def __init__(self, find: Callable[[], Sheet], identity: str) -> None:
        self._find = find
        self._identity = checked_name(identity, "section")
        self._entered: list[_Inside] = []

    def __enter__(self) -> StopwatchSection:
        sheet = self._find()
        around = innermost(sheet.root)
        parent = sheet.root if around is None else around.section
        section = sheet.child_or_new(parent, self._identity)
        self._entered.append(_Inside(sheet, Opening(sheet.root, section, parent, self)))
        return section

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        inside = _left(self._entered)
        if inside is None:
            return
        for each in opened_inside(inside.opening):  # by hand, and an exception came before their stop
            each.close()
        opening = inside.opening
        inside.sheet.stop(opening.section, opening.parent, opening.section.id or self._identity)
        opening.close()


class _Entry:
    __slots__ = ("event", "strand")

    def __init__(self, event: StopwatchEvent) -> None:
        self.event = event
        self.strand = current_strand()


class _Inside:
    __slots__ = ("opening", "sheet", "strand")

    def __init__(self, sheet: Sheet, opening: Opening) -> None:
        self.sheet = sheet
        self.opening = opening
        self.strand = opening.strand


def _left(entered: list[_EntryT]) -> _EntryT | None:
    """Take out the entry that is left now: the innermost of this thread or task.

    A generator that is entered in one context and closed in another, as event loops do, leaves the newest one.
    """
    strand = current_strand()
    newest_first = entered[::-1]
    for entry in sorted(newest_first, key=lambda each: each.strand is not strand):  # which keeps that order
        try:
            entered.remove(entry)
        except ValueError:  # somebody else was faster
            continue
        return entry
    return None
