"""The same happens through three client libraries: the metrics are the same, but for the provider and its words.

LiteLLM, which cannot live beside this version of the OpenAI SDK, plays the same script in ``tests/sources_openai2``.
"""

from __future__ import annotations

import pytest

from tests.sources.anthropic.test_anthropic_endings import Messages
from tests.sources.google_genai.test_google_genai_endings import Contents
from tests.sources.same_script import check_figures, check_times, played
from tests.sources.test_openai_endings import Chat

ADAPTERS = {"openai": Chat, "anthropic": Messages, "gcp.gemini": Contents}


@pytest.mark.parametrize("provider", ADAPTERS)
def test_the_same_script_gives_the_same_metrics(provider, monkeypatch):
    with played(ADAPTERS[provider](), monkeypatch) as metrics:
        check_figures(metrics, provider)
        check_times(metrics)
