"""HttpSemconvMetricsCollector: HTTP client calls under the names of the OpenTelemetry HTTP conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.collectors.base import MetricsCollector
from polymeter.collectors.exemplars import ExemplarSource, Origin, origin_of
from polymeter.collectors.measure import Measure, measure
from polymeter.data.kind import Kind
from polymeter.data.layout import ABSENT
from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HttpSemconvMetricsCollector"]

DURATION_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bucket bounds of the duration, in seconds."""


def _or_absent(field: str) -> Callable[[Any], object]:
    def value(event: Any) -> object:
        found = getattr(event, field)
        return ABSENT if found is None else found

    return value


def _seconds(event: HttpRequestCompleted) -> float:
    return event.duration_ms / 1000


_START: Final[dict[str, str | Callable[[Any], object]]] = {
    "http.request.method": "method",
    "server.address": "host",
    "server.port": _or_absent("port"),
    "url.scheme": "scheme",
}
_END: Final[dict[str, str | Callable[[Any], object]]] = {
    **_START,
    "http.response.status_code": _or_absent("http_status"),
    "error.type": _or_absent("failure"),
}


class HttpSemconvMetricsCollector(MetricsCollector):
    """The names, units, attributes and bucket bounds that dashboards for OpenTelemetry expect.

    A second reading of the events that :class:`~polymeter.collectors.http.HttpMetricsCollector` reads, and independent
    of it: collect either, or both. Attributes that are not known are left out. ``http.client.request.duration`` is
    stable in the conventions, the other names have the status *Development*.
    """

    _origin: Origin | None = None

    def __init__(self, *, exemplars: ExemplarSource | None = None) -> None:
        """Make one.

        :param exemplars: where the exemplars of durations come from, as in
            :class:`~polymeter.collectors.http.HttpMetricsCollector`. Default: there are none.
        :raises DefinitionError: for a field that :class:`~polymeter.events.http.HttpRequestCompleted` does not have.
        """
        self._origin = origin_of(exemplars, HttpRequestCompleted, type(self).__name__)

    def _origin_of(self, measure: Measure) -> Origin | None:
        return self._origin if measure.definition.kind is Kind.TIMER else None

    duration = measure.timer(
        "http.client.request.duration",
        on=HttpRequestCompleted,
        value=_seconds,
        tags=_END,
        unit="s",
        buckets=DURATION_BOUNDS,
        help="Duration of HTTP client requests, bodies included.",
    )
    request_size = measure.histogram(
        "http.client.request.body.size",
        on=HttpRequestCompleted,
        value="request_bytes",
        tags=_END,
        unit="By",
        help="Size of HTTP client request bodies.",
    )
    response_size = measure.histogram(
        "http.client.response.body.size",
        on=HttpRequestCompleted,
        value="response_bytes",
        tags=_END,
        unit="By",
        help="Size of HTTP client response bodies, as they came over the wire.",
    )
    active_up = measure.up_down(
        "http.client.active_requests",
        on=HttpRequestStarted,
        value=lambda _: 1,
        tags=_START,
        unit="{request}",
        help="HTTP client requests in flight.",
    )
    active_down = measure.up_down(
        "http.client.active_requests",
        on=HttpRequestCompleted,
        value=lambda _: -1,
        tags=_START,
        unit="{request}",
        help="HTTP client requests in flight.",
    )
