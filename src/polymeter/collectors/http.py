"""HttpMetricsCollector: what HTTP client calls mean as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.exemplars import ExemplarSource, Origin, origin_of
from polymeter.collectors.measure import Measure, measure
from polymeter.data.kind import Kind
from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HttpMetricsCollector"]


def _http_status(event: HttpRequestCompleted) -> int:
    """Give the status; 0 if there was no answer."""
    return event.http_status or 0


def _has_failed(event: HttpRequestCompleted) -> bool:
    return event.failure is not None


_START: Final = ("method", "host")
_END: Final[dict[str, str | Callable[[HttpRequestCompleted], int]]] = {
    "method": "method",
    "host": "host",
    "http_status": _http_status,
    "outcome": "outcome",
}


class HttpMetricsCollector(MetricsCollector):
    """Requests, durations, bytes and errors of HTTP client calls, by method and host.

    Every metric is read from one event: nothing is remembered between a start and its end.
    """

    _origin: Origin | None = None

    def __init__(self, *, exemplars: ExemplarSource | None = None) -> None:
        """Make one.

        :param exemplars: where the exemplars of durations come from, as in
            :data:`~polymeter.collectors.measure.measure`: ``trace_ids``, ``"request_id"``, a callable that takes the
            event and gives labels or ``None``. Default: there are none.
        :raises DefinitionError: for a field that :class:`~polymeter.events.http.HttpRequestCompleted` does not have.
        """
        self._origin = origin_of(exemplars, HttpRequestCompleted, type(self).__name__)

    def _origin_of(self, measure: Measure) -> Origin | None:
        return self._origin if measure.definition.kind is Kind.TIMER else None

    requests = measure.counter(
        "http.client.requests", on=HttpRequestCompleted, tags=_END, help="Requests that ended, however they ended."
    )
    errors = measure.counter(
        "http.client.errors",
        on=HttpRequestCompleted,
        tags={"method": "method", "host": "host", "error_type": "failure"},
        when=_has_failed,
        help="Requests that failed, by exception, and those answered with a status of 400 and above.",
    )
    active_up = measure.up_down(
        "http.client.active", on=HttpRequestStarted, value=lambda _: 1, tags=_START, help="Requests in flight."
    )
    active_down = measure.up_down(
        "http.client.active", on=HttpRequestCompleted, value=lambda _: -1, tags=_START, help="Requests in flight."
    )
    duration = measure.timer(
        "http.client.duration_ms",
        on=HttpRequestCompleted,
        value="duration_ms",
        tags=_END,
        help="Time from the start of a request to the end of its answer's body.",
    )
    first_byte = measure.timer(
        "http.client.ttfb_ms",
        on=HttpRequestCompleted,
        value="time_to_first_byte_ms",
        tags=_END,
        help="Time from the start of a request to the headers of its answer.",
    )
    request_bytes = measure.histogram(
        "http.client.request_bytes",
        on=HttpRequestCompleted,
        value="request_bytes",
        tags=_START,
        help="Size of the bodies that were sent.",
    )
    response_bytes = measure.histogram(
        "http.client.response_bytes",
        on=HttpRequestCompleted,
        value="response_bytes",
        tags=_START,
        help="Size of the bodies that were received, as they came over the wire.",
    )
