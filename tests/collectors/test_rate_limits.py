"""RateLimitMetricsCollector: what the last answer said of each limit, and how often nothing was left."""

from __future__ import annotations

import pytest

from polymeter import Kind
from polymeter.collectors import RateLimitMetricsCollector
from polymeter.events.rate_limits import RateLimitReported
from tests.collectors.inference_script import written


def reported(kind="requests", model="gpt-demo", **said):
    return RateLimitReported(provider="openai", model=model, kind=kind, **said)


def tags(kind="requests", model="gpt-demo"):
    return {"provider": "openai", "model": model, "kind": kind}


@pytest.fixture
def measured(metrics):
    metrics.collect(RateLimitMetricsCollector())
    for event in (
        reported(limit=100, remaining=99, reset_seconds=0.6),
        reported("tokens", limit=40_000, remaining=10_000, reset_seconds=45),
        reported(limit=100, remaining=0, reset_seconds=30),
        reported(limit=100, remaining=25),  # says nothing of the reset: what was known of it stays
        reported(model="other", remaining=0),
        reported(model="silent"),
    ):
        metrics.events.dispatch(event)
    assert metrics.health().is_well
    return metrics


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("remaining", [(tags(), 25), (tags("tokens"), 10_000), (tags(model="other"), 0)]),
        ("limit", [(tags(), 100), (tags("tokens"), 40_000)]),
        ("headroom_ratio", [(tags(), 0.25), (tags("tokens"), 0.25)]),
        ("reset_seconds", [(tags(), 30), (tags("tokens"), 45)]),
    ],
)
def test_what_the_last_answer_said(measured, name, expected):
    """By provider, model and kind; what it did not say changes nothing."""
    assert written(measured, f"inference.rate_limit.{name}") == expected
    assert {metric.kind for metric in measured.registry.find(f"inference.rate_limit.{name}")} == {Kind.GAUGE}


def test_how_often_nothing_was_left(measured):
    assert written(measured, "inference.rate_limit.exhausted") == [(tags(), 1), (tags(model="other"), 1)]


@pytest.mark.parametrize("limit", [0, -1, None])
def test_without_a_limit_there_is_no_headroom(metrics, limit):
    metrics.collect(RateLimitMetricsCollector())
    metrics.events.dispatch(reported(limit=limit, remaining=5))
    assert metrics.registry.find("inference.rate_limit.headroom_ratio") == []
    assert metrics.health().is_well
