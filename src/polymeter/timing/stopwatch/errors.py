"""What a stopwatch refuses."""

from __future__ import annotations

from polymeter.errors import PolymeterError

__all__ = ["StopwatchError"]


class StopwatchError(PolymeterError, RuntimeError):
    """Something was stopped or asked for that is not there; the message says what is."""
