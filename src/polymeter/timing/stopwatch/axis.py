"""An axis of time: where its marks are, and what they say."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["label_of", "ticks"]

_UNITS: Final = ((60_000.0, "min"), (1000.0, "s"), (1.0, "ms"), (0.001, "µs"))
_FINEST: Final = {"min": 60_000.0, "s": 10.0, "ms": 0.01, "µs": 0.0}
"""In milliseconds: unit -> the smallest step that is said in it. No thirds of a minute."""


def ticks(span: float, most: float) -> tuple[float, list[float]]:
    """Give the distance of marks, a round number, and the marks from 0 to ``span``.

    :param span: milliseconds, above 0.
    :param most: about how many marks there is room for.
    """
    rough = span / max(2.0, most)
    if rough > _UNITS[0][0]:  # round in minutes
        scale = _UNITS[0][0] * 10 ** math.floor(math.log10(rough / _UNITS[0][0]))
    else:
        scale = 10.0 ** math.floor(math.log10(rough))
    # Between 2 and 5 there may be no step of which two marks fit.
    steps = [scale * each for each in (1, 2, 5, 10)]
    step = next((each for each in steps if rough * 0.999 <= each <= span), steps[1])
    return step, [number * step for number in range(math.floor(span / step * 1.000001) + 1)]


def label_of(milliseconds: float, step: float) -> str:
    """Say a mark, in the largest unit that keeps it short."""
    if milliseconds == 0:
        return "0"
    size, unit = next((each for each in _UNITS if milliseconds >= each[0] and step >= _FINEST[each[1]]), _UNITS[-1])
    return f"{milliseconds / size:.6g} {unit}"
