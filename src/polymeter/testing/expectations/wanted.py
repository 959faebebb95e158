"""Wanted: what one metric is expected to do in a block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypedDict, cast

from polymeter.data.kind import Kind
from polymeter.data.metric import checked_name
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.testing.expectations.changes import observed
from polymeter.testing.expectations.words import number

if TYPE_CHECKING:
    from polymeter.data.tags import TagsLike
    from polymeter.testing.expectations.changes import Change, Changes

__all__ = ["Figures", "Wanted"]

_NUMERIC: Final = 1e-9  # sums of floats are exact but for their last digits
_BUCKET: Final = 0.01  # quantiles come from buckets that are 0.55 % exact, at both ends of a difference

_FIGURES_OF: Final = {
    Kind.COUNTER: ("by", "at_least", "at_most"),
    Kind.UP_DOWN: ("by", "at_least", "at_most", "to"),
    Kind.GAUGE: ("to",),
    Kind.HISTOGRAM: ("count", "total", "quantile", "at_least", "at_most"),
    Kind.TIMER: ("count", "total", "quantile", "at_least", "at_most"),
}


class Figures(TypedDict, total=False):
    """What can be expected of a metric in a block; a number, or what compares with one, such as ``pytest.approx``.

    Floats are compared within 1e-9, quantiles within 1 %. With nothing given, any record will do.
    """

    by: object
    """The change of a counter or an up-down counter, summed over the series that have the tags."""
    at_least: float
    """The least change; of a distribution, the least number of observations."""
    at_most: float
    """The largest change; of a distribution, the largest number of observations."""
    no_change: bool
    """Nothing is recorded."""
    to: object
    """What a gauge or an up-down counter reads afterwards; the tags must say which series is meant."""
    count: object
    """The number of observations of a histogram or a timer."""
    total: object
    """Their sum, in the metric's unit."""
    quantile: Mapping[float, object]
    """Their quantiles, in the metric's unit: ``{0.5: 120}``."""


class Wanted:
    """One expectation, and whether changes fulfil it.

    :ivar name: of the metric.
    :ivar tags: what the tags of the series have to include.
    """

    def __init__(
        self,
        name: str,
        tags: TagsLike | None = None,
        *,
        by: object = None,
        at_least: float | None = None,
        at_most: float | None = None,
        no_change: bool = False,
        to: object = None,
        count: object = None,
        total: object = None,
        quantile: Mapping[float, object] | None = None,
    ) -> None:
        """See :class:`Figures`.

        :raises DefinitionError: for figures that no metric has together.
        :raises InvalidMetricError: for a name or tags that are none.
        """
        self.name = checked_name(name)
        self.tags = Tags.of(tags)
        given = {"by": by, "at_least": at_least, "at_most": at_most, "to": to, "count": count, "total": total}
        self._figures = {figure: value for figure, value in given.items() if value is not None}
        for figure in ("at_least", "at_most"):
            if not isinstance(self._figures.get(figure, 0), int | float):
                message = f"expect({name!r}, {figure}={given[figure]!r}): give a number"
                raise DefinitionError(message)
        self._quantiles = _checked_quantiles(quantile)
        self._no_change = no_change
        figures = [*self._figures, *(["quantile"] if self._quantiles else [])]
        if no_change and figures:
            message = f"expect({name!r}, no_change=True, {figures[0]}=...): one of them, not both"
            raise DefinitionError(message)
        if not no_change and not any(set(figures) <= set(each) for each in _FIGURES_OF.values()):
            message = f"expect({name!r}): no metric has {' and '.join(f'{each}=' for each in figures)}; {_WHICH}"
            raise DefinitionError(message)
        self._names = figures

    def __str__(self) -> str:
        return f"{self.name}{{{self.tags}}}" if self.tags else self.name

    @property
    def words(self) -> str:
        """What is expected, in words."""
        if self._no_change:
            return "no change"
        parts = [f"{figure}={_shown(value)}" for figure, value in self._figures.items()]
        parts += [f"quantile {q:g}={_shown(value)}" for q, value in self._quantiles.items()]
        return ", ".join(parts) or "a change"

    def complaint(self, changes: Changes) -> str | None:
        """Give in words what was found instead; ``None`` if the expectation is fulfilled."""
        found = changes.of(self.name, self.tags)
        if not found:
            return self._without_series(changes)
        if not self._names:
            return self._any_change(found)
        kind = found[0].kind
        wrong = [each for each in self._names if each not in _FIGURES_OF[kind]]
        if wrong:
            fitting = ", ".join(f"{each}=" for each in _FIGURES_OF[kind])
            return f"{wrong[0]}= does not fit: it is of the kind {kind}, which has {fitting}"
        if "to" in self._figures:
            exact = [each for each in found if each.metric.tags == self.tags]
            found = exact or found
            if len(found) > 1:
                return f"{len(found)} series have these tags; with to= the tags must say which one is meant"
        return self._compared(found)

    def _without_series(self, changes: Changes) -> str | None:
        if self._no_change or (self._names and "to" not in self._figures and self._holds_of_nothing()):
            return None
        if changes.of(self.name):
            return "nothing (no series of that name has these tags)"
        if self.name in changes.definitions:
            return "nothing (the name is declared, but was not recorded)"
        return "nothing (there is no such metric)"

    def _holds_of_nothing(self) -> bool:
        return not self._quantiles and all(_holds(figure, wanted, 0) for figure, wanted in self._figures.items())

    def _any_change(self, found: list[Change]) -> str | None:
        changed = any(each.is_change for each in found)
        if changed == self._no_change:
            return "a change" if changed else "no change"
        return None

    def _compared(self, found: list[Change]) -> str | None:
        actual: dict[str, float] = {}
        holds = True
        distribution = observed(found)
        unit = found[0].metric.unit
        changed = sum(each.added for each in found)
        for figure, wanted in self._figures.items():
            value = changed
            if figure == "to":
                value = math.nan if found[0].after is None else found[0].after.value
            elif figure == "total":
                value = 0.0 if distribution is None else unit.from_base(distribution.sum)
            actual["by" if figure in {"at_least", "at_most"} and distribution is None else figure] = value
            holds = holds and _holds(figure, wanted, value)
        for q, wanted in self._quantiles.items():
            value = math.nan if distribution is None else unit.from_base(distribution.quantile(q))
            actual[f"quantile {q:g}"] = value
            holds = holds and _same(value, wanted, _BUCKET)
        if holds:
            return None
        if distribution is not None:  # the number of observations says the least and the most of them
            actual = {"count" if figure in {"at_least", "at_most"} else figure: n for figure, n in actual.items()}
        return ", ".join(f"{figure}={number(value)}" for figure, value in actual.items())


_WHICH: Final = "a counter has by=, a gauge to=, a histogram or timer count=, total= and quantile="


def _holds(figure: str, wanted: object, found: float) -> bool:
    if figure in {"by", "count", "total", "to"}:
        return _same(found, wanted, _NUMERIC) and not (figure == "to" and math.isnan(found))
    bound = cast("float", wanted)  # checked when it was said
    return found >= bound if figure == "at_least" else found <= bound


def _same(found: float, wanted: object, tolerance: float) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        if isinstance(wanted, int) and isinstance(found, int):
            return found == wanted
        return math.isclose(found, wanted, rel_tol=tolerance, abs_tol=1e-12)
    return bool(wanted == found)


def _shown(value: object) -> str:
    return number(value) if isinstance(value, int | float) else repr(value)


def _checked_quantiles(given: Mapping[float, object] | None) -> dict[float, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not given or not all(0 <= q <= 1 for q in given):
        message = f"quantile={given!r}: give a mapping of shares from 0 to 1 to what they are, such as {{0.5: 120}}"
        raise DefinitionError(message)
    return dict(given)
