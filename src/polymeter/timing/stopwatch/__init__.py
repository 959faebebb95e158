"""A stopwatch: measure by name, in sections, and look at it as text or as a picture."""

from __future__ import annotations

from polymeter.timing.stopwatch.errors import StopwatchError
from polymeter.timing.stopwatch.event import StopwatchEvent
from polymeter.timing.stopwatch.period import StopwatchPeriod
from polymeter.timing.stopwatch.section import StopwatchSection
from polymeter.timing.stopwatch.stopwatch import Stopwatch

__all__ = ["Stopwatch", "StopwatchError", "StopwatchEvent", "StopwatchPeriod", "StopwatchSection"]
