"""Units: how values come in and read out.

Distributions keep **base units** inside (seconds, bytes), so that every exporter finds the unit its back end wants
without touching a bucket. The unit is the definition's, else the last word of the metric's name (``_ms``,
``_seconds``, ``_bytes``), else none; a timer without either takes and gives milliseconds.
"""

from __future__ import annotations

import math
from typing import Final

from polymeter.data.value import Immutable, Value
from polymeter.errors import DefinitionError

__all__ = ["MILLISECONDS", "NO_UNIT", "Unit", "unit_of"]


class Unit(Value, Immutable):
    """One unit of measure.

    :ivar symbol: how the unit is written in a definition (``ms``, ``bytes``, ``tokens``); empty for none.
    :ivar base: symbol of the base unit that distributions keep inside; the same symbol where there is none smaller.
    :ivar numerator: with ``denominator``, base units in one unit: 1/1000 for ``ms``. Two integers, so that the
        conversion is one correctly rounded operation.
    """

    __slots__ = __match_args__ = ("symbol", "base", "numerator", "denominator")

    symbol: str
    base: str
    numerator: int
    denominator: int

    def __init__(self, symbol: str, base: str, numerator: int = 1, denominator: int = 1) -> None:
        put = object.__setattr__
        put(self, "symbol", symbol)
        put(self, "base", base)
        put(self, "numerator", numerator)
        put(self, "denominator", denominator)

    @property
    def is_time(self) -> bool:
        """Tell whether this measures time."""
        return self.base == "s"

    def to_base(self, value: float) -> float:
        """Convert a value in this unit to base units; infinite if no float can hold it."""
        if self.numerator == self.denominator:
            return value
        try:
            return value * self.numerator / self.denominator
        except OverflowError:  # only integers raise it
            return math.inf if value > 0 else -math.inf

    def all_to_base(self, values: list[float]) -> list[float]:
        """Convert many values to base units, each as :meth:`to_base` would.

        :raises OverflowError: for an integer that no float can hold.
        """
        numerator, denominator = self.numerator, self.denominator
        if numerator == 1:  # x * 1 / 1000 == x / 1000
            return [value / denominator for value in values]
        return [value * numerator / denominator for value in values]

    def from_base(self, value: float) -> float:
        """Convert base units to this unit, to 15 significant digits: 12.3 ms comes back as 12.3."""
        if self.numerator == self.denominator:
            return value
        return float(f"{value * self.denominator / self.numerator:.15g}")

    def __str__(self) -> str:
        return self.symbol


NO_UNIT: Final = Unit("", "")
MILLISECONDS: Final = Unit("ms", "s", 1, 1000)

_KNOWN: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), Unit("s", "s")),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), MILLISECONDS),
    **dict.fromkeys(("us", "microsecond", "microseconds"), Unit("us", "s", 1, 1_000_000)),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), Unit("ns", "s", 1, 1_000_000_000)),
    **dict.fromkeys(("min", "minute", "minutes"), Unit("min", "s", 60)),
    **dict.fromkeys(("h", "hour", "hours"), Unit("h", "s", 3600)),
    **dict.fromkeys(("By", "byte", "bytes"), Unit("bytes", "bytes")),
    **dict.fromkeys(("kB", "kilobytes"), Unit("kB", "bytes", 1000)),
    **dict.fromkeys(("KiB", "KiBy", "kibibytes"), Unit("KiB", "bytes", 1024)),
    **dict.fromkeys(("MB", "megabytes"), Unit("MB", "bytes", 1000**2)),
    **dict.fromkeys(("MiB", "MiBy", "mebibytes"), Unit("MiB", "bytes", 1024**2)),
    **dict.fromkeys(("1", "ratio"), Unit("ratio", "ratio")),
    **dict.fromkeys(("%", "percent"), Unit("percent", "ratio", 1, 100)),
    "": NO_UNIT,
}

# UCUM puts what it does not know itself in braces: {token}/s.
_NO_BRACES: Final = str.maketrans("", "", "{}")

# Words that end a name without being its unit ("h" in "graph.h", "min" in "cpu.min") stay out.
_SUFFIXES: Final = frozenset(
    {
        "ms",
        "milliseconds",
        "us",
        "microseconds",
        "ns",
        "nanoseconds",
        "seconds",
        "minutes",
        "hours",
        "bytes",
        "kilobytes",
    }
    | {"kibibytes", "megabytes", "mebibytes", "ratio", "percent"}
)


def unit_of(name: str, unit: str | None = None, *, is_timer: bool = False) -> Unit:
    """Give the unit of a metric from its definition, else from the last word of its name.

    :raises DefinitionError: when a timer is given a unit that does not measure time.
    """
    if unit is not None:
        symbol = unit.translate(_NO_BRACES)
        # Braces alone say what is counted, and are no unit: {token}. It is kept as written, and ends no name.
        found = _KNOWN.get(unit) or (Unit(unit, "") if unit == f"{{{symbol}}}" else Unit(symbol, symbol))
        if is_timer and not found.is_time:
            message = f"timer {name!r} cannot have the unit {unit!r}: use 'ms', 's', 'us', 'ns', 'min' or 'h'"
            raise DefinitionError(message)
        return found
    last_word = name.rpartition("_")[2].rpartition(".")[2]
    found = _KNOWN[last_word] if last_word in _SUFFIXES else NO_UNIT
    if is_timer and not found.is_time:
        return MILLISECONDS
    return found
