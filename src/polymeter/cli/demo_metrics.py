"""The demo's own second collector, and the numbers that its tables show, read from one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final, get_args

from polymeter.collectors import MetricsCollector, measure
from polymeter.data import Distribution, Tags
from polymeter.data.histogram import ReadsDistribution
from polymeter.events.inference import InferenceAttemptStarted, InferenceCompleted, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data import Metric, Snapshot, TagsLike

__all__ = [
    "OUTCOMES",
    "TOKEN_CLASSES",
    "DemoCollector",
    "ErrorReading",
    "Reading",
    "errors_in",
    "reading_of",
    "statuses_in",
    "total",
]

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
TOKEN_CLASSES: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


class DemoCollector(MetricsCollector):
    """A second reading of the same events. Any number of collectors may listen; none knows of the others."""

    calls = measure.counter("demo.calls", on=InferenceCompleted, tags=("model", "outcome"), help="Calls that ended.")
    retries = measure.counter(
        "demo.retries",
        on=InferenceAttemptStarted,
        tags=("model",),
        when=lambda event: event.attempt > 1,
        help="Requests that were not the first of their call.",
    )
    errors = measure.counter(
        "demo.errors",
        on=InferenceCompleted,
        tags=("error_type",),
        when=lambda event: event.outcome == "error",
        help="Calls that failed, by what their caller saw.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the metrics say about one model, or about all.

    :ivar requests: sent, retries included.
    :ivar duration: of calls, in seconds.
    :ivar first_chunk: time to the first chunk of streams, in seconds.
    :ivar tokens: by class.
    """

    started: int
    outcomes: Mapping[Outcome, int]
    active: int
    requests: int
    retries: int
    duration: Distribution
    first_chunk: Distribution
    tokens: Mapping[str, int]

    @property
    def ended(self) -> int:
        """Calls that are over, however they ended."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReading:
    """What the metrics say about one type of error.

    :ivar statuses: HTTP statuses it came with; none if there was no answer.
    :ivar requests: that failed with it.
    :ivar retried: how many of these the client made up for.
    :ivar calls: that failed with it.
    """

    error_type: str
    statuses: list[int]
    requests: int
    retried: int
    calls: int


def reading_of(snapshot: Snapshot, model: str | None = None) -> Reading:
    """Read the metrics of one model, or of all."""
    tags: dict[str, str] = {} if model is None else {"model": model}
    return Reading(
        started=total(snapshot, "inference.started", tags),
        outcomes={each: total(snapshot, "demo.calls", {**tags, "outcome": each}) for each in OUTCOMES},
        active=total(snapshot, "inference.active", tags),
        requests=total(snapshot, "inference.attempts", tags),
        retries=total(snapshot, "demo.retries", tags),
        duration=_merged(snapshot, "inference.duration_ms", tags),
        first_chunk=_merged(snapshot, "inference.ttfc_ms", tags),
        tokens={
            each: total(snapshot, "inference.usage.tokens", {**tags, "token_class": each}) for each in TOKEN_CLASSES
        },
    )


def errors_in(snapshot: Snapshot) -> list[ErrorReading]:
    """Read what went wrong, most frequent first."""
    of_requests, of_calls = "inference.attempts.failed", "demo.errors"
    types = {_text(metric, "error_type") for name in (of_requests, of_calls) for metric in snapshot.by_name(name)}
    readings = [
        ErrorReading(
            error_type=each,
            statuses=statuses_in(snapshot, {"error_type": each}),
            requests=total(snapshot, of_requests, {"error_type": each}),
            retried=total(snapshot, of_requests, {"error_type": each, "will_retry": True}),
            calls=total(snapshot, of_calls, {"error_type": each}),
        )
        for each in types
    ]
    return sorted(readings, key=lambda each: (-max(each.requests, each.calls), each.error_type))


def statuses_in(snapshot: Snapshot, tags: TagsLike | None = None) -> list[int]:
    """Give the HTTP statuses that failed requests were answered with; for those without an answer there is none."""
    found = {int(_text(metric, "http_status")) for metric in _having(snapshot, "inference.attempts.failed", tags or {})}
    return sorted(found - {0})


def total(snapshot: Snapshot, name: str, tags: TagsLike) -> int:
    """Add up the counts of a name whose tags include ``tags``."""
    return sum(int(metric.value) for metric in _having(snapshot, name, tags))


def _merged(snapshot: Snapshot, name: str, tags: TagsLike) -> Distribution:
    """Make one distribution of those of all series: merging them loses nothing."""
    found = (metric for metric in _having(snapshot, name, tags) if isinstance(metric, ReadsDistribution))
    return reduce(Distribution.merge, (metric.distribution for metric in found), Distribution())


def _having(snapshot: Snapshot, name: str, tags: TagsLike) -> list[Metric]:
    wanted = set(Tags.of(tags).canonical)
    return [metric for metric in snapshot.by_name(name) if wanted <= set(metric.tags.canonical)]


def _text(metric: Metric, tag: str) -> str:
    return dict(metric.tags.canonical).get(tag, "")
