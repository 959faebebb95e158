"""Polymeter: events in, metrics out.

A library says what happened as typed events; collectors decide what that means as metrics; registries remember;
exporters deliver.

PYTEST_DONT_REWRITE: else pytest, whose plugin is in here, warns where this is imported before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.context import context_tags
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
    from polymeter.health import Health
    from polymeter.metrics import Metrics
    from polymeter.subscription import Subscription

    __version__: str
else:
    _find, __dir__ = lazily(
        __name__,
        {
            "clock": "Clock",
            "context": "context_tags",
            "contracts": "",
            "data": "Combine Counter Distribution Gauge Histogram Kind Metric MetricDefinition Snapshot Tags Timer "
            "UpDownCounter",
            "errors": "DefinitionConflictError DefinitionError ExportError InvalidMetricError InvalidTagsError "
            "ListenerError MetricNotFoundError MissingExtraError NotActiveError PolymeterError",
            "events": "",
            "health": "Health",
            "metrics": "Metrics",
            "registries": "",
            "subscription": "Subscription",
        },
    )

    def __getattr__(name: str) -> object:
        if name == "__version__":  # looked up when asked for: reading metadata costs more than importing all of us
            from importlib.metadata import version

            return version("polymeter")
        return _find(name)


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
    "context_tags",
]
