"""What it costs to know what a call cost: an event into three metrics, beside asking the library once."""

from __future__ import annotations

import genai_prices

from benchmarks.harness import Result, Row, measured
from polymeter import Metrics
from polymeter.collectors import CostMetricsCollector
from polymeter.events.inference import InferenceCompleted, Usage

N = 20_000
PEER_N = N // 100


def rows() -> list[Result]:
    """Measure."""
    metrics = Metrics().collect(CostMetricsCollector())
    said = {"execution_id": "1", "model": "gpt-4o-mini", "provider": "openai", "outcome": "ok", "duration_ms": 900}
    tokens = Usage(input=800, cache_read=200, output=100)
    one, other = (InferenceCompleted(**said, usage=tokens) for _ in range(2))  # what was worked out last is remembered
    emit = metrics.events.emitter(InferenceCompleted)
    usage = genai_prices.Usage(input_tokens=1000, cache_read_tokens=200, output_tokens=100)
    assert metrics.registry.total("inference.cost_usd") == 0

    def ours() -> None:
        for _ in range(N // 2):
            emit(one)
            emit(other)
        assert metrics.registry.total("inference.cost_usd") > 0

    def theirs() -> None:
        for _ in range(PEER_N):
            assert float(genai_prices.calc_price(usage, "gpt-4o-mini", provider_id="openai").total_price) == 0.000195

    result = measured(Row("cost of a call: event -> 3 metrics", ours, theirs, "genai-prices, calc_price", N, 0.05))
    return [Result(result.name, result.peer_name, result.ours, result.peer * N / PEER_N, result.target)]
