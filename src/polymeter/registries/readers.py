"""Readers: whoever follows a registry over time, and must not miss the end of a series.

A series can end between two reads (it expired, or was forgotten) and start again. A reader is shown the last value of
each series that ended since it read last, once, before it is shown what came after. So for every reader, at whatever
pace it reads, the increases of all series since their starts add up to what was recorded.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polymeter.data.metric import Metric, MetricKey
    from polymeter.data.snapshot import Snapshot

__all__ = ["Reader"]

_MOST_ENDED: Final = 10_000  # per reader: one that never reads must not fill the memory


class Reader:
    """One who follows a registry. Made by the registry, which forgets it when nobody holds it any more.

    :ivar missed: ended series that were dropped because this reader did not read for too long.
    """

    __slots__ = ("__weakref__", "_ended", "_shown", "missed")

    def __init__(self) -> None:
        self._ended: deque[Metric] = deque()
        self._shown = 0
        self.missed = 0

    def ended(self, last: Metric) -> None:
        """Take the last value of a series that ended."""
        if len(self._ended) >= _MOST_ENDED:
            self._ended.popleft()
            self._shown = max(0, self._shown - 1)
            self.missed += 1
        self._ended.append(last)

    def over(self, snapshot: Snapshot) -> Snapshot:
        """Give ``snapshot`` as this reader has to see it: series that ended are shown once more.

        Until :meth:`commit` the same ends are shown again: what was not delivered was not seen.
        """
        if not self._ended:
            self._shown = 0
            return snapshot
        last: dict[MetricKey, Metric] = {}
        self._shown = 0
        for metric in self._ended:
            if metric.key in last:  # it ended twice: one life at a time
                break
            last[metric.key] = metric
            self._shown += 1
        return snapshot.replacing(last)

    def commit(self) -> None:
        """Say that what :meth:`over` gave last has been delivered."""
        for _ in range(min(self._shown, len(self._ended))):
            self._ended.popleft()
        self._shown = 0

    def forget(self) -> None:
        """Start anew: the registry has."""
        self._ended.clear()
        self._shown = 0
