"""Filters that give metrics other names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.errors import DefinitionError
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import EVERYTHING, Patterns, checked_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["Namespace", "RenameMetric"]

_RESERVED: Final = "polymeter."


class RenameMetric(Filter):
    """Renames one metric, or all that begin alike: ``RenameMetric("http.server.*", "web.*")``.

    Values stay what they are: where the new name would say another unit than the old one, the metric keeps that of the
    old one. Two metrics that get one name become one, if kind and unit agree; else the records of the second are
    counted as invalid, reason ``kind`` or ``unit``.
    """

    __slots__ = ("new", "old")
    __match_args__ = ("old", "new")

    old: str
    new: str

    def __init__(self, old: str, new: str) -> None:
        """Make one.

        :param old: a name, or its beginning and ``*``.
        :param new: likewise.
        :raises DefinitionError: for what is no name, or a ``*`` elsewhere or on one side alone.
        """
        for each in (old, new):
            checked_text(each, "name", "RenameMetric")
            if set(each[:-1]) & set("*?[") or each[-1] in "?[":
                message = f"RenameMetric({old!r}, {new!r}): there may be one '*', at the end of both names"
                raise DefinitionError(message)
        if old.endswith("*") is not new.endswith("*"):
            message = f"RenameMetric({old!r}, {new!r}): '*' has to end both names, or neither"
            raise DefinitionError(message)
        _refuse_reserved(new, f"RenameMetric({old!r}, {new!r})")
        self._set(Patterns.of_metrics(old, "RenameMetric"), old=old, new=new)

    def map(self, metric: MetricId, /) -> MetricId:
        """Give it the new name."""
        if not self.metrics.match(metric.name):
            return metric
        if not self.old.endswith("*"):
            return metric.named(self.new)
        name = self.new[:-1] + metric.name[len(self.old) - 1 :]
        return metric.named(name) if name else metric

    def __repr__(self) -> str:
        return f"RenameMetric({self.old!r}, {self.new!r})"


class Namespace(Filter):
    """Puts a first word before names: ``Namespace("shop")`` makes ``orders`` ``shop.orders``.

    A name that begins with it already stays as it is.
    """

    __slots__ = ("prefix",)
    __match_args__ = ("prefix", "metrics")

    prefix: str

    def __init__(self, prefix: str, *, metrics: str | Iterable[str] = EVERYTHING.texts) -> None:
        """Make one.

        :param prefix: the word; a dot between it and the name is added, unless it ends with one or with ``_``.
        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for what is no name or no pattern.
        """
        checked_text(prefix, "prefix", "Namespace")
        _refuse_reserved(f"{prefix}.", f"Namespace({prefix!r})")
        self._set(metrics, prefix=prefix if prefix[-1] in "._" else f"{prefix}.")

    def map(self, metric: MetricId, /) -> MetricId:
        """Give it the longer name."""
        if metric.name.startswith(self.prefix) or not self.metrics.match(metric.name):
            return metric
        return metric.named(self.prefix + metric.name)

    def __repr__(self) -> str:
        return f"Namespace({self.prefix!r}{self._for()})"


def _refuse_reserved(name: str, whose: str) -> None:
    if name.startswith(_RESERVED):
        message = f"{whose}: names that begin with {_RESERVED!r} are for metrics of Polymeter itself"
        raise DefinitionError(message)
