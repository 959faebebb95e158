"""The vocabulary of LLM inference.

Two levels. An **execution** is what the caller asked for; an **attempt** is one HTTP try inside it. An execution has
one start and exactly one end, however it ends::

    InferenceStarted
      InferenceAttemptStarted -> InferenceAttemptFailed(will_retry=True)      any number of times
      InferenceAttemptStarted -> InferenceAttemptSucceeded | InferenceAttemptFailed(will_retry=False)
      StreamFirstChunkReceived                                                streams, at most once
      StreamFirstContentReceived                                              streams, at most once, not before it
      StreamChunkReceived                                                     streams, each chunk after the first
      InferenceUsageReported                                                  if the provider reports usage
    InferenceCompleted(outcome)

All of them carry ``execution_id`` and repeat what the start said, so a listener needs no memory. None carries a
prompt or a completion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from polymeter.events.event import Event
from polymeter.events.usage import Usage

__all__ = [
    "InferenceAttemptFailed",
    "InferenceAttemptStarted",
    "InferenceAttemptSucceeded",
    "InferenceCompleted",
    "InferenceEvent",
    "InferenceStarted",
    "InferenceUsageReported",
    "Outcome",
    "StreamChunkReceived",
    "StreamFirstChunkReceived",
    "StreamFirstContentReceived",
    "Usage",
]

Outcome: TypeAlias = Literal["ok", "error", "cancelled", "abandoned"]
"""How an execution ended: whole; by an exception; closed or cancelled on purpose; dropped without a word."""


@dataclass(slots=True, kw_only=True)
class InferenceEvent(Event):
    """What every inference event says.

    :ivar execution_id: unique per execution.
    :ivar model: the model that was asked for.
    :ivar provider: who was asked (``openai``, ``azure.ai.openai``, ...); names of the OpenTelemetry GenAI conventions.
    :ivar operation: ``chat``, ``embeddings``, ``text_completion``, ...; names of the same conventions.
    :ivar streamed: whether the answer was asked for as a stream.
    """

    execution_id: str
    model: str
    provider: str = "unknown"
    operation: str = "chat"
    streamed: bool = False


@dataclass(slots=True, kw_only=True)
class InferenceStarted(InferenceEvent):
    """An execution began."""


@dataclass(slots=True, kw_only=True)
class InferenceAttemptStarted(InferenceEvent):
    """A request is about to be sent.

    :ivar attempt: 1 for the first.
    """

    attempt: int


@dataclass(slots=True, kw_only=True)
class InferenceAttemptSucceeded(InferenceEvent):
    """A request was answered with success; of a stream, its headers.

    :ivar attempt: 1 for the first.
    :ivar duration_ms: milliseconds from the request to its answer.
    :ivar http_status: status of the answer, if it is known.
    """

    attempt: int
    duration_ms: float
    http_status: int | None = None


@dataclass(slots=True, kw_only=True)
class InferenceAttemptFailed(InferenceEvent):
    """A request failed.

    :ivar attempt: 1 for the first.
    :ivar duration_ms: milliseconds from the request to its failure, without the wait that follows.
    :ivar error_type: a low-cardinality name: the class of the client library's exception.
    :ivar http_status: status of the answer; ``None`` if there was none.
    :ivar will_retry: whether the client library tries again by itself.
    """

    attempt: int
    duration_ms: float
    error_type: str | None
    http_status: int | None
    will_retry: bool


@dataclass(slots=True, kw_only=True)
class StreamFirstChunkReceived(InferenceEvent):
    """The first chunk of a stream reached the caller, whatever it contains.

    :ivar time_to_first_chunk_ms: milliseconds since the execution began, retries and their waits included.
    """

    time_to_first_chunk_ms: float


@dataclass(slots=True, kw_only=True)
class StreamFirstContentReceived(InferenceEvent):
    """The first chunk with content reached the caller: text, reasoning, arguments of a tool call, or other output.

    Many streams begin with a chunk that has none and only says the role. If the first chunk has content, this event
    follows it with the same time.

    :ivar time_to_first_content_ms: milliseconds since the execution began, retries and their waits included.
    """

    time_to_first_content_ms: float


@dataclass(slots=True, kw_only=True)
class StreamChunkReceived(InferenceEvent):
    """Another chunk of a stream reached the caller. It is only made if somebody listens to it.

    :ivar index: place in the stream: 1 for the second chunk; the first one has an event of its own.
    :ivar gap_ms: milliseconds since the chunk before it.
    :ivar has_content: whether it has text, reasoning, arguments of a tool call, or other output.
    """

    index: int
    gap_ms: float
    has_content: bool


@dataclass(slots=True, kw_only=True)
class InferenceUsageReported(InferenceEvent):
    """The provider said how many tokens were used.

    :ivar usage: the tokens, by class.
    """

    usage: Usage


@dataclass(slots=True, kw_only=True)
class InferenceCompleted(InferenceEvent):
    """An execution ended; ``at`` is its end.

    :ivar outcome: how it ended.
    :ivar duration_ms: milliseconds since it began, retries and their waits included.
    :ivar attempt_count: requests that were sent.
    :ivar finish_reason: the provider's reason, if it gave one.
    :ivar time_to_first_chunk_ms: of a stream that gave a chunk.
    :ivar usage: the tokens that are known to be used so far; ``None`` if the provider reported none.
    :ivar error_type: of an error: class of the exception that the caller saw.
    :ivar response_model: the model that answered, if the provider says.
    :ivar time_to_first_content_ms: of a stream that gave a chunk with content.
    :ivar chunk_count: chunks of a stream that reached the caller.
    :ivar mean_chunk_gap_ms: mean milliseconds from one chunk to the next; ``None`` below two chunks.
    :ivar input_count: of embeddings: how many inputs there were.
    :ivar dimensions: of embeddings: how many numbers each of them has.
    :ivar server_address: name of the host that was asked, without port or path, if it is known.
    """

    outcome: Outcome
    duration_ms: float
    attempt_count: int = 1
    finish_reason: str | None = None
    time_to_first_chunk_ms: float | None = None
    usage: Usage | None = None
    error_type: str | None = None
    response_model: str | None = None
    time_to_first_content_ms: float | None = None
    chunk_count: int = 0
    mean_chunk_gap_ms: float | None = None
    input_count: int | None = None
    dimensions: int | None = None
    server_address: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the answer came whole."""
        return self.outcome == "ok"

    @property
    def decode_tokens_per_second(self) -> float | None:
        """Tokens of the answer per second from the first chunk to the end: how fast it was written.

        ``None`` if it was no stream, came in one chunk, or no tokens are known.
        """
        if self.usage is None or self.time_to_first_chunk_ms is None or self.chunk_count == 1:
            return None
        seconds = (self.duration_ms - self.time_to_first_chunk_ms) / 1000
        written = self.usage.output_tokens
        return written / seconds if seconds > 0 and written else None
