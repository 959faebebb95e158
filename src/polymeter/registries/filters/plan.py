"""Plan: which values decide what filters make of a metric. The others need not be looked at, record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from polymeter.data.tags import Tags
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.from_context import ContextTags
from polymeter.registries.filters.metric_id import MetricId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.kind import Kind
    from polymeter.registries.filters.protocols import CanAcceptMetrics, CanMapMetrics

__all__ = ["Plan", "plan_of"]


class Plan(NamedTuple):
    """Of a metric that is recorded with tags of some names.

    :ivar ignored: the tags whose values change nothing: they are dropped, or the metric is denied whatever they are.
    :ivar context: the tags that it may take from the context of a record.
    :ivar arrangement: where its tags come from, if no value decides anything: of each tag that it is kept with, in
        the order of their names, the name of the recorded one, or ``None`` and the text that all series have.
        ``None``: not known.
    """

    ignored: frozenset[str]
    context: tuple[str, ...]
    arrangement: tuple[tuple[str | None, str], ...] | None = None


def plan_of(
    maps: Sequence[CanMapMetrics], accepts: Sequence[CanAcceptMetrics], kind: Kind, name: str, names: Iterable[str]
) -> Plan:
    """Find out, by sending a metric through whose tags have marks for values."""
    walk = _Walk(kind, name, names)
    if walk.through(maps):
        walk.past(accepts)
    return walk.plan()


class _Walk:
    """A metric on its way through filters.

    A filter of the user's own make is not sent any: it may look at every value that would come to it.
    """

    def __init__(self, kind: Kind, name: str, names: Iterable[str]) -> None:
        self._by_mark = {f"\0{each}": each for each in names}
        self._metric = MetricId(kind, name, Tags.of({each: mark for mark, each in self._by_mark.items()}))
        self._looked_at: set[str] = set()
        self._context: list[str] = []
        self._is_kept_whatever_it_has = False

    def plan(self) -> Plan:
        """Give what has been found out."""
        # What the context has is not known before a record: where it plays a part, every value may count.
        ignored = frozenset[str]() if self._context else frozenset(self._by_mark.values()) - self._looked_at
        arrangement = None
        if self._is_kept_whatever_it_has and not self._context:
            arrangement = tuple((self._by_mark.get(text), text) for _, text in self._metric.tags.canonical)
        return Plan(ignored, tuple(dict.fromkeys(self._context)), arrangement)

    def through(self, maps: Sequence[CanMapMetrics]) -> bool:
        """Go through those that map; tell whether it is known how it comes out."""
        for number, each in enumerate(maps):
            if isinstance(each, ContextTags):
                self._context += each.wanted(self._metric)
            elif _is_ours(each):
                if not self._read_by(each):
                    self._metric = each.map(self._metric)
            else:
                self._look_at(self._metric.tags)
                for later in maps[number:]:
                    if isinstance(later, ContextTags):
                        self._context += later.tags
                return False
        return True

    def past(self, accepts: Sequence[CanAcceptMetrics]) -> None:
        """Go past those that decide; what is denied whatever its values are has none that count."""
        for each in accepts:
            if not _is_ours(each):
                break
            if self._read_by(each):
                continue
            verdict = each.accept(self._metric)
            if verdict is False:
                return
            if verdict:
                self._is_kept_whatever_it_has = not self._looked_at
                break
        else:
            self._is_kept_whatever_it_has = not self._looked_at
        self._look_at(self._metric.tags)

    def _read_by(self, each: object) -> bool:
        """Note the tags that a filter of ours reads; tell whether there are any."""
        read = each.reads(self._metric) if isinstance(each, Filter) else ()
        self._look_at(read)
        return bool(read)

    def _look_at(self, tags: Iterable[str]) -> None:
        values = (self._metric.tags.get(each) for each in tags)
        self._looked_at.update(
            self._by_mark[value] for value in values if isinstance(value, str) and value in self._by_mark
        )


def _is_ours(each: object) -> bool:
    """Tell whether what a filter says of itself holds: of one that is derived from ours it may not."""
    return isinstance(each, Filter) and type(each).__module__.rpartition(".")[0] == __name__.rpartition(".")[0]
