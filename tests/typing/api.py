"""What our types promise: realistic code that mypy and pyright must accept. `make check` reads it; nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from polymeter import Metrics
from polymeter.data import Counter, Distribution, Metric, Snapshot, Tags, Timer
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.prometheus import Quantiles
from polymeter.exporters.serving import Bearer, Server
from polymeter.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.clock import Clock
    from polymeter.contracts import Temporality


def a_test_holds_the_clock() -> None:
    """A clock for tests goes wherever a clock goes."""
    clock: Clock = ManualClock(start=0.0)
    assert_type(clock.wall(), float)


def values_merge_into_their_own_kind() -> None:
    """The type of a metric survives the merge."""
    calls = Counter("calls", 1, {"model": "a"})
    assert_type(calls.merge(calls), Counter)
    assert_type(calls.tags, Tags)


def percentile_of(metrics: Iterable[Metric]) -> float | None:
    """A timer is told from the other kinds by its class."""
    for metric in metrics:
        if isinstance(metric, Timer):
            assert_type(metric.distribution, Distribution)
            return metric.quantile_ms(0.99)
    return None


def a_snapshot_is_an_iterable_of_metrics(snapshot: Snapshot) -> float | None:
    """What an exporter is given can be walked as it is."""
    return percentile_of(snapshot)


class Asynchronous:
    """An exporter may be asynchronous."""

    temporality: Temporality = "delta"

    async def export(self, snapshot: Iterable[Metric], /) -> None:
        """Deliver."""


def a_chain_is_wired_in_one_go() -> None:
    """Every step gives the facade back."""
    prometheus = PrometheusExporter(histograms="native", styles={"jobs.*": Quantiles(0.5, 0.99)})
    metrics = Metrics().export_to(prometheus).export_to(Asynchronous(), ambiguous="drop").every(10, timeout=3)
    assert_type(metrics.after(100).at_exit().on_signal(15), Metrics)
    assert_type(prometheus.serve(0, auth=Bearer("token")), Server)
    assert_type(Metrics.from_config("polymeter.toml"), Metrics)


async def a_facade_lives_on_an_event_loop() -> None:
    """Everything that waits can be awaited."""
    async with Metrics() as metrics:
        assert_type(metrics, Metrics)
        metrics.every(10, mode="task")
        await metrics.aexport()
