"""Recording with filters on the registry, beside the same without."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness import Result, Row, measured
from polymeter import Metrics, context_tags
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries import AggregatingRegistry
from polymeter.registries.filters import CommonTags, ContextTags, Deny, DropTags, RenameMetric, RenameTag

N = 50_000
FILTERS = (CommonTags({"region": "eu"}), RenameMetric("c", "d"), RenameTag("a", "z"), Deny("debug.*"))


def rows() -> list[Result]:
    """Measure."""
    return [
        measured(row)
        for row in (
            by_name("counter by name, 4 filters", AggregatingRegistry(filters=FILTERS), 1.1),
            by_name("counter by name, 1 tag of 2 dropped", AggregatingRegistry(filters=[DropTags("b")]), None),
            by_name(
                "counter by name, 1 tag of the context", AggregatingRegistry(filters=[ContextTags("tenant")]), None
            ),
            by_name("counter by name, denied", AggregatingRegistry(filters=[Deny("c")]), None),
            event(),
        )
    ]


def by_name(name: str, filtered: AggregatingRegistry, target: float | None) -> Row:
    """Add one to a counter, found by name and two tags."""
    plain = AggregatingRegistry()

    def ours() -> None:
        record_on(filtered)

    def theirs() -> None:
        record_on(plain)

    return Row(name, ours, theirs, "without filters", N, target)


def record_on(registry: AggregatingRegistry) -> None:
    """Record in a context with a tag."""
    with context_tags(tenant="acme"):
        for _ in range(N):
            registry.counter("c", {"a": "x", "b": "y"})
    assert registry.health().records


@dataclass(slots=True, kw_only=True)
class Finished:
    """What happened."""

    a: str
    took_ms: float


class Collector(MetricsCollector):
    """Three metrics of one event."""

    finished = measure.counter("c", on=Finished, tags=("a",))
    took = measure.timer("took_ms", on=Finished, value="took_ms", tags=("a",))
    size = measure.histogram("size", on=Finished, value="took_ms", tags=("a",))


def event() -> Row:
    """Dispatch an event to a compiled collector."""
    filtered = Metrics(registry=AggregatingRegistry(filters=FILTERS)).collect(Collector())
    plain = Metrics().collect(Collector())
    finished = Finished(a="x", took_ms=3.0)

    def dispatch_to(metrics: Metrics) -> None:
        for _ in range(N):
            metrics.events.dispatch(finished)
        assert len(metrics.registry) == len(("c", "took_ms", "size"))

    return Row(
        "event with 3 metrics, 4 filters",
        lambda: dispatch_to(filtered),
        lambda: dispatch_to(plain),
        "without filters",
        N,
        1.1,
    )
