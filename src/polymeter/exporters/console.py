"""ConsoleExporter: to a terminal, as a table for humans."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from polymeter.data.histogram import ReadsDistribution
from polymeter.data.snapshot import Snapshot
from polymeter.exporters.appending import TextStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric
    from polymeter.exporters.appending import TextTarget

__all__ = ["ConsoleExporter", "table"]

_COLUMNS: Final = ("metric", "tags", "value", "count", "mean", "p50", "p99", "max", "unit")
_TEXT: Final = frozenset({"metric", "tags", "unit"})
_EXACT: Final = 10**15


class ConsoleExporter:
    """Writes one aligned line per metric, by name and tags; Polymeter's own (``polymeter.*``) come last."""

    def __init__(self, stream: TextTarget | None = None, *, temporality: Temporality = "cumulative") -> None:
        """Make an exporter.

        :param stream: a text stream; default: what ``sys.stdout`` is when exported.
        """
        self.temporality: Temporality = temporality
        self._lines = TextStream(stream)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Write everything in ``snapshot``; nothing if it is empty."""
        if text := table(snapshot):
            self._lines.append(text)


def table(metrics: Iterable[Metric]) -> str:
    """Give ``metrics`` as a table; columns that nothing is in are left out."""
    ordered = sorted(
        Snapshot.of(metrics), key=lambda m: (m.name.startswith("polymeter."), m.name, m.tags.canonical, m.kind)
    )
    if not ordered:
        return ""
    rows = [_cells(metric) for metric in ordered]
    columns = [column for column in _COLUMNS if any(row.get(column) for row in rows)]
    rows.insert(0, {column: column for column in columns})
    widths = {column: max(len(row.get(column, "")) for row in rows) for column in columns}
    lines: list[str] = []
    for row in rows:
        cells = [
            row.get(column, "").ljust(widths[column]) if column in _TEXT else row.get(column, "").rjust(widths[column])
            for column in columns
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _cells(metric: Metric) -> dict[str, str]:
    cells = {"metric": _visible(metric.name), "tags": _visible(str(metric.tags)), "unit": _visible(metric.unit.symbol)}
    if not isinstance(metric, ReadsDistribution):
        return {**cells, "value": _number(metric.value)}
    readings = {
        "mean": metric.mean,
        "p50": metric.quantile(0.5),
        "p99": metric.quantile(0.99),
        "max": metric.max,
    }
    return {**cells, "count": str(metric.count), **{name: _number(value) for name, value in readings.items()}}


def _number(value: float) -> str:
    """Give six digits, and every digit before the point; ``-`` for what is not known."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "-"
    whole = abs(value) < _EXACT and (value.is_integer() or abs(value) >= 10**6)
    return f"{value:.0f}" if whole else f"{value:.6g}"


def _visible(text: str) -> str:
    """Give ``text`` without characters that move the cursor or cannot be seen."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
