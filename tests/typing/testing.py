"""What our types promise to those who write tests. `make check` reads it; nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest

from polymeter.registries import AggregatingRegistry
from polymeter.testing import MetricsInTest, Watched, approved_text, assert_approved, expect
from polymeter.testing.expectations import Expectations

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter import Metrics
    from polymeter.data import Metric


def the_fixture_is_a_metrics(metrics: MetricsInTest) -> Metrics:
    """With a block that has to record something, of one expectation or several."""
    with metrics.expect("turns", {"model": "x", "ok": True}, by=1).expect("wait_ms", count=1, quantile={0.5: 250}):
        pass
    with metrics.expect("cost", by=pytest.approx(0.3)):  # pyright: ignore[reportUnknownMemberType] - pytest's
        pass
    assert_type(metrics.expect("load", to=0.5), Expectations)
    return metrics


def wrong_figures_are_errors(metrics: MetricsInTest) -> None:
    """Before the test runs."""
    metrics.expect("turns", increase=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    metrics.expect("turns", at_least="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def what_exists_can_be_watched(metrics_for: Callable[[object], Watched]) -> list[Metric]:
    """Whatever it is."""
    watched = metrics_for(AggregatingRegistry())
    watched.check("turns", {"model": "x"}, by=1)
    assert_type(watched.total("turns"), float)
    assert_type(watched.events, list[Any])
    return watched.changes()


def a_snapshot_can_be_approved(metrics: Metrics) -> None:
    """And all that has one, and a text."""
    for what in (metrics, metrics.registry, metrics.snapshot(), [*metrics.snapshot()]):
        assert_approved(what, "name", durations="exact")
        assert_type(approved_text(what), str)
    assert_approved("text", "name")
    with expect(metrics, "turns", at_least=1, at_most=3), expect(metrics.registry, "turns", no_change=True):
        pass
