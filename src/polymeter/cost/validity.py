"""Validity: how long a price of the library holds."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["validity"]


def validity(constraints: Iterable[Any], at: float) -> tuple[float, float]:
    """Give the Unix seconds from and until which no other of the constrained prices begins to hold.

    :param constraints: ``StartDateConstraint``, ``TimeOfDateConstraint`` or ``None`` of the library. Of a kind that is
        not known the price holds at ``at`` alone.
    """
    since, until = -math.inf, math.inf
    for constraint in constraints:
        for change in _changes(constraint, at):
            if change <= at:
                since = max(since, change)
            else:
                until = min(until, change)
    return since, until


def _changes(constraint: Any, at: float) -> Iterator[float]:
    """Give the moments around ``at`` at which a price may begin or cease to hold."""
    if constraint is None:
        return
    start = getattr(constraint, "start_date", None)
    times = [getattr(constraint, name, None) for name in ("start_time", "end_time")]
    known = [each for each in times if isinstance(each, time)]
    if isinstance(start, date):
        yield datetime.combine(start, time(), UTC).timestamp()
    elif len(known) == len(times):
        today = datetime.fromtimestamp(at, UTC).date()
        for each in known:
            moment = each if each.tzinfo is not None else each.replace(tzinfo=UTC)
            for days in (-2, -1, 0, 1, 2):  # a day of another zone may be a day away
                yield datetime.combine(today + timedelta(days=days), moment).timestamp()
    else:
        yield at
        yield math.nextafter(at, math.inf)
