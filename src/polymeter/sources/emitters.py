"""How one dispatcher hears of inferences: which events somebody listens to, and on which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamChunkReceived,
    StreamFirstChunkReceived,
    StreamFirstContentReceived,
)
from polymeter.events.rate_limits import RateLimitReported

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["InferenceEmitters", "clock_of"]


def clock_of(events: CanDispatchEvents) -> Clock:
    """Give the dispatcher's own clock (``events.clock``), else the system's."""
    own = getattr(events, "clock", None)
    return own if isinstance(own, Clock) else SYSTEM_CLOCK


class InferenceEmitters:
    """One dispatcher as inferences see it: an emitter per event class, and a clock.

    :param events: the dispatcher.
    :param clock: times its events; left out: that of :func:`clock_of`.
    """

    __slots__ = (
        "attempt_failed",
        "attempt_started",
        "attempt_succeeded",
        "chunk",
        "clock",
        "completed",
        "events",
        "first_chunk",
        "first_content",
        "rate_limit",
        "started",
        "usage_reported",
    )

    def __init__(self, events: CanDispatchEvents, clock: Clock | None = None) -> None:
        self.events = events
        self.clock = clock or clock_of(events)
        self.started = events.emitter(InferenceStarted)
        self.attempt_started = events.emitter(InferenceAttemptStarted)
        self.attempt_succeeded = events.emitter(InferenceAttemptSucceeded)
        self.attempt_failed = events.emitter(InferenceAttemptFailed)
        self.first_chunk = events.emitter(StreamFirstChunkReceived)
        self.first_content = events.emitter(StreamFirstContentReceived)
        self.chunk = events.emitter(StreamChunkReceived)
        self.usage_reported = events.emitter(InferenceUsageReported)
        self.completed = events.emitter(InferenceCompleted)
        self.rate_limit = events.emitter(RateLimitReported)

    @property
    def listening(self) -> bool:
        """Whether anybody would hear any event of an inference."""
        return (
            self.completed.listening
            or self.started.listening
            or self.usage_reported.listening
            or self.attempt_started.listening
            or self.attempt_succeeded.listening
            or self.attempt_failed.listening
            or self.first_chunk.listening
            or self.first_content.listening
            or self.chunk.listening
            or self.rate_limit.listening
        )
