"""The text formats, line by line: escaping and numbers, pure functions of text."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from polymeter.exporters.prometheus.escaping import is_legal, utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.exporters.prometheus.naming import Labels

__all__ = ["TextBlocks", "bound_text", "help_text", "name_text", "number_text", "sample_text"]

_IN_QUOTES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_IN_HELP: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def help_text(text: str, *, quotes: bool) -> str:
    """Give a help text on one line.

    :param quotes: whether quotes are escaped: in OpenMetrics they are, in the older formats they are not.
    """
    return utf8(text).translate(_IN_QUOTES if quotes else _IN_HELP)


def name_text(name: str) -> str:
    """Give a name as HELP, TYPE and UNIT have it, and a label: quoted if it is not legal."""
    return name if is_legal(name) else f'"{name.translate(_IN_QUOTES)}"'


def sample_text(name: str, *, labelled: bool, extra: str = "") -> tuple[str, str]:
    """Give what stands before and after the block of labels in a sample's line, up to the value.

    :param labelled: whether there are labels at all.
    :param extra: one more label, ``le="0.5"``, at the end.
    """
    quoted = name_text(name)
    before, separator = (f"{name}{{", "") if quoted == name else (f"{{{quoted}", ",")
    if labelled:
        return before + separator, f",{extra}}}" if extra else "}"
    if extra:
        return f"{before}{separator}{extra}}}", ""
    return (name, "") if quoted == name else (f"{before}}}", "")


class TextBlocks:
    """Writes labels as ``a="x",b="y"``, without braces."""

    def block(self, labels: Labels) -> str:
        """Give the block of labels whose names are escaped already."""
        return ",".join(f'{name_text(name)}="{text.translate(_IN_QUOTES)}"' for name, text in labels)

    def writer(self, names: Sequence[str]) -> Callable[[Sequence[str]], str]:
        """Give what makes the same block from the texts of labels with these names."""
        written = [name_text(name) for name in names]
        quotes = sum(name.count('"') + 2 for name in written)
        backslashes = sum(name.count("\\") for name in written)
        template = ",".join(name.replace("%", "%%") + '="%s"' for name in written)

        def write(texts: Sequence[str]) -> str:
            block = template % tuple(texts)
            # Few texts have anything to escape: three looks at the whole are faster than one at each.
            if block.count('"') == quotes and block.count("\\") == backslashes and "\n" not in block:
                return block
            return template % tuple([text.translate(_IN_QUOTES) for text in texts])

        return write


def number_text(value: float) -> str:
    """Give a sample's value as Go's ``ParseFloat`` reads it."""
    try:
        if math.isfinite(value):
            return repr(value)
    except OverflowError:  # an integer that no float can hold: ParseFloat would refuse its digits
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


@lru_cache(maxsize=1024)
def bound_text(bound: float) -> str:
    """Give a bucket bound or quantile in the canonical form of OpenMetrics: ``0.25``, ``1.0``, ``1e+06``, ``+Inf``."""
    bound = float(bound)
    if not math.isfinite(bound) or not bound:
        return number_text(bound)
    exponent = Decimal(repr(bound)).adjusted()
    if -5 < exponent < 6:  # noqa: PLR2004 - where Go's %g writes no exponent
        return repr(bound)
    digits = "".join(map(str, Decimal(repr(bound)).as_tuple().digits)).rstrip("0")
    mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    return f"{'-' if bound < 0 else ''}{mantissa}e{exponent:+03d}"
