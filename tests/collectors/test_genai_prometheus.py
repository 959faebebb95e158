"""The GenAI metrics as Prometheus sees them, byte by byte: the files in ``golden``."""

from __future__ import annotations

from pathlib import Path

import pytest

from polymeter.collectors import GenAIMetricsCollector
from polymeter.events.inference import StreamChunkReceived, Usage
from polymeter.exporters import PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.testing import ManualClock
from tests.collectors.inference_script import ended

GOLDEN = Path(__file__).with_name("golden")


def rendered(names):
    exporter = PrometheusExporter(target_info=False)
    metrics = Metrics(clock=ManualClock()).collect(GenAIMetricsCollector(names)).export_to(exporter)
    stream = {"model": "gpt-demo", "provider": "openai", "streamed": True, "execution_id": "1"}
    for event in (
        StreamChunkReceived(**stream, index=1, gap_ms=10, has_content=True),
        StreamChunkReceived(**stream, index=2, gap_ms=20, has_content=True),
        ended(
            **stream,
            duration_ms=1280,
            time_to_first_chunk_ms=250,
            usage=Usage(input=10, cache_read=6, output=4),
            response_model="gpt-demo-2026-01-01",
            server_address="api.openai.com",
        ),
        ended(duration_ms=90_000, outcome="error", error_type="APITimeoutError"),
        ended(model="embed-demo", operation="embeddings", duration_ms=40, usage=Usage(input=256)),
    ):
        metrics.events.dispatch(event)
    return "".join(line for line in exporter.render().splitlines(keepends=True) if "gen_ai" in line)


@pytest.mark.parametrize("names", ["current", "next"])
def test_the_whole_text(names):
    assert rendered(names) == (GOLDEN / f"genai_{names}.txt").read_text("utf-8")


def test_the_names_that_dashboards_ask_for():
    """Seconds are in the name; ``{token}`` is no unit, and not."""
    text = rendered("both")
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {
        "gen_ai_client_operation_duration_seconds",
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "gen_ai_client_operation_time_per_output_chunk_seconds",
        "gen_ai_client_token_usage",
        "gen_ai_client_inference_duration_seconds",
        "gen_ai_client_embeddings_duration_seconds",
        "gen_ai_client_inference_operation_input_tokens",
        "gen_ai_client_inference_usage_input_tokens_total",
        "gen_ai_client_inference_usage_cache_read_input_tokens_total",
    } <= families
