"""Rows that are counted on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymeter.contracts import Rows
    from polymeter.data.layout import RowLayout
    from polymeter.testing.conservation.tally import Tally

__all__ = ["CountedRows"]


class CountedRows:
    """Takes rows, counts the records that each of them makes, and passes them on."""

    def __init__(self, rows: Rows, layout: RowLayout, tally: Tally) -> None:
        """Count the records of ``rows`` in ``tally``."""
        self._places = [column.place for column in layout.columns]
        self._tally = tally
        self._append = rows.append
        self.limit = rows.limit
        self.waiting = rows.waiting
        self.drain = rows.drain
        self.now = rows.now
        self.next_sequence = rows.next_sequence

    def append(self, row: tuple[Any, ...]) -> None:
        """Count one record for each value of a row: a column without a place counts rows."""
        records = sum(place is None or row[place] is not None for place in self._places)
        for _ in range(records):
            self._tally.begin()
        self._append(row)
        for _ in range(records):
            self._tally.end()
