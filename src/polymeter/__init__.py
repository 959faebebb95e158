"""Polymeter: events in, metrics out.

A library says what happened as typed events; collectors decide what that means as metrics; registries remember;
exporters deliver.
"""

from __future__ import annotations

from polymeter.clock import Clock
from polymeter.data import (
    Combine,
    Counter,
    Distribution,
    Gauge,
    Histogram,
    Kind,
    Metric,
    MetricDefinition,
    Snapshot,
    Tags,
    Timer,
    UpDownCounter,
)
from polymeter.errors import (
    DefinitionConflictError,
    DefinitionError,
    ExportError,
    InvalidMetricError,
    InvalidTagsError,
    ListenerError,
    MetricNotFoundError,
    MissingExtraError,
    NotActiveError,
    PolymeterError,
)
from polymeter.metrics import Health, Metrics
from polymeter.subscription import Subscription

__all__ = [
    "Clock",
    "Combine",
    "Counter",
    "DefinitionConflictError",
    "DefinitionError",
    "Distribution",
    "ExportError",
    "Gauge",
    "Health",
    "Histogram",
    "InvalidMetricError",
    "InvalidTagsError",
    "Kind",
    "ListenerError",
    "Metric",
    "MetricDefinition",
    "MetricNotFoundError",
    "Metrics",
    "MissingExtraError",
    "NotActiveError",
    "PolymeterError",
    "Snapshot",
    "Subscription",
    "Tags",
    "Timer",
    "UpDownCounter",
    "__version__",
]


__version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":  # looked up when asked for: reading metadata costs more than importing all of us
        from importlib.metadata import version

        return version("polymeter")
    message = f"module 'polymeter' has no attribute {name!r}"
    raise AttributeError(message)
