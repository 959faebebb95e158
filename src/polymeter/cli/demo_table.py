"""The demo's tables: pure rendering of readings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from polymeter.cli.demo_calls import MODELS
from polymeter.cli.demo_metrics import OUTCOMES, errors_in, reading_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from polymeter.cli.demo_metrics import Reading
    from polymeter.cli.demo_sums import Sum
    from polymeter.data import Distribution, Snapshot

__all__ = ["calls_table", "errors_table", "live_view", "progress_line", "sums_table"]

_ROWS_WITH_ERRORS: Final = 31
"""Lines that a terminal needs to show everything at once."""
_STYLES: Final = {"ok": "green", "error": "red", "cancelled": "yellow", "abandoned": "magenta"}


def calls_table(snapshot: Snapshot) -> Table:
    """Show calls, requests, times and tokens, a column for each model."""
    columns = [reading_of(snapshot, model) for model in MODELS]
    columns.append(reading_of(snapshot))
    table = _table("", *MODELS, "all")

    def row(title: str, cells: Iterable[str], style: str = "") -> None:
        table.add_row(Text(title, style), *(Text(cell, style) for cell in cells))

    row("calls", (_count(it.started) for it in columns), "bold")
    for outcome in OUTCOMES:
        row(f"  {outcome}", [_count(it.outcomes[outcome]) for it in columns], _STYLES[outcome])
    row("  in flight", (_count(it.active) for it in columns))
    row("requests", (_count(it.requests) for it in columns), "bold")
    row("  of them retries", (_count(it.retries) for it in columns))
    row("duration       p50", (_ms(it.duration, 0.5) for it in columns), "bold")
    row("               p99", (_ms(it.duration, 0.99) for it in columns))
    row("first chunk    p50", (_ms(it.first_chunk, 0.5) for it in columns))
    row("tokens in", (_tokens(it, "input", "cache_read", "cache_write") for it in columns), "bold")
    row("  of them cached", (_tokens(it, "cache_read") for it in columns))
    row("tokens out", (_tokens(it, "output", "reasoning") for it in columns), "bold")
    row("  of them reasoning", (_tokens(it, "reasoning") for it in columns))
    return table


def errors_table(snapshot: Snapshot) -> Table:
    """Show what went wrong, a row for each type of error."""
    table = _table("error", "status", "requests failed", "retried", "calls failed")
    for each in errors_in(snapshot):
        statuses = ", ".join(map(str, each.statuses)) or "-"
        table.add_row(each.error_type, statuses, _count(each.requests), _count(each.retried), _count(each.calls))
    return table


def sums_table(sums: list[Sum]) -> Table:
    """Show what the three books say, all models together."""
    books = ("metrics", "load", "server")
    table = _table("what each of them counted", *books)
    together: dict[str, dict[str, int]] = {}
    for each in sums:
        if each.sides.keys() <= set(books):
            numbers = together.setdefault(each.what, {})
            for book, number in each.sides.items():
                numbers[book] = numbers.get(book, 0) + number
    for what, numbers in together.items():
        if any(numbers.values()):
            table.add_row(what, *(_count(numbers[book]) if book in numbers else "" for book in books))
    return table


def progress_line(elapsed: float, seconds: float, below: RenderableType = "") -> RenderableType:
    """Show how much of the time has passed, above something else."""
    line = Table.grid(padding=(0, 2))
    done = min(elapsed, seconds)
    line.add_row(ProgressBar(total=seconds, completed=done, width=40), f"{done:.1f} s of {seconds:g} s")
    return Group(line, below) if below else line


def live_view(snapshot: Snapshot, height: int) -> RenderableType:
    """Show a run that goes on.

    :param height: lines that there are.
    """
    calls = calls_table(snapshot)
    return Group("", calls, "", errors_table(snapshot)) if height >= _ROWS_WITH_ERRORS else Group("", calls)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other, justify="right")
    return table


def _count(number: int) -> str:
    return f"{number:,}"


def _tokens(reading: Reading, *classes: str) -> str:
    return _count(sum(reading.tokens[each] for each in classes))


def _ms(durations: Distribution, quantile: float) -> str:
    seconds = durations.quantile(quantile)
    return "-" if math.isnan(seconds) else f"{seconds * 1000:,.1f} ms"
