"""An ear for everything that a source says, and the laws that it has to keep."""

from __future__ import annotations

from collections import defaultdict

from polymeter.events import EventDispatcher
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceEvent,
    InferenceStarted,
    InferenceUsageReported,
    StreamChunkReceived,
    StreamFirstChunkReceived,
    StreamFirstContentReceived,
)
from polymeter.testing.clock import ManualClock

KINDS = [
    InferenceStarted,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceAttemptFailed,
    StreamFirstChunkReceived,
    StreamFirstContentReceived,
    StreamChunkReceived,
    InferenceUsageReported,
    InferenceCompleted,
]

SAME = ("execution_id", "model", "provider", "operation", "streamed", "unit_of_work")


class Ear:
    """Hears everything that a dispatcher passes on, and knows the laws that it has to keep."""

    def __init__(self, clock=None):
        self.clock = clock or ManualClock()
        self.dispatcher = EventDispatcher(on_error="raise", clock=self.clock)
        self.events = []
        self.dispatcher.add_listener(object, self.events.append)

    def all(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind):
        (event,) = self.all(kind)
        return event

    @property
    def end(self):
        """The one completion."""
        return self.one(InferenceCompleted)

    @property
    def outcomes(self):
        return [event.outcome for event in self.all(InferenceCompleted)]

    @property
    def attempts(self):
        """Each attempt's end, as status and whether another one followed, or the status alone."""
        return [
            event.http_status
            if isinstance(event, InferenceAttemptSucceeded)
            else (event.error_type, event.http_status, event.will_retry)
            for event in self.all((InferenceAttemptSucceeded, InferenceAttemptFailed))
        ]

    def check_laws(self):
        """Every run that was heard has one start, one end, attempts that add up, and events that agree."""
        runs = defaultdict(list)
        for event in self.all(InferenceEvent):
            runs[event.execution_id].append(event)
        for events in runs.values():
            kinds = [type(event) for event in events]
            assert kinds[0] is InferenceStarted
            assert kinds.count(InferenceStarted) == kinds.count(InferenceCompleted) == 1
            assert kinds[-1] is InferenceCompleted
            end = events[-1]
            for event in events:
                assert [getattr(event, name) for name in SAME] == [getattr(end, name) for name in SAME]
                assert isinstance(event.at, float)
            sent = [event.attempt for event in events if isinstance(event, InferenceAttemptStarted)]
            over = [e.attempt for e in events if isinstance(e, (InferenceAttemptSucceeded, InferenceAttemptFailed))]
            assert sent == over == list(range(1, end.attempt_count + 1))
            assert kinds.count(StreamFirstChunkReceived) == (end.time_to_first_chunk_ms is not None)
            assert kinds.count(StreamFirstContentReceived) == (end.time_to_first_content_ms is not None)
            assert kinds.count(StreamChunkReceived) == max(0, end.chunk_count - 1)
            assert [e.usage for e in events if isinstance(e, InferenceUsageReported)] == [
                usage for usage in [end.usage] if usage is not None
            ]
            if end.usage is not None:
                assert kinds[-2] is InferenceUsageReported
