"""What a provider says about its rate limits, in the headers of its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from polymeter.events.event import Event

__all__ = ["RateLimitKind", "RateLimitReported"]

RateLimitKind: TypeAlias = Literal["requests", "tokens", "input_tokens", "output_tokens"]
"""What is limited."""


@dataclass(slots=True, kw_only=True)
class RateLimitReported(Event):
    """A provider said how much of a rate limit is left. One event for each kind of limit in an answer.

    :ivar provider: who said it (``openai``, ``anthropic``, ...); names of the OpenTelemetry GenAI conventions.
    :ivar model: the model that was asked for.
    :ivar kind: what is limited.
    :ivar limit: how much there is per window, if it was said.
    :ivar remaining: how much of it is left, if it was said.
    :ivar reset_seconds: seconds until all of it is there again, if it was said.
    """

    provider: str
    model: str
    kind: RateLimitKind
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
