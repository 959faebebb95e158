"""How a failure is told: every series and how it changed, near names, events that nobody hears, refused records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from polymeter.data.gauge import Gauge
from polymeter.data.histogram import ReadsDistribution

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.testing.expectations.changes import Change, Changes
    from polymeter.testing.expectations.losses import Losses
    from polymeter.testing.expectations.wanted import Wanted

__all__ = ["failure", "number"]

_NEAR: Final = 0.7
_MOST: Final = 20
"""So many lines of a list; then only how many more there are."""


def failure(complaints: list[tuple[Wanted, str]], changes: Changes, losses: Losses) -> str:
    """Give the whole text: what was expected and found, and what happened meanwhile."""
    parts = ["\n".join(f"{wanted}: expected {wanted.words}; found: {found}" for wanted, found in complaints)]
    shown: set[str] = set()
    for name in dict.fromkeys(wanted.name for wanted, _ in complaints):
        of_name = sorted(changes.of(name), key=lambda each: not each.is_change)
        shown.update(each.metric.name for each in of_name)
        if of_name:
            parts.append(_section(f"{name} ({of_name[0].kind}):", map(series, of_name)))
        elif name not in changes.definitions:
            parts.append(_near(name, changes))
    changed = [each for each in changes.all() if each.is_change]
    others = [each for each in changed if each.metric.name not in shown]
    lines = (f"{each.metric.name}{series(each).removeprefix('{}')}" for each in others)
    parts.append(_section("other metrics that changed:", lines))
    parts.append(_section("events that no collector hears:", losses.unheard()))
    parts.append(_section("records that were refused:", losses.refused()))
    parts.append(_section("listeners that failed:", losses.failed()))
    if not changed and not losses.any():
        parts.append("nothing at all was recorded, dispatched or refused meanwhile")
    return "\n\n".join(filter(None, parts))


def series(change: Change) -> str:
    """Give one series and how it changed: ``{model="x"} 0 -> 2 (+2)``."""
    return f"{{{change.metric.tags}}} {_what_became_of(change)}"


def _what_became_of(change: Change) -> str:
    after = change.after
    if after is None:
        return f"{number(change.metric.value)} -> gone"
    if isinstance(change.since, ReadsDistribution) and isinstance(after, ReadsDistribution):
        return _observations(change, after.count, change.since)
    if not change.is_change:
        return f"{number(after.value)} (no change)"
    before = "none" if change.before is None else number(change.before.value)
    if isinstance(after, Gauge):
        return f"{before} -> {number(after.value)}{' (set again)' if before == number(after.value) else ''}"
    if change.began_anew:
        return f"{before} -> cleared -> {number(after.value)} (+{number(change.added)})"
    sign = "+" if change.added > 0 else ""
    return f"{'0' if change.before is None else before} -> {number(after.value)} ({sign}{number(change.added)})"


def _observations(change: Change, after: int, since: ReadsDistribution) -> str:
    if not change.is_change:
        return f"count {after} (no change)"
    unit = change.metric.unit.symbol
    median = f"{since.quantile(0.5):.3g}"  # a quantile is 0.55 % exact
    figures = f"total {number(since.sum)}, median {median}{f' {unit}' if unit else ''}"
    return f"count {after - since.count} -> {after} (+{since.count}: {figures})"


def number(value: float) -> str:
    """Give a number without the last digits, which depend on the order of adding: ``2``, ``0.3``."""
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    return f"{value:.12g}"


def _near(name: str, changes: Changes) -> str:
    from difflib import get_close_matches

    names = {*(each.metric.name for each in changes.all()), *changes.definitions}
    users = sorted(each for each in names if not each.startswith("polymeter."))
    near = get_close_matches(name, users, n=3, cutoff=_NEAR)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def _section(title: str, lines: Iterable[str]) -> str:
    """Give a title and its lines; nothing without lines."""
    every = list(lines)
    kept = every[:_MOST]
    if len(every) > _MOST:
        kept.append(f"... and {len(every) - _MOST} more")
    return "\n  ".join([title, *kept]) if every else ""
