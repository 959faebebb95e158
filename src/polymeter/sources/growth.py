"""Growth: what a total has grown by since it was told last, for each dispatcher."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import ref

from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Growth", "Told"]

TotalT = TypeVar("TotalT")


class Told(Generic[TotalT]):
    """What one dispatcher was told last.

    :ivar last: the totals; ``None`` the first time. Who tells new ones puts them here.
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: TotalT | None = None


class Growth(Generic[TotalT]):
    """Remembers what was told, by dispatcher, until the dispatcher goes.

    One for all sources of a kind, so that several of them do not tell the same growth twice. There is no lock: whoever
    tells takes what was told out of its place, by one call into C, and puts it back when done. Somebody else who comes
    meanwhile finds the place empty and has nothing to tell.
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[object, list[Told[TotalT]]]] = {}
        after_fork(self)

    @contextmanager
    def told(self, events: object) -> Generator[Told[TotalT] | None]:
        """Give what ``events`` was told last, for this one to change; ``None`` while another thread is telling it."""
        place = self._place_of(events)
        try:
            told = place.pop()
        except IndexError:
            yield None
            return
        try:
            yield told
        finally:
            place.append(told)

    def _place_of(self, events: object) -> list[Told[TotalT]]:
        key = id(events)
        known = self._places.get(key)
        if known is None:
            known = self._places.setdefault(key, (self._reference(events, key), [Told()]))
        return known[1]

    def _reference(self, events: object, key: int) -> object:
        """Give what keeps ``key`` from meaning another object."""
        places: Final = self._places
        try:
            return ref(events, lambda _: places.pop(key, None))
        except TypeError:  # it takes no weak references
            return events

    def after_fork_in_child(self) -> None:
        """Begin anew: what the parent told, it told of itself. Who was telling meanwhile is not there any more."""
        self._places = {}
