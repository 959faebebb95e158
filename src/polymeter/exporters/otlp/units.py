"""Units as OpenTelemetry writes them: case-sensitive UCUM, what UCUM does not know in braces.

Source: OpenTelemetry semantic conventions, "Instrument units", and the specification of the metrics API, "Instrument
unit": ASCII, at most 63 characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polymeter.data.units import Unit

__all__ = ["ucum"]

_LONGEST: Final = 63
_UCUM: Final = {
    "": "",
    "s": "s",
    "bytes": "By",
    "ratio": "1",
    "meters": "m",
    "grams": "g",
    "volts": "V",
    "amperes": "A",
    "watts": "W",
    "joules": "J",
    "hertz": "Hz",
    "celsius": "Cel",
    "bits": "bit",
    "days": "d",
} | {symbol: symbol for symbol in ("1", "%", "m", "g", "V", "A", "W", "J", "Hz", "Cel", "K", "bit", "d", "By")}
_PER: Final = {"sec": "s", "second": "s", "min": "min", "minute": "min", "h": "h", "hour": "h", "d": "d", "day": "d"}
_UNWRITABLE: Final = re.compile(r"[^!-z|~]")  # braces are ours; blanks and what is not ASCII are nobody's


@lru_cache(maxsize=1024)
def ucum(unit: Unit) -> str:
    """Give the base unit of ``unit``: ``ms`` -> ``s``, ``tokens/s`` -> ``{tokens}/s``; empty for none."""
    symbol = unit.base or unit.symbol
    if symbol.startswith("{") and symbol.endswith("}"):  # as the definition has it
        return f"{{{_written(symbol[1:-1])}}}"
    over, slash, under = symbol.partition("/")
    if not slash:
        return _word(over)
    return f"{_word(over) or '1'}/{_PER.get(under) or _word(under)}"


def _word(word: str) -> str:
    return _UCUM[word] if word in _UCUM else f"{{{_written(word)}}}"


def _written(word: str) -> str:
    return _UNWRITABLE.sub("_", word)[: _LONGEST // 2 - 3]
