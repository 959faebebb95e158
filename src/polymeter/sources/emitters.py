"""How one dispatcher hears of inferences: which events somebody listens to, and on which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamFirstChunkReceived,
)

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.inference import Outcome, Usage
    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["InferenceEmitters", "Track"]


class InferenceEmitters:
    """One dispatcher as inferences see it: an emitter per event class, and a clock.

    :param events: the dispatcher.
    :param clock: times its events; left out: the dispatcher's own (``events.clock``), else the system's.
    """

    __slots__ = (
        "attempt_failed",
        "attempt_started",
        "attempt_succeeded",
        "clock",
        "completed",
        "events",
        "first_chunk",
        "started",
        "usage_reported",
    )

    def __init__(self, events: CanDispatchEvents, clock: Clock | None = None) -> None:
        own = getattr(events, "clock", None)
        self.events = events
        self.clock = clock or (own if isinstance(own, Clock) else SYSTEM_CLOCK)
        self.started = events.emitter(InferenceStarted)
        self.attempt_started = events.emitter(InferenceAttemptStarted)
        self.attempt_succeeded = events.emitter(InferenceAttemptSucceeded)
        self.attempt_failed = events.emitter(InferenceAttemptFailed)
        self.first_chunk = events.emitter(StreamFirstChunkReceived)
        self.usage_reported = events.emitter(InferenceUsageReported)
        self.completed = events.emitter(InferenceCompleted)

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
        )


class Track:
    """One run as one dispatcher hears it: on its clock, and only the events that somebody listens to.

    Each method tells one event of :class:`InferenceRun`, whose order and number are up to that.

    :param to: the dispatcher.
    :param same: what all events of the run repeat.
    """

    __slots__ = ("_attempt_began", "_began", "_clock", "_same", "_to", "ttfc_ms")

    def __init__(self, to: InferenceEmitters, same: dict[str, Any]) -> None:
        self._to = to
        self._same = same
        self._clock = to.clock
        self._began = self._attempt_began = self._clock.monotonic()
        self.ttfc_ms: float | None = None

    def _ms_since(self, moment: float) -> float:
        return (self._clock.monotonic() - moment) * 1000.0

    def started(self) -> None:
        """Tell that it began."""
        if self._to.started.listening:
            self._to.started(InferenceStarted(at=self._clock.wall(), **self._same))

    def attempt_started(self, attempt: int) -> None:
        """Tell that a request is about to be sent."""
        self._attempt_began = self._clock.monotonic()
        if self._to.attempt_started.listening:
            self._to.attempt_started(InferenceAttemptStarted(at=self._clock.wall(), attempt=attempt, **self._same))

    def attempt_succeeded(self, attempt: int, http_status: int | None) -> None:
        """Tell that the request was answered."""
        if self._to.attempt_succeeded.listening:
            self._to.attempt_succeeded(
                InferenceAttemptSucceeded(
                    at=self._clock.wall(),
                    attempt=attempt,
                    duration_ms=self._ms_since(self._attempt_began),
                    http_status=http_status,
                    **self._same,
                )
            )

    def attempt_failed(
        self, attempt: int, error_type: str | None, http_status: int | None, *, will_retry: bool
    ) -> None:
        """Tell that the request failed."""
        if self._to.attempt_failed.listening:
            self._to.attempt_failed(
                InferenceAttemptFailed(
                    at=self._clock.wall(),
                    attempt=attempt,
                    duration_ms=self._ms_since(self._attempt_began),
                    error_type=error_type,
                    http_status=http_status,
                    will_retry=will_retry,
                    **self._same,
                )
            )

    def chunk(self) -> None:
        """Tell that the first chunk came."""
        self.ttfc_ms = self._ms_since(self._began)
        if self._to.first_chunk.listening:
            self._to.first_chunk(
                StreamFirstChunkReceived(at=self._clock.wall(), time_to_first_chunk_ms=self.ttfc_ms, **self._same)
            )

    def usage_reported(self, usage: Usage) -> None:
        """Tell what was used."""
        if self._to.usage_reported.listening:
            self._to.usage_reported(InferenceUsageReported(at=self._clock.wall(), usage=usage, **self._same))

    def completed(self, run: InferenceRun, outcome: Outcome, error_type: str | None) -> None:
        """Tell that it is over."""
        if self._to.completed.listening:
            self._to.completed(
                InferenceCompleted(
                    at=self._clock.wall(),
                    outcome=outcome,
                    duration_ms=self._ms_since(self._began),
                    attempt_count=run.attempt_count or int(outcome == "ok"),  # an answer took a request, told or not
                    finish_reason=run.finish_reason,
                    time_to_first_chunk_ms=self.ttfc_ms,
                    usage=run.reported,
                    error_type=error_type,
                    response_model=run.response_model,
                    **self._same,
                )
            )
