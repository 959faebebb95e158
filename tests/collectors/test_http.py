"""What HTTP events mean as metrics, under our names and under those of OpenTelemetry."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.collectors import HttpMetricsCollector, HttpSemconvMetricsCollector
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError
from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted
from polymeter.exporters import PrometheusExporter
from polymeter.testing.contracts.collectors import CollectorContract

OF = {"request_id": "1", "method": "GET", "host": "api.example", "port": 443, "scheme": "https", "library": "httpx"}


def ended(**fields):
    return HttpRequestCompleted(
        **OF
        | {"outcome": "ok", "duration_ms": 250, "http_status": 200, "request_bytes": 10, "response_bytes": 2000}
        | fields
    )


def events():
    """Give one request of each sort, and one that is still under way."""
    return [
        *[HttpRequestStarted(**OF)] * 5,
        ended(time_to_first_byte_ms=100),
        ended(http_status=404, time_to_first_byte_ms=50, at=1_700_000_000.5),
        ended(outcome="error", error_type="ConnectError", http_status=None, request_bytes=None, response_bytes=None),
        ended(outcome="cancelled", duration_ms=1000, response_bytes=500, time_to_first_byte_ms=60),
    ]


class TestHttpMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "http.client.requests": 4,
            "http.client.errors": 2,
            "http.client.active": 1,
            "http.client.duration_ms": 1750,
            "http.client.ttfb_ms": 210,
            "http.client.request_bytes": 30,
            "http.client.response_bytes": 4500,
        }

    def make_collector(self):
        return HttpMetricsCollector()

    def make_events(self):
        return events()


class TestHttpSemconvMetricsCollector(CollectorContract):
    def expected_totals(self):
        return {
            "http.client.request.duration": 1.75,
            "http.client.request.body.size": 30,
            "http.client.response.body.size": 4500,
            "http.client.active_requests": 1,
        }

    def make_collector(self):
        return HttpSemconvMetricsCollector()

    def make_events(self):
        return events()


@pytest.fixture
def metrics():
    with Metrics() as metrics:
        metrics.collect(HttpMetricsCollector()).collect(HttpSemconvMetricsCollector())
        for event in events():
            metrics.events.dispatch(event)
        yield metrics


def tags(metrics, name):
    return [dict(each.tags) for each in metrics.registry.find(name)]


def test_requests_are_told_apart_by_how_they_ended(metrics):
    of = {"method": "GET", "host": "api.example"}
    assert tags(metrics, "http.client.requests") == [
        of | {"http_status": 200, "outcome": "ok"},
        of | {"http_status": 404, "outcome": "ok"},
        of | {"http_status": 0, "outcome": "error"},
        of | {"http_status": 200, "outcome": "cancelled"},
    ]


def test_errors_are_exceptions_and_statuses_of_400_and_above(metrics):
    assert [each["error_type"] for each in tags(metrics, "http.client.errors")] == ["404", "ConnectError"]


def test_what_nobody_knows_is_not_recorded(metrics):
    (sizes,) = metrics.registry.find("http.client.response_bytes")
    assert sizes.count == 3


def test_attributes_are_those_of_the_conventions(metrics):
    always = {
        "http.request.method": "GET",
        "server.address": "api.example",
        "server.port": 443,
        "url.scheme": "https",
    }
    assert tags(metrics, "http.client.request.duration") == [
        always | {"http.response.status_code": 200},
        always | {"http.response.status_code": 404, "error.type": "404"},
        always | {"error.type": "ConnectError"},
    ]
    assert tags(metrics, "http.client.active_requests") == [always]


def test_an_unknown_error_and_an_unknown_port_are_as_the_conventions_have_them():
    with Metrics() as metrics:
        metrics.collect(HttpSemconvMetricsCollector())
        metrics.events.dispatch(ended(outcome="error", error_type=None, http_status=None, port=None))
        (found,) = tags(metrics, "http.client.request.duration")
    assert found["error.type"] == "_OTHER"
    assert "server.port" not in found


def test_durations_are_seconds_in_the_buckets_of_the_conventions(metrics):
    definition = metrics.snapshot().definitions["http.client.request.duration"]
    assert (definition.kind, definition.unit) == (Kind.TIMER, "s")
    assert definition.buckets == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


def test_both_have_names_of_their_own_in_prometheus(metrics):
    exporter = PrometheusExporter()
    metrics.export_to(exporter)
    text = exporter.render()
    for name in (
        "http_client_requests_total{",
        "http_client_errors_total{",
        "http_client_active{",
        "http_client_duration_seconds_bucket{",
        "http_client_ttfb_seconds_count{",
        "http_client_request_bytes_sum{",
        "http_client_response_bytes_sum{",
        "http_client_request_duration_seconds_bucket{",
        "http_client_request_body_size_bytes_sum{",
        "http_client_active_requests{",
    ):
        assert f"\n{name}" in text, name


@pytest.mark.parametrize("collector", [HttpMetricsCollector, HttpSemconvMetricsCollector])
def test_exemplars_stand_beside_durations(collector):
    with pytest.raises(DefinitionError, match="no_such_field"):
        collector(exemplars="no_such_field")
    with Metrics() as metrics:
        metrics.collect(collector(exemplars="request_id"))
        metrics.events.dispatch(ended())
        (duration,) = [each for each in metrics.snapshot() if "duration" in each.name]
    assert [exemplar.labels.to_dict() for exemplar in duration.exemplars] == [{"request_id": "1"}]
