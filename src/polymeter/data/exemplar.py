"""Exemplar: one measurement kept with what tells where it came from, and which of many are kept.

However many are given, a counter keeps one and a distribution one per octave of magnitude and sign: 62 octaves between
2**-31 and 2**31 (what is beyond counts to the outermost), both signs and zero, 125 at most. Of those in the same place
the latest is kept. The choice is a maximum, so that merging is associative and commutative, and each exemplar may be
given any number of times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.data.kind import Kind
from polymeter.data.tags import Tags
from polymeter.data.value import Immutable, Value
from polymeter.errors import InvalidMetricError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.tags import TagsLike

__all__ = ["MOST_LABEL_CHARACTERS", "WITH_EXEMPLARS", "Exemplar", "Rank", "chosen", "place_of", "rank_of"]

MOST_LABEL_CHARACTERS: Final = 128
"""So long may the names and values of the labels of one exemplar be together, as OpenMetrics 1.0 has it."""

WITH_EXEMPLARS: Final = frozenset({Kind.COUNTER, Kind.HISTOGRAM, Kind.TIMER})
"""The kinds that can have exemplars: a level is no measurement of one thing that happened."""

Rank: TypeAlias = "tuple[float, float, tuple[tuple[str, str], ...]]"
"""What decides between two in the same place: the higher one is kept."""

_LOWEST, _HIGHEST = -31, 30


class Exemplar(Value, Immutable):
    """One measurement, and where it came from.

    :ivar labels: where it came from: ``{"trace_id": "4bf9..."}``.
    :ivar value: what was measured, in base units of the metric: seconds for a timer, as distributions hold them.
    :ivar at: Unix seconds.
    """

    __slots__ = __match_args__ = ("labels", "value", "at")

    labels: Tags
    value: float
    at: float

    def __init__(self, labels: TagsLike, value: float, at: float) -> None:
        """Make one.

        :raises InvalidTagsError: for labels that are no tags.
        :raises InvalidMetricError: for labels of more than :data:`MOST_LABEL_CHARACTERS` code points together, or a
            value or time that is not a finite number.
        """
        labels = Tags.of(labels)
        length = 0
        for name, text in labels.canonical:
            length += len(name) + len(text)
        if length > MOST_LABEL_CHARACTERS:
            message = (
                f"exemplar: the labels {sorted(labels)} take {length} characters with their values, "
                f"more than {MOST_LABEL_CHARACTERS}: keep an id, not a text"
            )
            raise InvalidMetricError(message)
        put = object.__setattr__
        put(self, "labels", labels)
        put(self, "value", _finite("value", value))
        put(self, "at", _finite("at", at))


def _finite(what: str, number: Any) -> float:
    if number.__class__ is float and -math.inf < number < math.inf:
        return number
    try:
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            return int(number) if isinstance(number, int) else float(number)
    except OverflowError:  # an integer that no float can hold, with too many digits to show
        number = "an integer that is too large"
    message = f"exemplar: {what} is {number!r}, which is not a finite number"
    raise InvalidMetricError(message)


def rank_of(exemplar: Exemplar) -> Rank:
    """Give the rank of an exemplar: by time, then value, then labels."""
    return (exemplar.at, exemplar.value, exemplar.labels.canonical)


def place_of(kind: Kind, value: float) -> int:
    """Give where an exemplar of ``value`` stands: places ascend with the values, and there are 125 at most.

    An octave is ``(2**i, 2**(i+1)]``: it holds whole buckets of a distribution.

    :param kind: of the metric; a counter has one place.
    """
    if kind is Kind.COUNTER or not value:
        return 0
    mantissa, power = math.frexp(abs(value))
    octave = power - 2 if mantissa == 0.5 else power - 1  # noqa: PLR2004 - a power of two is the end of its octave
    place = min(max(octave, _LOWEST), _HIGHEST) - _LOWEST + 1
    return place if value > 0 else -place


def chosen(kind: Kind, exemplars: Iterable[Exemplar]) -> tuple[Exemplar, ...]:
    """Give those that are kept, in ascending order of their places.

    :raises InvalidMetricError: for what is no exemplar, or a kind that has none.
    """
    best: dict[int, Exemplar] = {}
    for each in exemplars:
        if not isinstance(each, Exemplar):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"exemplars hold {each!r}, which is no Exemplar: use Exemplar(labels, value, at)"
            raise InvalidMetricError(message)
        place = place_of(kind, each.value)
        known = best.get(place)
        if known is None or rank_of(known) < rank_of(each):
            best[place] = each
    if best and kind not in WITH_EXEMPLARS:
        message = f"a metric of the kind {kind} has no exemplars: counters, histograms and timers can have some"
        raise InvalidMetricError(message)
    return tuple(best[place] for place in sorted(best))
