"""Styles: in which of Prometheus' shapes a histogram or timer goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from polymeter.data.distribution import checked_bounds
from polymeter.data.value import Immutable, Value
from polymeter.errors import DefinitionError, InvalidMetricError

__all__ = ["NATIVE", "Classic", "Quantiles", "Style", "StyleLike", "Styles"]


class Quantiles(Value, Immutable):
    """A summary: the values that given shares of the observations do not exceed, since the series began.

    :ivar quantiles: the shares, each 0 to 1, ascending.
    """

    __slots__ = __match_args__ = ("quantiles",)

    quantiles: tuple[float, ...]

    def __init__(self, *quantiles: float) -> None:
        """Give the shares one by one: ``Quantiles(0.5, 0.9, 0.99)``.

        :raises DefinitionError: if there is none, or one is no number from 0 to 1.
        """
        for share in quantiles:
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                message = f"quantile {share!r} is not a number from 0 to 1: use for example Quantiles(0.5, 0.9, 0.99)"
                raise DefinitionError(message)
        if not quantiles:
            message = "Quantiles() has no quantile: use for example Quantiles(0.5, 0.9, 0.99)"
            raise DefinitionError(message)
        object.__setattr__(self, "quantiles", tuple(sorted(set(map(float, quantiles)))))

    def __repr__(self) -> str:
        return f"Quantiles({', '.join(map(repr, self.quantiles))})"


class Classic(Value, Immutable):
    """A classic histogram, with buckets up to given bounds.

    :ivar bounds: in base units (seconds, bytes), ascending; none: those of the metric's definition, else defaults
        for its unit.
    """

    __slots__ = __match_args__ = ("bounds",)

    bounds: tuple[float, ...]

    def __init__(self, *bounds: float) -> None:
        """Give the bounds one by one: ``Classic(0.1, 0.5, 1)`` for a timer, in seconds.

        :raises DefinitionError: unless they are finite and ascending.
        """
        try:
            checked = checked_bounds(bounds)
        except InvalidMetricError as error:
            raise DefinitionError(str(error)) from None
        object.__setattr__(self, "bounds", checked)

    def __repr__(self) -> str:
        return f"Classic({', '.join(map(repr, self.bounds))})"


class Native(Value, Immutable):
    """A native histogram, in the format that has them; a classic one in the others."""

    __slots__ = ()


Style: TypeAlias = Classic | Native | Quantiles
StyleLike: TypeAlias = "str | Classic | Quantiles"

NATIVE: Final = Native()
_BY_NAME: Final[Mapping[str, Style]] = {"classic": Classic(), "native": NATIVE}
_CHOICES: Final = "'classic', 'native', Classic(0.1, 1, 10) or Quantiles(0.5, 0.9, 0.99)"


class Styles:
    """Which style a metric has: what its name says, else the longest pattern that fits, else the default."""

    def __init__(self, default: StyleLike, by_name: Mapping[str, StyleLike] | None = None) -> None:
        """Check and keep.

        :param by_name: a metric's name, or the beginning of names and a ``*`` -> style.
        :raises DefinitionError: for what is no style, or a pattern with a ``*`` elsewhere.
        """
        self._default = _style(default, "histograms")
        self._exact: dict[str, Style] = {}
        self._beginnings: list[tuple[str, Style]] = []
        if by_name is not None and not isinstance(by_name, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"styles is {by_name!r}, which is no mapping: use {{'inference.*': 'native'}}"
            raise DefinitionError(message)
        for name, given in (by_name or {}).items():
            style = _style(given, f"styles[{name!r}]")
            if "*" in name[:-1]:
                message = f"styles[{name!r}]: a '*' can only stand at the end, as in 'inference.*'"
                raise DefinitionError(message)
            if name.endswith("*"):
                self._beginnings.append((name[:-1], style))
            else:
                self._exact[name] = style
        self._beginnings.sort(key=lambda each: -len(each[0]))

    def of(self, name: str) -> Style:
        """Give the style of a metric."""
        if name in self._exact:
            return self._exact[name]
        for beginning, style in self._beginnings:
            if name.startswith(beginning):
                return style
        return self._default


def _style(given: object, where: str) -> Style:
    if isinstance(given, str) and given in _BY_NAME:
        return _BY_NAME[given]
    if isinstance(given, Classic | Quantiles):
        return given
    message = f"{where} is {given!r}, which is no style: use {_CHOICES}"
    raise DefinitionError(message)
