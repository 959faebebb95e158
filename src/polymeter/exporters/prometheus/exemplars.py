"""Exemplars: single observations that stand for others, with what identifies their trace."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.exporters.prometheus.naming import Labels, Naming

__all__ = ["Shown", "by_bucket", "exemplars_of", "is_moment", "newest", "shown"]

_MOST_CHARACTERS: Final = 128
"""Code points in the names and texts of one exemplar's labels together: OpenMetrics allows no more."""


_END_OF_TIME: Final = 253_402_300_800


class Shown(NamedTuple):
    """An exemplar as it can be written.

    :ivar labels: its labels, of names that are escaped already.
    :ivar value: in base units.
    :ivar at: Unix seconds.
    """

    labels: Labels
    value: float
    at: float


def exemplars_of(metric: Any) -> Sequence[Any]:
    """Give the exemplars of a metric; empty for a kind that has none."""
    return getattr(metric, "exemplars", ())


def is_moment(at: float) -> bool:
    """Tell whether a time, in Unix seconds, can be written: later than 1970, earlier than the year 10,000."""
    return 0 < at < _END_OF_TIME


def shown(exemplars: Sequence[Any], naming: Naming) -> list[Shown]:
    """Give those that can be written: with labels that are not too long, and of a time that can be."""
    found: list[Shown] = []
    for exemplar in exemplars:
        labels = naming.labels(exemplar.labels.canonical)
        length = sum(len(name) + len(text) for name, text in labels)
        if length <= _MOST_CHARACTERS and is_moment(exemplar.at):
            found.append(Shown(labels, exemplar.value, exemplar.at))
    return found


def newest(exemplars: Sequence[Shown]) -> Shown | None:
    """Give the one that was observed last."""
    return max(exemplars, key=lambda each: each.at, default=None)


def by_bucket(exemplars: Sequence[Shown], bounds: Sequence[float]) -> dict[int, Shown]:
    """Give the newest of each bucket.

    :param bounds: of the buckets, ascending, without the infinite last one.
    :return: index of the bucket -> the exemplar; the bucket beyond all bounds is ``len(bounds)``.
    """
    found: dict[int, Shown] = {}
    for exemplar in sorted(exemplars, key=lambda each: each.at):
        found[bisect_left(bounds, exemplar.value)] = exemplar
    return found
