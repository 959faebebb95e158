"""RateLimitMetricsCollector: how close calls are to the limits of their provider."""

from __future__ import annotations

from typing import Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.measure import measure
from polymeter.events.rate_limits import RateLimitReported

__all__ = ["RateLimitMetricsCollector"]

_OF: Final = ("provider", "model", "kind")


def _headroom(event: RateLimitReported) -> float | None:
    """Give the part of the limit that is left."""
    if event.remaining is None or not event.limit or event.limit < 0:
        return None
    return event.remaining / event.limit


def _is_exhausted(event: RateLimitReported) -> bool:
    return event.remaining is not None and event.remaining <= 0


class RateLimitMetricsCollector(MetricsCollector):
    """Limits, what is left of them, and how often nothing was, by provider, model and kind.

    The gauges hold what the last answer said. What an answer did not say changes nothing.
    """

    remaining = measure.gauge(
        "inference.rate_limit.remaining",
        on=RateLimitReported,
        value="remaining",
        tags=_OF,
        help="Requests or tokens that the provider still allows in this window.",
    )
    limit = measure.gauge(
        "inference.rate_limit.limit",
        on=RateLimitReported,
        value="limit",
        tags=_OF,
        help="Requests or tokens that the provider allows in a window.",
    )
    headroom = measure.gauge(
        "inference.rate_limit.headroom_ratio",
        on=RateLimitReported,
        value=_headroom,
        tags=_OF,
        help="Part of the limit that is left: 1 is all of it, 0 none.",
    )
    reset = measure.gauge(
        "inference.rate_limit.reset_seconds",
        on=RateLimitReported,
        value="reset_seconds",
        tags=_OF,
        help="Seconds until all of the limit is there again.",
    )
    exhausted = measure.counter(
        "inference.rate_limit.exhausted",
        on=RateLimitReported,
        tags=_OF,
        when=_is_exhausted,
        help="Answers that said that nothing was left.",
    )
