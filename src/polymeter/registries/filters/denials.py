"""Denials: how many records filters refused, by the name that was recorded."""

from __future__ import annotations

from typing import Final

from polymeter.counting import AtomicCount

__all__ = ["Denials"]

_OTHER: Final = "__other__"
_MOST_NAMES: Final = 1000


class Denials:
    """Counts by name, those beyond a thousand names together; any thread may count."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, AtomicCount] = {}

    def count(self, name: object) -> None:
        """Count a record of ``name``."""
        key = name if isinstance(name, str) else _OTHER
        counter = self._counts.get(key)
        if counter is None:
            if len(self._counts) >= _MOST_NAMES:
                key = _OTHER
            counter = self._counts.setdefault(key, AtomicCount())
        counter.add()

    def to_dict(self) -> dict[str, int]:
        """Give the counts of now by name."""
        return {name: counter.value for name, counter in list(self._counts.items())}

    def clear(self) -> None:
        """Start from nothing."""
        self._counts = {}
