"""What the parts of the collector's contract share: the fixtures, the wiring, and how metrics are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

import pytest

from polymeter.data.kind import Kind
from polymeter.events.dispatcher import EventDispatcher
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.abilities import leave_out_what_does_not_apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.contracts import CanCollectMetrics, CanStoreMetrics
    from polymeter.data.metric import Metric
    from polymeter.registries import RegistryHealth
    from polymeter.subscription import Subscription

__all__ = ["CollectorTests", "MakeRegistry", "Wired", "adds_up", "figures_of", "health_of", "metrics_of"]

MakeRegistry: TypeAlias = "Callable[[ManualClock], CanStoreMetrics]"
"""Makes a new registry that takes its time from a clock."""

_REGISTRIES: Final[dict[str, MakeRegistry]] = {
    "aggregating": lambda clock: AggregatingRegistry(clock=clock),
    "in memory": lambda clock: InMemoryRegistry(clock=clock),
    "windowed": lambda clock: WindowedRegistry(clock=clock),
    "composite": lambda clock: CompositeRegistry(AggregatingRegistry(clock=clock), InMemoryRegistry(clock=clock)),
}


class Wired(NamedTuple):
    """A collector between a dispatcher and a registry, all of them new.

    :ivar clock: of both; stands still.
    """

    collector: CanCollectMetrics
    events: EventDispatcher
    registry: CanStoreMetrics
    clock: ManualClock
    subscription: Subscription

    def dispatch(self, events: Iterable[Any]) -> None:
        """Dispatch ``events``, one after the other."""
        for event in events:
            self.events.dispatch(event)

    def is_heard(self, event: object) -> bool:
        """Tell whether anybody would hear an event of the class of ``event``."""
        return bool(self.events.emitter(type(event)).listening)

    @property
    def figures(self) -> dict[str, float]:
        """What the registry has now, as numbers that can be compared."""
        return figures_of(metrics_of(self.registry))


class CollectorTests:
    """The fixtures of a collector's tests, and what it declares.

    :cvar registers_once: registering one that is registered already raises ``DefinitionError``. If not, each
        registration records by itself.
    :cvar explains_metrics: every metric that it records is defined with a ``help``.
    """

    registers_once: ClassVar[bool] = True
    explains_metrics: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.make_collector is not CollectorTests.make_collector:
            leave_out_what_does_not_apply(cls)

    def make_collector(self) -> CanCollectMetrics:
        """Give a new collector."""
        message = f"{type(self).__name__}: override make_collector() to say how one is made"
        raise NotImplementedError(message)

    def make_events(self) -> list[Any]:
        """Give new events that the collector understands: at least one, and of each class that it listens to."""
        message = f"{type(self).__name__}: override make_events() to give events that the collector understands"
        raise NotImplementedError(message)

    def expected_totals(self) -> Mapping[str, float]:
        """Give metric name -> its total after the events of :meth:`make_events`; may leave some out, or all."""
        return {}

    @pytest.fixture(params=list(_REGISTRIES))
    def make_registry(self, request: pytest.FixtureRequest) -> MakeRegistry:
        """Give what makes a new registry on a clock: one kind after the other."""
        return _REGISTRIES[request.param]

    @pytest.fixture
    def wired(self, make_registry: MakeRegistry) -> Wired:
        """Give a new collector, wired. What a listener raises fails the test."""
        return self.wire(make_registry)

    def wire(
        self,
        make_registry: MakeRegistry,
        events: EventDispatcher | None = None,
        *,
        on_error: Literal["isolate", "raise"] = "raise",
    ) -> Wired:
        """Wire a new collector to a new registry, and to ``events`` or a new dispatcher."""
        clock = ManualClock()
        registry = make_registry(clock)
        dispatcher = EventDispatcher(on_error=on_error, clock=clock) if events is None else events
        collector = self.make_collector()
        return Wired(collector, dispatcher, registry, clock, collector.register(dispatcher, registry))


def metrics_of(registry: CanStoreMetrics) -> list[Metric]:
    """Give what was recorded, one metric per series, without the registry's own."""
    return [metric for metric in registry.snapshot() if not metric.name.startswith("polymeter.")]


def figures_of(metrics: Iterable[Metric]) -> dict[str, float]:
    """Give the numbers in metrics by what they are, to be compared with ``pytest.approx``.

    A gauge, of which only the last reading is left, is there or not.
    """
    figures: dict[str, float] = {}
    for metric in metrics:
        if metric.kind.is_distribution:
            distribution: Any = getattr(metric, "distribution")  # noqa: B009 - a histogram and a timer have one
            figures |= {f"{metric.kind} {_identity(metric)} {each}": getattr(distribution, each) for each in _OF_MANY}
        else:
            figures[f"{metric.kind} {_identity(metric)}"] = 1 if metric.kind is Kind.GAUGE else metric.value
    return figures


_OF_MANY: Final = ("count", "sum", "min", "max")


def adds_up(figure: str) -> bool:
    """Tell whether a figure of twice the events is twice as large."""
    return not figure.startswith(f"{Kind.GAUGE} ") and not figure.endswith((" min", " max"))


def _identity(metric: Metric) -> str:
    return f"{metric.name}{{{metric.tags}}}"


def health_of(registry: CanStoreMetrics) -> RegistryHealth:
    """Give the health of a registry of ours."""
    health: Callable[[], RegistryHealth] = getattr(registry, "health")  # noqa: B009 - not of every registry
    return health()
