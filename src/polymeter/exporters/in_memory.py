"""InMemoryExporter: to a list, for tests."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from polymeter.data.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric

__all__ = ["InMemoryExporter"]


class InMemoryExporter:
    """Keeps the last snapshots it was given.

    :ivar snapshots: the snapshots, the oldest first.
    """

    is_quick = True

    def __init__(self, *, keep: int = 100, temporality: Temporality = "cumulative") -> None:
        """:param keep: how many snapshots are kept."""
        self.temporality: Temporality = temporality
        self.snapshots: deque[Snapshot] = deque(maxlen=keep)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Keep ``snapshot``."""
        self.snapshots.append(Snapshot.of(snapshot))

    @property
    def last(self) -> Snapshot:
        """The newest snapshot; an empty one before the first export."""
        return self.snapshots[-1] if self.snapshots else Snapshot()

    def clear(self) -> None:
        """Forget all snapshots."""
        self.snapshots.clear()
