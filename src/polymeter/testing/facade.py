"""MetricsInTest: what the fixture ``metrics`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.events.dispatcher import EventDispatcher
from polymeter.metrics import Metrics
from polymeter.testing.clock import ManualClock
from polymeter.testing.expectations.block import Expecting

if TYPE_CHECKING:
    from typing import Unpack

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics
    from polymeter.data.tags import TagsLike
    from polymeter.testing.expectations import Expectations, Figures

__all__ = ["MetricsInTest"]


class MetricsInTest(Metrics, Expecting):
    """A ``Metrics`` whose listeners' exceptions reach whoever dispatched, on a clock that stands still."""

    def __init__(
        self,
        events: CanDispatchEvents | None = None,
        registry: CanStoreMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a facade.

        :param events: default: a new ``EventDispatcher(on_error="raise")``.
        :param registry: default: a new ``AggregatingRegistry``.
        :param clock: default: a new ``ManualClock``.
        """
        clock = ManualClock() if clock is None else clock
        super().__init__(EventDispatcher(on_error="raise", clock=clock) if events is None else events, registry, clock)
        self._given = []

    def expect(self, name: str, tags: TagsLike | None = None, **figures: Unpack[Figures]) -> Expectations:
        """Give a block that has to record something: ``with metrics.expect("calls", by=1):``.

        :param figures: see :func:`polymeter.testing.expect`.
        :raises AssertionError: at the end of the block, with what it did record.
        :raises DefinitionError: for figures that no metric has together.
        """
        return self._expect(self, name, tags, **figures)
