"""StopwatchSection: events that belong together, and count their times from one origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from polymeter.timing.naming import checked_name
from polymeter.timing.stopwatch.errors import StopwatchError
from polymeter.timing.stopwatch.event import CHILD, DEFAULT_CATEGORY, StopwatchEvent
from polymeter.timing.stopwatch.words import listed

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.parts import Parts

__all__ = ["OTHER", "OWN", "OWN_CATEGORY", "ROOT", "StopwatchSection"]

ROOT: Final = "__root__"
OTHER: Final = "__other__"
"""The event of all names that came when there were too many."""

OWN: Final = "__section__"
"""The event that measures how long a section is open; in the section around it that is :data:`CHILD`."""
OWN_CATEGORY: Final = "section"


@final
class StopwatchSection:
    """Events by name. The origin of its times is when it was opened first; that of the root when its first event began.

    :ivar id: what it is called; ``None`` until it is stopped for the first time, if it was opened without.
    :ivar parent: the section that it was opened in; ``None``: it is the root.
    """

    __slots__ = ("__weakref__", "_events", "_origin", "_parts", "id", "parent")

    def __init__(self, identity: str | None, parent: StopwatchSection | None, parts: Parts) -> None:
        self.id = identity
        self.parent = parent
        self._parts = parts
        self._events: dict[str, StopwatchEvent] = {}
        self._origin: dict[None, tuple[float, float]] = {}  # setdefault is one call into C
        if parent is not None:
            self._fix_origin()

    @property
    def events(self) -> dict[str, StopwatchEvent]:
        """A copy of name -> event, in the order of their first starts; with those that measure sections."""
        return self._events.copy()

    @property
    def origin(self) -> float:
        """Unix time in milliseconds that times count from, rounded to 0.1 ms; 0 as long as nothing has begun."""
        return round(self._origin.get(None, (0.0, 0.0))[1] * 1000, 1)

    @property
    def is_open(self) -> bool:
        """Whether a thread or task has it open; the root always is."""
        own = self._events.get(OWN)
        return self.parent is None or (own is not None and own.running > 0)

    @property
    def path(self) -> tuple[str, ...]:
        """Ids from the outermost section inside the root to this one."""
        above = () if self.parent is None else self.parent.path
        return above if self.parent is None else (*above, self.id or "(open)")

    def start(self, name: str, category: str | None) -> StopwatchEvent:
        """Begin a period.

        :raises DefinitionError: for what is no name, or no category.
        """
        self._fix_origin()
        return self._at(name, category).start()

    def at(self, name: str, category: str | None) -> StopwatchEvent:
        """Give the event to measure ``name`` with; that of all other names if there are too many.

        :raises DefinitionError: for what is no name, or no category.
        """
        self._fix_origin()
        return self._at(name, category)

    def restart(self, name: str, category: str | None) -> StopwatchEvent:
        """Forget the periods of an event, and begin one.

        :raises DefinitionError: for what is no name, or no category.
        """
        event = self.at(name, category)
        event.clear(category)
        return event.start()

    def event(self, name: str, verb: str) -> StopwatchEvent:
        """Give an event that is there.

        :param verb: what is wanted of it, for the error.
        :raises StopwatchError: if it is not.
        """
        found = self._events.get(name) or self._events.get(OTHER)  # there only once there were too many names
        if found is None:
            message = (
                f"{verb}({name!r}): there is no such event in section {self.id!r}, which is the innermost one here; "
                f"it has {listed(self._names())}{self._elsewhere(name)}"
            )
            raise StopwatchError(message)
        return found

    def is_started(self, name: str) -> bool:
        """Tell whether this thread or task has started an event, and not stopped it."""
        found = self._events.get(name) or self._events.get(OTHER)
        return found is not None and found.is_started

    def own(self, name: str) -> StopwatchEvent:
        """Give one of the two events that measure sections."""
        self._fix_origin()
        return self._made(name, OWN_CATEGORY)

    def started_here(self) -> list[str]:
        """Give the names that this thread or task has started."""
        return [name for name, event in self.events.items() if event.is_started and name not in {OWN, CHILD}]

    def milliseconds_of(self, reading: float) -> float:
        """Give milliseconds from the origin to a reading of the monotonic clock."""
        return (reading - self.monotonic_origin) * 1000.0

    @property
    def monotonic_origin(self) -> float:
        """Reading of the monotonic clock that times count from."""
        origin = self._origin.get(None)
        return 0.0 if origin is None else origin[0]

    @property
    def has_begun(self) -> bool:
        """Whether anything was ever started in it."""
        return bool(self._origin)

    def _fix_origin(self) -> None:
        if not self._origin:
            clock = self._parts.clock
            self._origin.setdefault(None, (clock.monotonic(), clock.wall()))

    def _at(self, name: str, category: str | None) -> StopwatchEvent:
        found = self._events.get(checked_name(name, "start"))
        if found is not None:
            return found
        if category is not None:
            checked_name(category, "category")
        if len(self._events) >= self._parts.limits.events:
            return self._made(OTHER, DEFAULT_CATEGORY)
        return self._made(name, category or DEFAULT_CATEGORY)

    def _made(self, name: str, category: str) -> StopwatchEvent:
        found = self._events.get(name)
        return found or self._events.setdefault(name, StopwatchEvent(name, category, self, self._parts))

    def _names(self) -> list[str]:
        return [name for name in self.events if name not in {OWN, CHILD}]

    def _elsewhere(self, name: str) -> str:
        section = self.parent
        while section is not None:
            if name in section.events:
                return f"; section {section.id!r} around it has one of that name"
            section = section.parent
        return ""

    def __repr__(self) -> str:
        return f"<StopwatchSection {self.id!r}: {len(self._events)} events>"
