"""Room 3, what it means: a collector listens to events and records measurements. One file per domain."""

from __future__ import annotations

from polymeter.collectors.base import MetricsCollector, on
from polymeter.collectors.inference import InferenceMetricsCollector
from polymeter.collectors.measure import measure

__all__ = ["InferenceMetricsCollector", "MetricsCollector", "measure", "on"]
