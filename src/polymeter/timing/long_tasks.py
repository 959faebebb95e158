"""LongTasks: what runs now, told before each snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.events.timing import LongTasksSampled
from polymeter.timing.runs import OPEN, TimedRun

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.timing import TagPairs

__all__ = ["LongTasks"]


class LongTasks:
    """A polled source: how many runs of ``timed(..., long_task=True)`` there are now, and how long they have taken.

    ::

        metrics = Metrics().watch(LongTasks()).collect(TimingMetricsCollector())

    It tells the dispatcher that is watched of the runs that were told to that one, by name and tags; once the last one
    of these has ended, it says so once.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, TagPairs], None] = {}

    def poll(self, events: CanDispatchEvents) -> None:
        """Dispatch the current state to ``events``."""
        sampled = events.emitter(LongTasksSampled)
        if not sampled.listening:
            return
        running: dict[tuple[str, TagPairs], list[float]] = {key: [] for key in self._told}
        wall = None
        for reference in list(OPEN.values()):
            run = reference()
            if isinstance(run, TimedRun) and run.is_long and run.target.events is events:
                running.setdefault((run.name, run.tags), []).append(max(0.0, run.elapsed_ms))
                wall = run.target.wall
        self._told = dict.fromkeys(key for key, times in running.items() if times)
        for (name, tags), times in running.items():
            sampled(
                LongTasksSampled(
                    at=None if wall is None else wall(),
                    name=name,
                    tags=tags,
                    active=len(times),
                    longest_ms=max(times, default=0.0),
                    total_ms=sum(times),
                )
            )
