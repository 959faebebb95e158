"""Immediate: rows for registries that take one record at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from polymeter.contracts import CanKeepTime, CanTakeRows
from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanRecord, CanStoreMetrics, Rows
    from polymeter.data.layout import Column, RowLayout

__all__ = ["rows_of"]

_MOST_KEYS: Final = 10_000  # tags that are remembered with their recorders; the registry itself bounds the series


def rows_of(registry: CanStoreMetrics, layout: RowLayout) -> Rows:
    """Give where rows of ``layout`` go: the registry's own buffer, or one that records each row as it comes."""
    return registry.rows(layout) if isinstance(registry, CanTakeRows) else _Immediate(registry, layout)


class _Immediate:
    """Takes a row apart and records each value by itself."""

    def __init__(self, registry: CanStoreMetrics, layout: RowLayout) -> None:
        self.limit = 1
        self.waiting = ()
        self._registry = registry
        self._layout = layout
        self._known: dict[Any, list[Callable[[Any, Any], object] | None]] = {}

    def append(self, row: tuple[Any, ...]) -> None:
        """Record what a row says. Tags that no registry takes are counted by it."""
        try:
            recorders = self._known[row[0]]
        except Exception:  # noqa: BLE001 - not seen before, or nothing that a dict can hold
            recorders = self._new(row[0])
        at = row[-2] if self._layout.is_timed else None
        for number, column in enumerate(self._layout.columns):
            value = 1 if column.place is None else row[column.place]
            if value is None:
                continue
            recorder = recorders[number]
            if recorder is None:
                recorder = recorders[number] = _recorder(self._registry, column, self._layout.tags_of(row[0]))
            recorder(value, at)

    def _new(self, key: Any) -> list[Callable[[Any, Any], object] | None]:
        recorders: list[Callable[[Any, Any], object] | None] = [None] * len(self._layout.columns)
        if len(self._known) >= _MOST_KEYS:
            self._known.clear()
        with suppress(Exception):  # else it is found anew each time, and refused by the registry
            self._known[key] = recorders
        return recorders

    def drain(self) -> None:
        """Do nothing: nothing waits."""

    def now(self) -> None:
        """Leave it to the registry to say what time it is."""

    def next_sequence(self) -> int:
        """Give no order: each row is recorded as it comes."""
        return 0


def _recorder(registry: CanStoreMetrics, column: Column, tags: dict[str, Any]) -> Callable[[Any, Any], object]:
    """Give what takes a value and its time."""
    if isinstance(registry, CanKeepTime):
        return registry.recorder_at(column.kind, column.name, tags)
    series: CanRecord = registry.bind(column.kind, column.name, tags)
    if column.kind is Kind.GAUGE:
        return lambda value, at: series.set(value, at=at)
    record = series.record if column.kind.is_distribution else series.add
    return lambda value, _at: record(value)
