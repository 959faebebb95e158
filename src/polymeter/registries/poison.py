"""What may not enter a sum: found batch by batch, so that healthy values cost next to nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, SupportsFloat, SupportsIndex

from polymeter.data.sums import ZERO, Sum
from polymeter.data.units import NO_UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.data.units import Unit

__all__ = ["LARGEST", "PLAIN", "Usable", "added_up", "are_plain", "looked_at", "reason_to_refuse", "usable"]

PLAIN: Final = frozenset({int, float})
"""The types of nearly all values: those that need no second look."""
LARGEST: Final = 2.0**1023
"""Numbers must stay below: beyond it an ``int`` has no ``float``, and no back end a place for it."""

_FLOATS: Final[set[type]] = {float}


class Usable(NamedTuple):
    """What is left of a batch, in base units.

    :ivar values: finite numbers.
    :ivar total: their sum.
    :ivar low: the smallest; 0 if there is none.
    :ivar high: the largest; 0 if there is none.
    :ivar refused: the reason of every value that cannot be used.
    """

    values: list[float]
    total: Sum
    low: float
    high: float
    refused: list[str]


def usable(values: list[Any], unit: Unit = NO_UNIT, *, negative: bool, sparse: bool = False) -> Usable:
    """Give those of ``values`` that are finite numbers, in the base unit of ``unit``.

    :param negative: whether they may be below zero.
    :param sparse: whether ``None`` among them says that there was nothing to record.
    """
    types = set(map(type, values))
    if types <= PLAIN and values:
        found = _all_usable(values, types, unit, negative=negative)
        if found is not None:
            return found
    kept: list[float] = []
    refused: list[str] = []
    for value in values:
        if value is None and sparse:
            continue
        reason, number = looked_at(value, negative=negative)
        base = unit.to_base(number)
        if reason is None and not -math.inf < base < math.inf:
            reason = "infinite"
        if reason is None:
            kept.append(base)
        else:
            refused.append(reason)
    return Usable(kept, Sum.of_all(kept), min(kept, default=0), max(kept, default=0), refused)


def added_up(values: list[Any], *, negative: bool, sparse: bool = False) -> tuple[Sum, int, list[str]]:
    """Give the sum of those of ``values`` that can be used, their number, and the reason of every other."""
    types = set(map(type, values))
    if types <= PLAIN and values:
        total = ZERO
        try:
            total = Sum(sum(values)) if float not in types else Sum.of_all(values, types)
            # Each is below the sum, or below that of the magnitudes; NaN makes the comparison false.
            size = sum(map(abs, values)) if negative else total.integers + total.floats
        except OverflowError:  # an integer that no float can hold
            size = LARGEST
        if size < LARGEST and (negative or min(values) >= 0):
            return total, len(values), []
    found = usable(values, negative=negative, sparse=sparse)
    return found.total, len(found.values), found.refused


def _all_usable(values: list[Any], types: set[type], unit: Unit, *, negative: bool) -> Usable | None:
    """Give plain numbers if every one of them can be used: each step goes over all of them in C."""
    limit = LARGEST
    try:
        if unit.numerator != unit.denominator:
            limit, values = unit.to_base(LARGEST), unit.all_to_base(values)
            types = _FLOATS
        total = Sum(sum(values)) if float not in types else Sum.of_all(values, types)
    except OverflowError:  # an integer that no float can hold
        return None
    low, high = min(values), max(values)
    # NaN may hide from min and max, but makes every sum NaN.
    if (low < 0 and not negative) or low <= -limit or high >= limit or total.floats != total.floats:
        return None
    return Usable(values, total, low, high, [])


def are_plain(values: Sequence[Any]) -> bool:
    """Tell whether there are values and all of them are finite ``int`` or ``float``, as nearly always."""
    if not values or not PLAIN.issuperset(map(type, values)):
        return False
    try:
        size: float = sum(map(abs, values))
    except OverflowError:  # integers that together are larger than any float
        return False
    return size < LARGEST  # then each of them is; and NaN makes this false


def reason_to_refuse(value: object, *, negative: bool) -> str | None:
    """Say why ``value`` cannot be recorded (``type``, ``nan``, ``infinite``, ``negative``); ``None``: it can."""
    return looked_at(value, negative=negative)[0]


def looked_at(value: object, *, negative: bool) -> tuple[str | None, float]:
    """Give the plain number in ``value``, or the reason to refuse it as :func:`reason_to_refuse` gives it."""
    if type(value) is float and (0.0 <= value < LARGEST or (negative and -LARGEST < value < 0.0)):
        return None, value
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
