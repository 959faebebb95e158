"""The contract of collectors, over those of the domains beside inference."""

from __future__ import annotations

from polymeter.collectors import (
    CostMetricsCollector,
    EmbeddingsMetricsCollector,
    GenAIMetricsCollector,
    RateLimitMetricsCollector,
    StructuredOutputMetricsCollector,
)
from polymeter.cost import PriceList
from polymeter.events.inference import StreamChunkReceived, Usage
from polymeter.events.rate_limits import RateLimitReported
from polymeter.events.structured_output import StructuredOutputAttemptFailed, StructuredOutputCompleted
from polymeter.testing.contracts.collectors import CollectorContract
from tests.collectors.inference_script import ended


def ends():
    """Give one call of each sort."""
    return [
        ended(duration_ms=500, usage=Usage(input=10, cache_read=5, output=20), response_model="gpt-demo-1"),
        ended(streamed=True, duration_ms=90, time_to_first_chunk_ms=15, at=1_700_000_000.5),
        ended(duration_ms=20, outcome="error", error_type="RateLimitError"),
        ended(model="embed-demo", operation="embeddings", duration_ms=80, usage=Usage(input=256), dimensions=3),
    ]


class TestGenAIMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "gen_ai.client.operation.duration": 0.69,
            "gen_ai.client.operation.time_to_first_chunk": 0.015,
            "gen_ai.client.operation.time_per_output_chunk": 0.03,
            "gen_ai.client.token.usage": 291,
        }

    def make_collector(self):
        return GenAIMetricsCollector()

    def make_events(self):
        of = {"execution_id": "2", "model": "gpt-demo", "streamed": True}
        return [*ends(), StreamChunkReceived(**of, index=1, gap_ms=30, has_content=True)]


class TestGenAIMetricsCollectorOfTheNextNames(CollectorContract):
    def expected_totals(self):
        return {
            "gen_ai.client.inference.duration": 0.61,
            "gen_ai.client.embeddings.duration": 0.08,
            "gen_ai.client.inference.usage.input_tokens": 15,
            "gen_ai.client.inference.usage.output_tokens": 20,
            "gen_ai.client.inference.operation.input_tokens": 15,
        }

    def make_collector(self):
        return GenAIMetricsCollector("next", chunks=False)

    def make_events(self):
        return ends()


class TestEmbeddingsMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {"embeddings.calls": 1, "embeddings.duration_ms": 80, "embeddings.tokens": 256}

    def make_collector(self):
        return EmbeddingsMetricsCollector()

    def make_events(self):
        return ends()


class TestCostMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {"inference.cost_usd": 35e-6, "inference.cost_per_call_usd": 35e-6, "inference.cost.unknown": 2}

    def make_collector(self):
        return CostMetricsCollector(PriceList({"gpt-demo": {"input": 1, "output": 1}}))

    def make_events(self):
        return ends()


class TestRateLimitMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {"inference.rate_limit.remaining": 5, "inference.rate_limit.exhausted": 1}

    def make_collector(self):
        return RateLimitMetricsCollector()

    def make_events(self):
        of = {"provider": "openai", "model": "gpt-demo", "limit": 10}
        return [
            RateLimitReported(**of, kind="requests", remaining=5, reset_seconds=2.5),
            RateLimitReported(**of, kind="tokens", remaining=0, at=1_700_000_000.5),
        ]


class TestStructuredOutputMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "structured_output.attempts": 3,
            "structured_output.tries": 2,
            "structured_output.completed": 2,
            "structured_output.validation_failures": 1,
        }

    def make_collector(self):
        return StructuredOutputMetricsCollector()

    def make_events(self):
        of = {"model": "gpt-demo", "response_model": "Person"}
        return [
            StructuredOutputAttemptFailed(**of, attempt=1, will_retry=True, field="age", error_type="missing"),
            StructuredOutputCompleted(**of, outcome="ok", attempts=2),
            StructuredOutputCompleted(**of, outcome="error", attempts=1),
        ]
