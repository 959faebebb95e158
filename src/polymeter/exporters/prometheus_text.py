"""The Prometheus text format 0.0.4: escaping and numbers, pure functions of text."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONTENT_TYPE", "bound_text", "help_line", "label_block", "number_text", "type_line"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_IN_VALUE: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_IN_HELP: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def help_line(family: str, text: str) -> str:
    """Give the HELP line; quotes are not escaped there."""
    # A lone surrogate has no UTF-8. Tags have been seen to already, names and help texts have not.
    text = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return f"# HELP {family} {text.translate(_IN_HELP)}\n"


def type_line(family: str, of_type: str) -> str:
    """Give the TYPE line."""
    return f"# TYPE {family} {of_type}\n"


def label_block(labels: Iterable[tuple[str, str]]) -> str:
    """Give ``a="x",b="y"``, without braces."""
    return ",".join(f'{name}="{text.translate(_IN_VALUE)}"' for name, text in labels)


def number_text(value: float) -> str:
    """Give a sample's value as Go's ``ParseFloat`` reads it."""
    try:
        if math.isfinite(value):
            return repr(value)
    except OverflowError:  # an integer that no float can hold: ParseFloat would refuse its digits
        value = math.inf if value > 0 else -math.inf
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


@lru_cache(maxsize=1024)
def bound_text(bound: float) -> str:
    """Give a bucket bound in the canonical form of OpenMetrics: ``0.25``, ``1.0``, ``1e+06``, ``+Inf``."""
    bound = float(bound)
    if not math.isfinite(bound) or not bound:
        return number_text(bound)
    exponent = Decimal(repr(bound)).adjusted()
    if -5 < exponent < 6:  # noqa: PLR2004 - where Go's %g writes no exponent
        return repr(bound)
    digits = "".join(map(str, Decimal(repr(bound)).as_tuple().digits)).rstrip("0")
    mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    return f"{'-' if bound < 0 else ''}{mantissa}e{exponent:+03d}"
