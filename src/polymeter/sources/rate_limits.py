"""Rate limits as answers state them, in their headers."""

from __future__ import annotations

import math
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

from polymeter.events.rate_limits import RateLimitReported

if TYPE_CHECKING:
    from polymeter.events.rate_limits import RateLimitKind
    from polymeter.sources.emitters import InferenceEmitters

__all__ = ["report"]

_HEADERS: Final[tuple[tuple[RateLimitKind, str], ...]] = (
    ("requests", "x-ratelimit-{}-requests"),
    ("tokens", "x-ratelimit-{}-tokens"),
    ("requests", "anthropic-ratelimit-requests-{}"),
    ("tokens", "anthropic-ratelimit-tokens-{}"),
    ("input_tokens", "anthropic-ratelimit-input-tokens-{}"),
    ("output_tokens", "anthropic-ratelimit-output-tokens-{}"),
)
_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PERIOD: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")


class Headers(Protocol):
    """Headers of an HTTP answer, by name in lower case."""

    def get(self, name: str, /) -> str | None:
        """Give the value of a header; ``None`` if it is missing."""
        ...


class Heard(Protocol):
    """A run, or an audience."""

    @property
    def to(self) -> tuple[InferenceEmitters, ...]:
        """Who hears of it."""
        ...


def report(heard: Heard, provider: str, model: str, headers: Headers) -> None:
    """Tell the rate limits that the headers of an answer state, if somebody listens to them.

    Reads ``x-ratelimit-limit-requests`` and its like (OpenAI, Azure, Groq, Mistral, ...) and
    ``anthropic-ratelimit-requests-limit`` and its like. What is missing or cannot be read is left out.

    :param heard: the run that was answered, or whoever hears of it.
    :param provider: who answered.
    :param model: the model that was asked for.
    :param headers: of the answer, failed ones too: a ``dict`` with names in lower case, or any that ignores case.
    """
    for to in heard.to:  # a loop, not any(): this is the fast way out of every call
        if to.rate_limit.listening:
            break
    else:
        return
    for kind, header in _HEADERS:
        limit, remaining = [_number(headers.get(header.format(part))) for part in ("limit", "remaining")]
        reset = headers.get(header.format("reset"))
        if limit is None and remaining is None and reset is None:
            continue
        for to in heard.to:
            if to.rate_limit.listening:
                now = to.clock.wall()
                to.rate_limit(
                    RateLimitReported(
                        at=now,
                        provider=provider,
                        model=model,
                        kind=kind,
                        limit=limit,
                        remaining=remaining,
                        reset_seconds=_seconds(reset, headers.get("date"), now),
                    )
                )


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None


def _seconds(text: object, date: object, now: float) -> float | None:
    """Read ``6m0s``, ``20ms``, ``1.5`` or a moment such as ``2025-03-15T09:38:23Z``.

    A moment counts from that at which the answer says it was written: the clocks of two machines differ.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    parts = _PERIOD.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        reset = datetime.fromisoformat(text)
        return max(0.0, reset.timestamp() - _moment(date, now)) if reset.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _moment(date: object, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() if isinstance(date, str) else now
    except (ValueError, OverflowError):
        return now
