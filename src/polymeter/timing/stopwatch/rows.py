"""Rows: a stopwatch as a table, one line per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.timing.stopwatch.event import CHILD
from polymeter.timing.stopwatch.section import ROOT
from polymeter.timing.stopwatch.words import mebibytes, milliseconds, printable

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.event import StopwatchEvent
    from polymeter.timing.stopwatch.section import StopwatchSection

__all__ = ["COLUMNS", "TEXTS", "Row", "plain", "rows_of"]

COLUMNS: Final = ("section", "event", "category", "periods", "duration", "memory")
TEXTS: Final = frozenset({"section", "event", "category"})
"""The columns that begin at the left."""


class Row(NamedTuple):
    """One event, as texts that can be printed."""

    section: str
    event: str
    category: str
    periods: str
    duration: str
    memory: str


def rows_of(sections: list[StopwatchSection]) -> list[Row]:
    """Give the events of all sections."""
    return [
        Row(
            printable(" / ".join(section.path) or ROOT),
            printable(name),
            printable(event.category),
            _periods(event),
            milliseconds(event.duration),
            mebibytes(event.memory),
        )
        for section in sections
        for name, event in section.events.items()
        if name != CHILD
    ]


def plain(rows: list[Row]) -> str:
    """Give an aligned table; columns that nothing is in are left out, and a section is named once."""
    if not rows:
        return "nothing measured"
    shown = [row for row in range(len(COLUMNS)) if any(each[row] for each in rows)]
    lines = [COLUMNS, *_named_once(rows)]
    widths = {column: max(len(line[column]) for line in lines) for column in shown}
    return "\n".join(
        "  ".join(
            line[column].ljust(widths[column]) if COLUMNS[column] in TEXTS else line[column].rjust(widths[column])
            for column in shown
        ).rstrip()
        for line in lines
    )


def _named_once(rows: list[Row]) -> list[Row]:
    before = ["", *[row.section for row in rows]]
    return [row._replace(section="") if row.section == last else row for row, last in zip(rows, before, strict=False)]


def _periods(event: StopwatchEvent) -> str:
    running = event.running
    return f"{event.count} + {running} running" if running else str(event.count)
