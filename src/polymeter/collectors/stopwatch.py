"""StopwatchMetricsCollector: what stopwatches measure, as a timer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.collectors.base import MetricsCollector
from polymeter.data.kind import Kind
from polymeter.events.stopwatch import StopwatchPeriodEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["StopwatchMetricsCollector"]

_NAME: Final = "stopwatch.duration_ms"
_OF_A_SECTION: Final = "__section__"
_WITHOUT_ID: Final = "unnamed"


class StopwatchMetricsCollector(MetricsCollector):
    """Records each period that ends, on the Timer ``stopwatch.duration_ms`` {name, category}.

    :param sections: tell sections apart by a tag ``section``, and record how long they were open, as name
        ``__section__``. Only if their ids are few: one of its own for each request would be a series of its own.
    """

    def __init__(self, *, sections: bool = False) -> None:
        self._has_sections = sections

    def listeners(self) -> Mapping[type, Callable[[Any], None]]:
        """Give event class -> what is called with each event of it."""
        self.registry.define(_NAME, Kind.TIMER, help="Time from start to stop, by what a stopwatch measured.")
        return {StopwatchPeriodEnded: self._with_section if self._has_sections else self._ended}

    def _ended(self, event: StopwatchPeriodEnded) -> None:
        if event.name != _OF_A_SECTION:
            self.timer(_NAME, event.duration_ms, {"name": event.name, "category": event.category})

    def _with_section(self, event: StopwatchPeriodEnded) -> None:
        section = _WITHOUT_ID if event.section is None else event.section
        self.timer(_NAME, event.duration_ms, {"name": event.name, "category": event.category, "section": section})
