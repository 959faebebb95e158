"""Structured output: answers that have to fit a schema, and what happens until one does.

A request for structured output may take several attempts: the client validates the answer, and asks again if it does
not fit::

    StructuredOutputAttemptFailed(attempt=1, will_retry=True)     one for each error of the validation
    StructuredOutputAttemptFailed(attempt=2, will_retry=True)
    StructuredOutputCompleted(outcome, attempts)                  exactly once

None of them carries a value that the model gave.
"""

from __future__ import annotations

from dataclasses import dataclass

from polymeter.events.event import Event
from polymeter.events.inference import Outcome  # noqa: TC001 - collectors read the types of fields

__all__ = ["StructuredOutputAttemptFailed", "StructuredOutputCompleted", "StructuredOutputEvent"]


@dataclass(slots=True, kw_only=True)
class StructuredOutputEvent(Event):
    """What every event of a request for structured output says.

    :ivar model: the model that was asked for.
    :ivar response_model: name of the schema that the answer has to fit.
    :ivar provider: who was asked; names of the OpenTelemetry GenAI conventions.
    """

    model: str
    response_model: str
    provider: str = "unknown"


@dataclass(slots=True, kw_only=True)
class StructuredOutputAttemptFailed(StructuredOutputEvent):
    """An answer did not fit. One event for each thing that was wrong with it.

    :ivar attempt: 1 for the first.
    :ivar will_retry: whether the client asks once more.
    :ivar field: path of the field that was wrong: names joined by dots, ``*`` for the index of a list; empty for the
        whole.
    :ivar error_type: a low-cardinality name of what was wrong: ``missing``, ``int_parsing``, ...
    """

    attempt: int
    will_retry: bool
    field: str = ""
    error_type: str = "unknown"


@dataclass(slots=True, kw_only=True)
class StructuredOutputCompleted(StructuredOutputEvent):
    """A request for structured output ended.

    :ivar outcome: ``ok`` if an answer fitted.
    :ivar attempts: answers that were asked for.
    :ivar duration_ms: milliseconds since the request began, if they are known.
    """

    outcome: Outcome
    attempts: int
    duration_ms: float | None = None
