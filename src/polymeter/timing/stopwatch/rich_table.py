"""The same table for a terminal that has colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.timing.stopwatch.rows import COLUMNS, TEXTS

if TYPE_CHECKING:
    from rich.table import Table

    from polymeter.timing.stopwatch.rows import Row

__all__ = ["rich_table"]


def rich_table(rows: list[Row]) -> Table:
    """Give a table of rich. What users named is text, never markup.

    :raises ImportError: where rich is not installed.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
    shown = [place for place, column in enumerate(COLUMNS) if column in TEXTS or any(row[place] for row in rows)]
    for place in shown:
        column = COLUMNS[place]
        table.add_column(
            column,
            justify="left" if column in TEXTS else "right",
            style={"section": "cyan", "category": "dim", "duration": "bold"}.get(column),
            no_wrap=column not in {"section", "event"},
            overflow="fold",
        )
    before = None
    for row in rows:
        if before not in {None, row.section}:
            table.add_section()
        table.add_row(*[Text("" if place == 0 and before == row.section else row[place]) for place in shown])
        before = row.section
    return table
