"""Track: one run as one dispatcher hears it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

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

if TYPE_CHECKING:
    from polymeter.events.inference import Outcome, Usage
    from polymeter.sources.emitters import InferenceEmitters
    from polymeter.sources.run import InferenceRun

__all__ = ["Track", "pop"]

ItemT = TypeVar("ItemT")


class Track:
    """One run as one dispatcher hears it: on its clock, and only the events that somebody listens to.

    Each method tells one event of :class:`InferenceRun`, whose order and number are up to that.

    :param to: the dispatcher.
    :param same: what all events of the run repeat.
    """

    __slots__ = (
        "_attempt_began",
        "_began",
        "_chunk",
        "_chunks",
        "_clock",
        "_first_chunk_at",
        "_first_content_at",
        "_last_chunk_at",
        "_monotonic",
        "_no_chunk_yet",
        "_no_content_yet",
        "_same",
        "to",
    )

    def __init__(self, to: InferenceEmitters, same: dict[str, Any]) -> None:
        self.to = to
        self._same = same
        self._clock = to.clock
        self._monotonic = to.clock.monotonic
        self._chunk = to.chunk
        self._began = self._attempt_began = self._last_chunk_at = self._monotonic()
        self._chunks = 0
        # Lists of one: pop() is atomic and needs no lock, so of several callers exactly one gets the item.
        self._no_chunk_yet = [True]
        self._no_content_yet = [True]
        self._first_chunk_at: float | None = None
        self._first_content_at: float | None = None

    def _ms_since(self, moment: float) -> float:
        return (self._monotonic() - moment) * 1000.0

    def _ms_to(self, moment: float | None) -> float | None:
        return None if moment is None else (moment - self._began) * 1000.0

    def started(self) -> None:
        """Tell that it began."""
        if self.to.started.listening:
            self.to.started(InferenceStarted(at=self._clock.wall(), **self._same))

    def attempt_started(self, attempt: int) -> None:
        """Tell that a request is about to be sent."""
        self._attempt_began = self._monotonic()
        if self.to.attempt_started.listening:
            self.to.attempt_started(InferenceAttemptStarted(at=self._clock.wall(), attempt=attempt, **self._same))

    def attempt_succeeded(self, attempt: int, http_status: int | None) -> None:
        """Tell that the request was answered."""
        if self.to.attempt_succeeded.listening:
            self.to.attempt_succeeded(
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
        if self.to.attempt_failed.listening:
            self.to.attempt_failed(
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

    def chunk(self, has_content: bool) -> None:  # noqa: FBT001 - called for every token, by place
        """Count a chunk, and tell what is new about it; this happens for every token, so it makes nothing."""
        now = self._monotonic()
        before, self._last_chunk_at = self._last_chunk_at, now
        self._chunks += 1
        if self._no_chunk_yet or self._chunk.listening or (has_content and self._no_content_yet):
            self._tell_chunk(now, before, has_content=has_content)

    def _tell_chunk(self, now: float, before: float, *, has_content: bool) -> None:
        index, to = self._chunks - 1, self.to
        first = pop(self._no_chunk_yet) is not None
        first_content = has_content and pop(self._no_content_yet) is not None
        if first:
            self._first_chunk_at = now
        if first_content:
            self._first_content_at = now
        try:
            if first and to.first_chunk.listening:
                ms = (now - self._began) * 1000.0
                to.first_chunk(StreamFirstChunkReceived(at=self._clock.wall(), time_to_first_chunk_ms=ms, **self._same))
        finally:
            if first_content and to.first_content.listening:
                ms = (now - self._began) * 1000.0
                to.first_content(
                    StreamFirstContentReceived(at=self._clock.wall(), time_to_first_content_ms=ms, **self._same)
                )
        if not first and to.chunk.listening:
            gap_ms = (now - before) * 1000.0
            to.chunk(
                StreamChunkReceived(
                    at=self._clock.wall(), index=index, gap_ms=gap_ms, has_content=has_content, **self._same
                )
            )

    def usage_reported(self, usage: Usage) -> None:
        """Tell what was used."""
        if self.to.usage_reported.listening:
            self.to.usage_reported(InferenceUsageReported(at=self._clock.wall(), usage=usage, **self._same))

    def completed(self, run: InferenceRun, outcome: Outcome, error_type: str | None) -> None:
        """Tell that it is over."""
        if self.to.completed.listening:
            self.to.completed(
                InferenceCompleted(
                    at=self._clock.wall(),
                    outcome=outcome,
                    duration_ms=self._ms_since(self._began),
                    attempt_count=run.attempt_count or int(outcome == "ok"),  # an answer took a request, told or not
                    finish_reason=run.finish_reason,
                    time_to_first_chunk_ms=self._ms_to(self._first_chunk_at),
                    usage=run.reported,
                    error_type=error_type,
                    response_model=run.response_model,
                    time_to_first_content_ms=self._ms_to(self._first_content_at),
                    chunk_count=self._chunks,
                    mean_chunk_gap_ms=self._mean_gap_ms(),
                    input_count=run.input_count,
                    dimensions=run.dimensions,
                    server_address=run.server_address,
                    **self._same,
                )
            )

    def _mean_gap_ms(self) -> float | None:
        first, gaps = self._first_chunk_at, self._chunks - 1
        return (self._last_chunk_at - first) * 1000.0 / gaps if first is not None and gaps > 0 else None


def pop(items: list[ItemT]) -> ItemT | None:
    """Take the last of ``items``, of several callers only one; ``None`` if there is none left."""
    try:
        return items.pop()
    except IndexError:
        return None
