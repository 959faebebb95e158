"""What may not enter a sum: found batch by batch, so that healthy values cost next to nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, SupportsFloat, SupportsIndex

from polymeter.data.sums import Sum

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LARGEST", "PLAIN", "are_plain", "reason_to_refuse", "usable"]

PLAIN: Final = frozenset({int, float})
"""The types of nearly all values: those that need no second look."""
LARGEST: Final = 2.0**1023
"""Numbers must stay below: beyond it an ``int`` has no ``float``, and no back end a place for it."""


def usable(values: list[Any], refuse: Callable[[str], object], *, negative: bool) -> tuple[list[float], Sum]:
    """Give those of ``values`` that are finite numbers, and their sum; the reason of every other goes to ``refuse``.

    :param negative: whether they may be below zero.
    """
    types = set(map(type, values))
    if types <= PLAIN and values:
        low, high = min(values), max(values)
        if (negative or low >= 0) and low > -LARGEST and high < LARGEST:
            total = Sum(sum(values)) if float not in types else Sum.of_all(values)
            if not math.isnan(total.floats):  # NaN may hide from min and max, but makes every sum NaN
                return values, total
    kept: list[float] = []
    for value in values:
        reason, number = _sorted_out(value, negative=negative)
        if reason is None:
            kept.append(number)
        else:
            refuse(reason)
    return kept, Sum.of_all(kept)


def are_plain(values: list[Any]) -> bool:
    """Tell whether all of at least one value are finite ``int`` or ``float``, as nearly always."""
    if not PLAIN.issuperset(map(type, values)):
        return False
    if not (min(values) > -LARGEST and max(values) < LARGEST):
        return False
    try:
        return not math.isnan(sum(values))
    except OverflowError:  # integers that together are larger than any float
        return False


def reason_to_refuse(value: object, *, negative: bool) -> str | None:
    """Say why ``value`` cannot be recorded (``type``, ``nan``, ``infinite``, ``negative``); ``None``: it can."""
    return _sorted_out(value, negative=negative)[0]


def _sorted_out(value: object, *, negative: bool) -> tuple[str | None, float]:
    try:
        number = _as_number(value)
        if number != number:  # noqa: PLR0124 - NaN
            return "nan", 0
        if not -LARGEST < number < LARGEST:
            return "infinite", 0
        if number < 0 and not negative:
            return "negative", 0
    except Exception:  # noqa: BLE001 - a foreign number type may do anything
        return "type", 0
    return None, number


def _as_number(value: object) -> float:
    if isinstance(value, bool | str | bytes):
        raise TypeError
    if isinstance(value, int | float):
        return value if type(value) in PLAIN else _base_of(value)
    if isinstance(value, SupportsIndex):  # numpy's integers
        return value.__index__()
    if isinstance(value, SupportsFloat):  # Decimal, Fraction, numpy's floats
        return float(value)
    raise TypeError


def _base_of(value: float) -> float:
    """Give the plain number in an instance of a derived class."""
    return int(value) if isinstance(value, int) else float(value)
