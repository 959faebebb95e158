"""Room 4, what we keep: a registry remembers measurements. One file per policy of remembering."""

from __future__ import annotations

from polymeter.registries.aggregating import AggregatingRegistry
from polymeter.registries.base import RegistryHealth
from polymeter.registries.composite import CompositeRegistry
from polymeter.registries.in_memory import InMemoryRegistry
from polymeter.registries.series import Series
from polymeter.registries.windowed import WindowedRegistry

__all__ = [
    "AggregatingRegistry",
    "CompositeRegistry",
    "InMemoryRegistry",
    "RegistryHealth",
    "Series",
    "WindowedRegistry",
]
