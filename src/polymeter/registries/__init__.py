"""Room 4, what we keep: a registry remembers measurements. One file per policy of remembering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.registries.aggregating import AggregatingRegistry
    from polymeter.registries.composite import CompositeRegistry
    from polymeter.registries.health import RegistryHealth
    from polymeter.registries.in_memory import InMemoryRegistry
    from polymeter.registries.redis.registry import RedisRegistry
    from polymeter.registries.series import Series
    from polymeter.registries.shared.registry import SharedRegistry
    from polymeter.registries.windowed import WindowedRegistry
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "aggregating": "AggregatingRegistry",
            "composite": "CompositeRegistry",
            "health": "RegistryHealth",
            "in_memory": "InMemoryRegistry",
            "redis.registry": "RedisRegistry",
            "series": "Series",
            "shared.registry": "SharedRegistry",
            "windowed": "WindowedRegistry",
        },
    )

__all__ = [
    "AggregatingRegistry",
    "CompositeRegistry",
    "InMemoryRegistry",
    "RedisRegistry",
    "RegistryHealth",
    "Series",
    "SharedRegistry",
    "WindowedRegistry",
]
