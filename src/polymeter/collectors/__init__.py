"""Room 3, what it means: a collector listens to events and records measurements. One file per domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.collectors.base import MetricsCollector, on
from polymeter.collectors.measure import measure
from polymeter.collectors.states import set_info, set_state
from polymeter.data.layout import ABSENT
from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.collectors.cost import CostMetricsCollector
    from polymeter.collectors.embeddings import EmbeddingsMetricsCollector
    from polymeter.collectors.genai import GenAIMetricsCollector
    from polymeter.collectors.http import HttpMetricsCollector
    from polymeter.collectors.http_semconv import HttpSemconvMetricsCollector
    from polymeter.collectors.inference import InferenceMetricsCollector
    from polymeter.collectors.memory import MemoryMetricsCollector
    from polymeter.collectors.rate_limits import RateLimitMetricsCollector
    from polymeter.collectors.runtime import RuntimeMetricsCollector
    from polymeter.collectors.runtime_semconv import RuntimeSemconvMetricsCollector
    from polymeter.collectors.stopwatch import StopwatchMetricsCollector
    from polymeter.collectors.structured_output import StructuredOutputMetricsCollector
    from polymeter.collectors.timing import TimingMetricsCollector
    from polymeter.collectors.tracing import trace_ids
else:  # not the two above: what is called like its module would be the module
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "cost": "CostMetricsCollector",
            "embeddings": "EmbeddingsMetricsCollector",
            "genai": "GenAIMetricsCollector",
            "http": "HttpMetricsCollector",
            "http_semconv": "HttpSemconvMetricsCollector",
            "inference": "InferenceMetricsCollector",
            "memory": "MemoryMetricsCollector",
            "rate_limits": "RateLimitMetricsCollector",
            "runtime": "RuntimeMetricsCollector",
            "runtime_semconv": "RuntimeSemconvMetricsCollector",
            "stopwatch": "StopwatchMetricsCollector",
            "structured_output": "StructuredOutputMetricsCollector",
            "timing": "TimingMetricsCollector",
            "tracing": "trace_ids",
        },
    )

__all__ = [
    "ABSENT",
    "CostMetricsCollector",
    "EmbeddingsMetricsCollector",
    "GenAIMetricsCollector",
    "HttpMetricsCollector",
    "HttpSemconvMetricsCollector",
    "InferenceMetricsCollector",
    "MemoryMetricsCollector",
    "MetricsCollector",
    "RateLimitMetricsCollector",
    "RuntimeMetricsCollector",
    "RuntimeSemconvMetricsCollector",
    "StopwatchMetricsCollector",
    "StructuredOutputMetricsCollector",
    "TimingMetricsCollector",
    "measure",
    "on",
    "set_info",
    "set_state",
    "trace_ids",
]
