"""ByName: records that were made by name and wait together, each with its series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from polymeter.registries.drain import InHand, WorkedOut
    from polymeter.registries.series import Series

__all__ = ["ByName"]

_MANY: Final = 32


class ByName:
    """One buffer for many series: most series of a registry have few records at a time.

    :ivar records: series and value of each.
    """

    __slots__ = ("records",)

    def __init__(self) -> None:
        self.records: list[tuple[Any, Any]] = []

    def work_out(self) -> WorkedOut:
        """Say which batches the records of now make: one for each series."""
        records = self.records[:]
        by_series: dict[Series[Any], list[Any]] = {}
        for series, value in records:
            if series in by_series:
                by_series[series].append(value)
            else:
                by_series[series] = [value]
        in_hand: list[InHand] = []
        for series, values in by_series.items():
            if len(values) >= _MANY:  # from now on they wait with the series, which costs room but less time
                series.own_list()
            in_hand.append((series, values, False))
        return in_hand, self.records, slice(len(records))
