"""What changed between two readings of a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import ReadsDistribution
from polymeter.data.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import CanStoreMetrics
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.distribution import Distribution
    from polymeter.data.kind import Kind
    from polymeter.data.metric import Metric, MetricKey
    from polymeter.data.snapshot import Snapshot

__all__ = ["Change", "Changes", "observed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One series, before and after.

    :ivar before: ``None`` if it did not exist.
    :ivar after: ``None`` if it does not exist any more.
    :ivar since: what was added in between; of a gauge its reading, of an up-down counter its level.
    """

    before: Metric | None
    after: Metric | None
    since: Metric | None

    @property
    def metric(self) -> Metric:
        """Whichever there is: for kind, name, tags and unit."""
        metric = self.before if self.after is None else self.after
        assert metric is not None  # noqa: S101 - one of the two is there
        return metric

    @property
    def kind(self) -> Kind:
        """The kind of the series."""
        return self.metric.kind

    @property
    def added(self) -> float:
        """By how much a sum has changed; of a distribution the number of observations, of a gauge 0."""
        if isinstance(self.since, ReadsDistribution):
            return self.since.count
        if isinstance(self.since, UpDownCounter):
            return self.since.value - (0 if self.before is None or self.began_anew else self.before.value)
        return self.since.value if isinstance(self.since, Counter) else 0

    @property
    def began_anew(self) -> bool:
        """Whether the series ended, by ``clear()`` for one, and began again."""
        return self.before is not None and self.after is not None and self.after.start > self.before.start

    @property
    def is_change(self) -> bool:
        """Whether anything was recorded, as far as it can be told; a gauge that was set to what it was counts."""
        if isinstance(self.after, Gauge):
            return not isinstance(self.before, Gauge) or _reading(self.before) != _reading(self.after)
        return bool(self.added)


class Changes:
    """Everything that changed in a registry since a reading.

    :ivar definitions: metric name -> what is declared about it now.
    """

    def __init__(self, registry: CanStoreMetrics, before: Snapshot) -> None:
        """Take the second reading, now."""
        after = registry.snapshot()
        self._registry = registry
        self.definitions: dict[str, MetricDefinition] = dict(after.definitions)
        since = after.since(before)
        self._by_key: dict[MetricKey, Change] = {
            metric.key: Change(before.get(metric.key), metric, since.get(metric.key)) for metric in after
        }
        for metric in before:
            if metric.key not in self._by_key:
                self._by_key[metric.key] = Change(metric, None, None)

    def all(self) -> list[Change]:
        """Give every series of the user's, by name and tags."""
        users = (each for each in self._by_key.values() if not each.metric.name.startswith("polymeter."))
        return sorted(users, key=_order)

    def of(self, name: str, tags: Tags = Tags.empty()) -> list[Change]:  # noqa: B008 - immutable
        """Give the series of a name whose tags include ``tags``, under their own name or as they are recorded."""
        keys: set[MetricKey] = {(each.kind, each.name, each.tags) for each in self._registry.find(name, tags)}
        keys.update(key for key in self._by_key if key[1] == name and key[2].contains(tags))
        return sorted((self._by_key[key] for key in keys if key in self._by_key), key=_order)


def observed(changes: Iterable[Change]) -> Distribution | None:
    """Give what was observed by several series together, in base units; ``None`` if there is none."""
    merged: Distribution | None = None
    for each in changes:
        if isinstance(each.since, ReadsDistribution):
            distribution = each.since.distribution
            merged = distribution if merged is None else merged.merge(distribution)
    return merged


def _order(change: Change) -> tuple[str, str]:
    return (change.metric.name, str(change.metric.tags))


def _reading(gauge: Gauge) -> tuple[float, float, int]:
    return (gauge.value, gauge.timestamp, gauge.sequence)
