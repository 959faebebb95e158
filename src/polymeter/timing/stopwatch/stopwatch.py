"""Stopwatch: measure by name, in sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.counting import AtomicCount
from polymeter.errors import DefinitionError
from polymeter.timing.naming import checked_name
from polymeter.timing.stopwatch.blocks import Measured, Sectioned
from polymeter.timing.stopwatch.book import Book
from polymeter.timing.stopwatch.errors import StopwatchError
from polymeter.timing.stopwatch.memory import memory_reader
from polymeter.timing.stopwatch.openings import Opening, innermost, own_innermost
from polymeter.timing.stopwatch.parts import Limits, Parts
from polymeter.timing.stopwatch.reporting import Reporting
from polymeter.timing.stopwatch.section import ROOT, StopwatchSection
from polymeter.timing.stopwatch.sheet import Sheet
from polymeter.timing.stopwatch.strand import current_strand
from polymeter.timing.stopwatch.telling import Telling
from polymeter.timing.stopwatch.words import listed
from polymeter.timing.target import target_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from polymeter.contracts import CanDispatchEvents
    from polymeter.timing.stopwatch.event import StopwatchEvent
    from polymeter.timing.stopwatch.memory import ReadsMemory

__all__ = ["Stopwatch"]


@final
class Stopwatch(Reporting):
    """Measures what is between ``start(name)`` and ``stop(name)``, and keeps it.

    ::

        stopwatch = Stopwatch()
        with stopwatch.section("request"), stopwatch.measure("load", category="db"):
            ...
        print(stopwatch)

    All calls act on the innermost section that is open in this thread or task; a new task begins in the one that its
    parent was in. Starts of a name nest, in each thread and task by itself. What is measured is kept together.

    Any thread, signal handler or finaliser may use it; none waits for another to start or stop.

    :param more_precision: read times as ``float``, rounded to 0.1 ms; else whole milliseconds, as ``int``.
    :param memory: what the memory of a period is: ``"process"`` (what is in RAM of it; by ``/proc``, else by ``psutil``
        if that is installed), ``"tracemalloc"`` (what Python has allocated, if that is traced), a callable that gives
        bytes, or ``None``: not asked for.
    :param events: who is told of each period that ends; ``None``: the dispatcher that is current then.
    :param clock: ``None``: that of ``events``, else the system's.
    :param max_periods: that are kept; then the oldest fall out, and are counted: ``event.dropped``.
    :param max_events: that a section has; further names are measured together, as ``__other__``.
    :param max_sections: that are kept; then the oldest that is not open falls out: ``dropped_sections``.
    :raises DefinitionError: for what cannot work.
    """

    ROOT: ClassVar[str] = ROOT
    """Id of the section that is around all others."""

    __slots__ = ("__weakref__", "_dropped", "_parts", "_sheet")

    def __init__(
        self,
        *,
        more_precision: bool = False,
        memory: Literal["process", "tracemalloc"] | ReadsMemory | None = "process",
        events: CanDispatchEvents | None = None,
        clock: Clock | None = None,
        max_periods: int = 10_000,
        max_events: int = 500,
        max_sections: int = 200,
    ) -> None:
        target_of(events, clock, "Stopwatch")  # is refused where they are none
        own = getattr(events, "clock", None) if clock is None else clock
        used = own if isinstance(own, Clock) else SYSTEM_CLOCK
        limits = Limits(
            _checked("max_periods", max_periods),
            _checked("max_events", max_events),
            _checked("max_sections", max_sections),
        )
        self._parts = Parts(
            used, memory_reader(memory), Telling(events, used), limits, bool(more_precision), Book(limits.periods)
        )
        self._dropped = AtomicCount()
        self._sheet = Sheet(self._parts, self._dropped)

    def start(self, name: str, category: str | None = None) -> StopwatchEvent:
        """Begin a period; one that runs already begins another one inside it.

        :param category: of an event that is new; ``None``: ``default``.
        :raises DefinitionError: for what is no name, or no category.
        """
        return self._here().start(name, category)

    def stop(self, name: str) -> StopwatchEvent:
        """End the period that this thread or task began last under a name.

        :raises StopwatchError: if there is none; the message says what is.
        """
        return self._here().event(name, "stop").stop()

    def lap(self, name: str) -> StopwatchEvent:
        """End a period and begin the next.

        :raises StopwatchError: if there is none; the message says what is.
        """
        return self._here().event(name, "lap").lap()

    def restart(self, name: str, category: str | None = None) -> StopwatchEvent:
        """Forget the periods of an event, and begin one: ``start`` adds to those that are there.

        What other threads and tasks have started of it goes on.

        :param category: ``None``: the one that it has.
        :raises DefinitionError: for what is no name, or no category.
        """
        return self._here().restart(name, category)

    def is_started(self, name: str) -> bool:
        """Tell whether this thread or task has started an event, and not stopped it. An unknown one is not."""
        return self._here().is_started(name)

    def event(self, name: str) -> StopwatchEvent:
        """Give what is measured under a name.

        :raises StopwatchError: if the section has no such event; the message says what it has.
        """
        return self._here().event(name, "event")

    def measure(self, name: str, category: str | None = None) -> AbstractContextManager[StopwatchEvent, None]:
        """Give a block that is a period: ``with stopwatch.measure("load"):``. It may be entered again and again.

        It ends what it began, whatever is started and stopped in it, and in whatever thread or task it is left.

        :raises DefinitionError: for what is no name, or no category.
        """
        checked_name(name, "measure")
        if category is not None:
            checked_name(category, "category")
        return Measured(lambda: self._here().at(name, category))

    def section(self, id: str) -> AbstractContextManager[StopwatchSection, None]:  # noqa: A002 - as stop_section has it
        """Give a block that is a section: ``with stopwatch.section("request"):``.

        It opens the section of that id in the innermost one; if there is none yet, a new one. Sections that were opened
        by hand inside of it end with it.

        :raises DefinitionError: for what is no id.
        """
        return Sectioned(lambda: self._sheet, id)

    def open_section(self, id: str | None = None) -> StopwatchSection:  # noqa: A002 - as stop_section has it
        """Open a section in the innermost one: events go there until :meth:`stop_section`.

        :param id: of one that has been stopped, to go on with it; ``None``: a new one, which gets its id when stopped.
        :raises StopwatchError: if the innermost section has had no such section in it.
        """
        sheet = self._sheet
        parent = self._here()
        section = sheet.unnamed(parent) if id is None else sheet.child(parent, id)
        if section is None:
            there = sheet.children(parent)
            message = (
                f"open_section({id!r}): section {parent.id!r} has none of that id, it has {listed(there)}; "
                f"begin it by open_section() and stop_section({id!r}), or by `with stopwatch.section({id!r}):`"
            )
            raise StopwatchError(message)
        Opening(sheet.root, section, parent)
        return section

    def stop_section(self, id: str) -> StopwatchSection:  # noqa: A002 - the word of its errors and attributes
        """End the section that this thread or task opened last, and give it its id.

        :raises StopwatchError: if it has opened none.
        :raises DefinitionError: for what is no id.
        """
        checked_name(id, "stop_section")
        sheet = self._sheet
        opening = own_innermost(sheet.root)
        if opening is None:
            around = innermost(sheet.root)
            here = current_strand().name
            message = f"stop_section({id!r}): no section is open that {here} has opened" + (
                "" if around is None else f"; section {around.section.id!r} was opened by {around.strand.name}"
            )
            raise StopwatchError(message)
        sheet.stop(opening.section, opening.parent, id)
        opening.close()
        return opening.section

    @property
    def sections(self) -> dict[str, StopwatchSection]:
        """Id -> section: the root, and each that has been stopped."""
        return self._sheet.stopped

    def section_events(self, id: str) -> dict[str, StopwatchEvent]:  # noqa: A002 - as stop_section has it
        """Give name -> event of a section that has been stopped, or of the root; empty if there is none of that id."""
        section = self._sheet.stopped.get(id)
        return {} if section is None else section.events

    @property
    def root_section_events(self) -> dict[str, StopwatchEvent]:
        """Name -> event, of what was measured outside of all sections."""
        return self._sheet.root.events

    @property
    def dropped_sections(self) -> int:
        """How many sections are no longer kept, because there were too many or another one got their id."""
        return self._dropped.value

    def reset(self) -> None:
        """Forget everything, and begin anew in the root; a block that is open now ends without a trace here."""
        self._parts = self._parts.anew()
        self._dropped = AtomicCount()
        self._sheet = Sheet(self._parts, self._dropped)

    def _shown(self) -> list[StopwatchSection]:
        return list(self._sheet.in_order(self._here()))

    def _here(self) -> StopwatchSection:
        root = self._sheet.root
        opening = innermost(root)
        return root if opening is None else opening.section


def _checked(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    message = f"Stopwatch: {name}={value!r}; use an int above 0"
    raise DefinitionError(message)
