"""What can be asked about windows: what happened when, how fast, and how it was spread."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.data.metric import Metric
from polymeter.data.tags import Tags
from polymeter.errors import InvalidMetricError, MetricNotFoundError
from polymeter.registries.base import BaseRegistry
from polymeter.registries.window_cells import empty_metric
from polymeter.registries.windows import Grid, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.tags import TagsLike
    from polymeter.registries.window_cells import Cell, Identity
    from polymeter.registries.window_store import WindowStore

__all__ = ["WindowQuestions"]


class WindowQuestions(BaseRegistry):
    """The questions. Series of a name whose tags include the asked ones are one: as in ``total``."""

    _grid: Grid

    @property
    @abstractmethod
    def _store(self) -> WindowStore: ...

    def windows(self, name: str, tags: TagsLike | None = None) -> list[Window]:
        """Give ``(start, end, metric)`` of each window since the first one that has records, the oldest first.

        Windows without records in between are there too, empty, and the running one is the last; where records are
        ahead of the clock, the last one that has some. Sums of several series add up, distributions merge, of gauges
        the last reading counts. A gauge that was not read in a window is NaN there, with a ``timestamp`` of minus
        infinity: merging windows passes over it. ``[]`` for what is not there.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        definition = self._definitions.get(name)
        now, found = self._store.windows(name, wanted, self._grid.kept)
        if definition is None or not found:
            return []
        windows: list[Window] = []
        for index in range(min(found), max([*found, self._grid.index_of(now)]) + 1):
            start, end = self._grid.start_of(index), self._grid.start_of(index + 1)
            metric = _one_metric(definition, found.get(index, ()), wanted, start, min(end, max(start, now)))
            windows.append(Window(start, end, metric))
        return windows

    def over(self, seconds: float, name: str, tags: TagsLike | None = None) -> Metric:
        """Give what happened in the last ``seconds`` as one metric; the empty one of its kind if nothing did.

        Whole windows count: the running one, and those before it that the last ``seconds`` touch. The metric's
        ``start`` is where the oldest of them begins; its ``timestamp`` is now, or when a gauge was read.

        :param seconds: more than 0, no more than is kept (``keep * seconds``).
        :raises MetricNotFoundError: for an unknown name.
        :raises InvalidMetricError: for a span that is not kept.
        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        definition = self._definitions.get(name)
        if definition is None:
            message = f"there is no metric {name!r} to look back on: nothing was recorded or defined under this name"
            raise MetricNotFoundError(message)
        return self._over(seconds, definition, wanted)[0]

    def rate(
        self,
        name: str,
        tags: TagsLike | None = None,
        seconds: float = 60,
        *,
        of: Literal["count", "sum"] | None = None,
    ) -> float:
        """Give what happened per second: what :meth:`over` gives, divided by the time it took.

        That is the time from the start of the oldest window that counts to now: at least ``seconds``, and less than
        one window more. Where the span reaches back to the oldest window that is kept, it is the time since the start
        of that. So what is divided, and what it is divided by, always are of the same time. 0 for an unknown name.

        :param of: ``sum``: what was added or observed, in the metric's unit; ``count``: the number of observations.
            Default: the sum of counters, the count of distributions.
        :raises InvalidMetricError: for a span that is not kept, a gauge, or the count of a counter.
        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        definition = self._definitions.get(name) or MetricDefinition(name, Kind.HISTOGRAM)
        is_distribution = definition.kind.is_distribution
        if definition.kind is Kind.GAUGE:
            message = f"gauge {name!r} has no rate: windows({name!r}) gives its readings over time"
            raise InvalidMetricError(message)
        if of == "count" and not is_distribution:
            message = f"{definition.kind} {name!r} does not know how often it was added to: count calls with a counter"
            raise InvalidMetricError(message)
        metric, length = self._over(seconds, definition, wanted)
        amount: float = getattr(metric, of or "count") if is_distribution else metric.value
        return amount / length

    def quantile(self, name: str, q: float, seconds: float = 60, tags: TagsLike | None = None) -> float:
        """Give the value that a share ``q`` of the observations of the last ``seconds`` do not exceed, in its unit.

        The windows are those of :meth:`over`. NaN if there was no observation. Per window:
        ``[window.metric.quantile(0.99) for window in registry.windows(name)]``.

        :param q: 0 to 1.
        :raises InvalidMetricError: for a span that is not kept, a ``q`` outside 0 to 1, or a kind without quantiles.
        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        definition = self._definitions.get(name) or MetricDefinition(name, Kind.HISTOGRAM)
        if not definition.kind.is_distribution:
            message = f"{definition.kind} {name!r} has no quantiles: only a histogram or a timer has"
            raise InvalidMetricError(message)
        metric: Any = self._over(seconds, definition, wanted)[0]
        quantile: float = metric.quantile(q)
        return quantile

    def _over(self, seconds: float, definition: MetricDefinition, tags: Tags) -> tuple[Metric, float]:
        """Give what happened, and the seconds that it took."""
        grid = self._grid
        now, found = self._store.windows(definition.name, tags, lambda now: grid.last(seconds, now))
        start = grid.start_of(grid.last(seconds, now)[0])
        cells = [cell for index in sorted(found) for cell in found[index]]
        return _one_metric(definition, cells, tags, start, now), now - start


def _one_metric(
    definition: MetricDefinition, cells: Iterable[tuple[Identity, Cell]], tags: Tags, start: float, timestamp: float
) -> Metric:
    metrics = [identity.metric(cell, start, timestamp, tags) for identity, cell in cells]
    if metrics:
        return functools.reduce(Metric.merge, metrics)
    # No reading is no later than any: merged with one, it gives way.
    return empty_metric(definition, tags, start, -math.inf if definition.kind is Kind.GAUGE else timestamp)
