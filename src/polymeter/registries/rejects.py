"""What a registry could not use, counted by metric and reason."""

from __future__ import annotations

from typing import Final

from polymeter.counting import AtomicCount

__all__ = ["OTHER", "Rejects"]

OTHER: Final = "__other__"
"""Stands for every metric name beyond those that are told apart."""

_MOST_KEYS: Final = 1000


class Rejects:
    """Counts by ``(metric, reason)``; any thread may count, and the memory is bounded."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], AtomicCount] = {}

    def count(self, metric: object, reason: str, times: int = 1) -> None:
        """Count ``times`` records of ``metric`` that were refused for ``reason``."""
        name = metric if isinstance(metric, str) else OTHER
        counter = self._counts.get((name, reason))
        if counter is None:
            if len(self._counts) >= _MOST_KEYS:
                name = OTHER
            counter = self._counts.setdefault((name, reason), AtomicCount())
        for _ in range(times):
            counter.add()

    def to_dict(self) -> dict[tuple[str, str], int]:
        """Give the counts of now by ``(metric, reason)``."""
        return {key: counter.value for key, counter in list(self._counts.items())}

    def clear(self) -> None:
        """Start from nothing."""
        self._counts = {}
