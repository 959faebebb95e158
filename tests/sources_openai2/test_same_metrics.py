"""What happens through LiteLLM gives the metrics that it gives through the client libraries of the providers."""

from __future__ import annotations

from tests.sources.same_script import check_figures, check_times, played
from tests.sources_openai2.litellm_adapters import Together


def test_the_same_script_gives_the_same_metrics(monkeypatch):
    with played(Together(), monkeypatch) as metrics:
        check_figures(metrics, "openai")
        check_times(metrics)
