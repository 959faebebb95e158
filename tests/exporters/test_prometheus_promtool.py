"""Prometheus' own checker has nothing to say about the metrics that we ship."""

from __future__ import annotations

import pytest

from polymeter.collectors import InferenceMetricsCollector
from polymeter.errors import ExportError
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamFirstChunkReceived,
    Usage,
)
from polymeter.exporters import CallbackExporter, PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.testing.clock import ManualClock
from tests.exporters.prometheus_reading import by_name, promtool_says
from tests.exporters.test_prometheus_golden import GOLDEN

CALL = {"execution_id": "1", "model": 'a "model"\\\n', "streamed": True}
USAGE = Usage(input=10, cache_read=3, cache_write=2, output=20, reasoning=5)
EVENTS = [
    InferenceStarted(**CALL),
    InferenceAttemptStarted(**CALL, attempt=1),
    InferenceAttemptFailed(
        **CALL, attempt=1, duration_ms=3, error_type="RateLimitError", http_status=429, will_retry=True
    ),
    InferenceAttemptStarted(**CALL, attempt=2),
    InferenceAttemptSucceeded(**CALL, attempt=2, duration_ms=30, http_status=200),
    StreamFirstChunkReceived(**CALL, time_to_first_chunk_ms=40),
    InferenceUsageReported(**CALL, usage=USAGE),
    InferenceCompleted(
        **CALL, outcome="ok", duration_ms=100, finish_reason="stop", time_to_first_chunk_ms=40, usage=USAGE
    ),
    InferenceCompleted(**CALL, outcome="ok", duration_ms=100),
]
FAMILIES = {
    "inference_active",
    "inference_attempts_failed_total",
    "inference_attempts_total",
    "inference_completed_total",
    "inference_decode_tokens_per_second",
    "inference_duration_seconds",
    "inference_input_tokens",
    "inference_output_tokens",
    "inference_started_total",
    "inference_throughput",
    "inference_throughput_tokens_per_second",
    "inference_total_tokens",
    "inference_ttfc_seconds",
    "inference_usage_missing_total",
    "inference_usage_tokens_total",
    "polymeter_exports_total",
    "polymeter_listeners_failed_total",
    "polymeter_listeners_held_back_total",
    "polymeter_polls_failed_total",
    "polymeter_records_applied_total",
    "polymeter_records_folded_total",
    "polymeter_records_invalid_total",
    "polymeter_series",
}


class Broken:
    """A source that cannot be polled."""

    def poll(self, _):
        raise OSError


def fail(_):
    raise ValueError


@pytest.fixture
def text():
    """Give the text of every metric that we ship, the ones of failures included."""
    exporter = PrometheusExporter()
    with Metrics(clock=ManualClock()).collect(InferenceMetricsCollector()).export_to(exporter) as metrics:
        for event in EVENTS:
            metrics.events.dispatch(event)
        metrics.registry.counter("calls", None, float("nan"))
        metrics.registry.define("visits", "counter", help="Visits.", budget=5)
        for visitor in range(20):
            metrics.registry.counter("visits", {"visitor": visitor})
        metrics.events.add_listener(InferenceStarted, fail)
        for _ in range(30):  # until it is in quarantine
            metrics.events.dispatch(EVENTS[0])
        metrics.watch(Broken()).export_to(CallbackExporter(fail))
        with pytest.raises(ExportError):
            metrics.export()
        return exporter.render()


def test_every_metric_that_we_ship_is_there(text):
    families = by_name(text)
    assert {name for name in families if name.startswith(("inference_", "polymeter_"))} == FAMILIES
    assert families["polymeter_listeners_held_back_total"].samples


def test_promtool_has_nothing_to_say_about_our_own_metrics(promtool, text):
    answer = promtool_says(promtool, text)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_promtool_can_read_the_golden_text(promtool):
    assert promtool_says(promtool, (GOLDEN / "text_0_0_4.txt").read_text("utf-8")).returncode == 0
