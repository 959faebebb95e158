"""Beside the flow: events from our own code. What is timed or counted here becomes metrics by a collector.

``timed`` and ``counted`` look at what they decorate: functions, coroutines, generators, context managers, classes. A
``Stopwatch`` measures by name, in sections, and shows what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.timing.counts import Counting, counted
    from polymeter.timing.durations import Timing, timed
    from polymeter.timing.long_tasks import LongTasks
    from polymeter.timing.sample import Sample, start
    from polymeter.timing.stopwatch import Stopwatch, StopwatchError, StopwatchEvent, StopwatchPeriod, StopwatchSection
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "counts": "Counting counted",
            "long_tasks": "LongTasks",
            "sample": "Sample start",
            "durations": "Timing timed",
            "stopwatch": "Stopwatch StopwatchError StopwatchEvent StopwatchPeriod StopwatchSection",
        },
    )

__all__ = [
    "Counting",
    "LongTasks",
    "Sample",
    "Stopwatch",
    "StopwatchError",
    "StopwatchEvent",
    "StopwatchPeriod",
    "StopwatchSection",
    "Timing",
    "counted",
    "start",
    "timed",
]
