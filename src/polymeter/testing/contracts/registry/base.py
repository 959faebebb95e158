"""What the parts of the registry's contract share: the fixtures, and the five verbs as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from polymeter.data.kind import Kind
from polymeter.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanRecord, CanStoreMetrics
    from polymeter.data.tags import TagsLike
    from polymeter.registries import RegistryHealth

__all__ = ["EACH_KIND", "RegistryTests", "health_of", "own_of", "record", "record_on"]

EACH_KIND: Final = pytest.mark.parametrize("kind", list(Kind))
"""Runs a test once for each kind of metric."""


class RegistryTests:
    """The fixtures of a registry's tests."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock that the registry has to use."""
        return ManualClock()

    @pytest.fixture
    def registry(self, clock: ManualClock) -> CanStoreMetrics:
        """Give a new, empty registry that takes its time from ``clock``."""
        del clock
        message = f"{type(self).__name__}: override the fixture `registry` to say how one is made"
        raise NotImplementedError(message)


def record(registry: CanStoreMetrics, kind: Kind, name: Any, value: Any, tags: TagsLike | None = None) -> Any:
    """Record by the verb of ``kind``; gives what the verb gives."""
    if kind is Kind.COUNTER:
        return registry.counter(name, tags, value)
    verbs: dict[Kind, Callable[..., Any]] = {
        Kind.GAUGE: registry.gauge,
        Kind.UP_DOWN: registry.up_down,
        Kind.HISTOGRAM: registry.histogram,
        Kind.TIMER: registry.timer,
    }
    return verbs[kind](name, value, tags)


def record_on(series: CanRecord, kind: Kind, value: Any) -> None:
    """Record on a bound series by the verb of ``kind``."""
    if kind is Kind.GAUGE:
        series.set(value)
    elif kind.is_distribution:
        series.record(value)
    else:
        series.add(value)


def own_of(registry: CanStoreMetrics) -> CanStoreMetrics:
    """Give what reads as this process's part of a registry: ``registry.own`` where processes share one, else itself."""
    own: CanStoreMetrics = getattr(registry, "own", registry)
    return own


def health_of(registry: CanStoreMetrics) -> RegistryHealth:
    """Give the health of a registry; skips the test if it has none."""
    health: Callable[[], RegistryHealth] | None = getattr(registry, "health", None)
    if health is None:
        pytest.skip(f"{type(registry).__name__} has no health()")
    return health()
