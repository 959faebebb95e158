"""Room 3, what it means: a collector listens to events and records measurements. One file per domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.collectors.base import MetricsCollector, on
from polymeter.collectors.measure import measure
from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.collectors.inference import InferenceMetricsCollector
    from polymeter.collectors.tracing import trace_ids
else:  # not the two above: what is called like its module would be the module
    __getattr__, __dir__ = lazily(__name__, {"inference": "InferenceMetricsCollector", "tracing": "trace_ids"})

__all__ = ["InferenceMetricsCollector", "MetricsCollector", "measure", "on", "trace_ids"]
