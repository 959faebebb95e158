"""OTLP over HTTP: where it goes, what is said on the way, and what the answers mean."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from polymeter import Metrics
from polymeter.data import Counter, Gauge
from polymeter.errors import DefinitionError, DeliveryError, ExportError
from polymeter.exporters import OTLPExporter, SpoolingExporter
from polymeter.exporters.http import Backoff
from polymeter.testing import FaultServer, ManualClock
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.otlp_reading import one_point, points_of, request_of, resource_of

CALLS = [Counter("calls", 3), Counter("other", 1)]


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@contextmanager
def answering(status, content_type, body):
    """Serve one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def partial(points, why=""):
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = points
    answer.partial_success.error_message = why
    return answer.SerializeToString()


def export(url, **options):
    exporter = OTLPExporter(url, backoff=Backoff(retries=0), **options)
    try:
        exporter.export(CALLS)
    finally:
        exporter.close()
    return exporter


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        ("", "/v1/metrics"),
        ("/", "/v1/metrics"),
        ("?key=1", "/v1/metrics?key=1"),
        ("/v1/metrics", "/v1/metrics"),
        ("/opentelemetry/api/v1/push", "/opentelemetry/api/v1/push"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_usual_one(server, endpoint, path):
    export(server.url + endpoint)
    assert (server.requests[0].method, server.requests[0].path) == ("POST", path)


def test_what_is_sent_says_what_it_is(server):
    export(server.url, headers={"X-Token": "t"})
    headers = server.requests[0].headers
    assert (headers["content-type"], headers["x-token"]) == ("application/x-protobuf", "t")
    assert headers["user-agent"].startswith("polymeter/")


@pytest.mark.parametrize(("compression", "encoding"), [("gzip", "gzip"), ("none", None), (None, "gzip")])
def test_it_is_compressed_unless_told_otherwise(server, compression, encoding):
    exporter = OTLPExporter(server.url, compression=compression)
    exporter.export([Counter("calls", 1, {"padding": "x" * 2000})])
    exporter.close()
    assert server.requests[0].headers.get("content-encoding") == encoding
    assert one_point(request_of(server.requests[0].content), "calls").value == 1


@pytest.mark.parametrize("fault", ["throttled", "unavailable"])
def test_a_server_that_asks_to_wait_is_waited_for(server, fault):
    server.behaves(fault, times=2, retry_after=0.01)
    exporter = OTLPExporter(server.url, backoff=Backoff(first=0.01))
    exporter.export(CALLS)
    exporter.close()
    assert [each.is_accepted for each in server.requests] == [False, False, True]


@pytest.mark.parametrize(
    ("status", "says"), [(404, "/v1/metrics"), (405, "/v1/metrics"), (400, "its log"), (415, "encoding")]
)
def test_a_wrong_endpoint_is_an_error_that_says_what_to_look_at(status, says):
    with FaultServer(status=status) as server, pytest.raises(DeliveryError, match=str(status)) as caught:
        export(server.url)
    assert caught.value.reason == "rejected"
    assert says in caught.value.__notes__[0]


def test_a_wrong_endpoint_is_seen_by_whoever_exports_and_counted():
    with FaultServer(status=404) as server:
        metrics = Metrics().export_to(OTLPExporter(server.url))
        with pytest.raises(ExportError):
            metrics.export()
        [health] = metrics.health().exporters
        assert (health.failed, health.reasons) == (1, {"rejected": 1})
        metrics.close()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=utf-8", b"<html>Welcome</html>"),
        ("application/x-protobuf", b"\xff"),
        ("application/json", b"<html>"),
        ("application/json", b"[]"),
        ("application/json", b'{"partialSuccess": "yes"}'),
    ],
)
def test_a_success_of_something_else_is_none(content_type, body):
    with answering(200, content_type, body) as url, pytest.raises(DeliveryError, match="no OTLP receiver") as caught:
        export(url)
    assert (caught.value.reason, caught.value.is_ambiguous) == ("answer", False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-protobuf", b""),
        ("application/json", b"{}"),
        ("application/json", b'{"partialSuccess": {}}'),
        ("text/plain", b"OK"),
        ("", b""),
    ],
)
def test_whatever_a_receiver_may_say_is_a_success(content_type, body):
    with answering(200, content_type, body) as url:
        assert export(url).rejected == 0


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-protobuf", partial(1, "too\nold")),
        ("application/json", b'{"partialSuccess": {"rejectedDataPoints": "1", "errorMessage": "too\\nold"}}'),
    ],
)
def test_what_was_not_taken_is_counted_and_said_once_a_minute(content_type, body, caplog):
    clock = ManualClock()
    with answering(200, content_type, body) as url:
        exporter = OTLPExporter(url, clock=clock)
        for seconds in (0, 30, 30):
            clock.advance(seconds)
            exporter.export(CALLS)
        exporter.close()
    assert exporter.rejected == 3
    assert [each.message.partition(" did ")[2].partition(" (")[0] for each in caplog.records] == [
        "not take 1 of 2 points: too old"
    ] * 2


def test_a_word_of_warning_alone_is_said(caplog):
    with answering(200, "application/x-protobuf", partial(0, "deprecated")) as url:
        assert export(url).rejected == 0
    assert "deprecated" in caplog.text


def test_if_nothing_was_taken_the_export_has_failed():
    taken_none = pytest.raises(DeliveryError, match="took none of 2 points: no quota")
    with answering(200, "application/x-protobuf", partial(2, "no quota")) as url, taken_none as caught:
        export(url)
    assert caught.value.reason == "rejected"


def test_what_could_not_be_sent_has_not_ended(server):
    """The marker of a series that is gone comes with the next export that arrives."""
    exporter = OTLPExporter(server.url, backoff=Backoff(retries=0))
    exporter.export([Counter("calls", 1), Gauge("level", 1.0)])
    server.behaves("unavailable", times=1)
    with pytest.raises(DeliveryError):
        exporter.export([Counter("calls", 1)])
    exporter.export([Counter("calls", 1)])
    assert one_point(request_of(server.accepted[-1]), "level").data.flags == 1
    exporter.close()


def test_each_process_is_an_instance_of_its_own(server):
    """With its own pid, also where it was forked; and it does not end what its parent had sent."""
    exporter = OTLPExporter(server.url)
    exporter.export([Counter("calls", 1), Gauge("level", 1.0)])
    assert answer_of_a_child(lambda: exporter.export([Counter("calls", 1)])) is None
    exporter.export([Counter("calls", 1), Gauge("level", 1.0)])
    mine, childs, again = map(request_of, server.accepted)
    assert resource_of(mine) == resource_of(again)
    for name in ("service.instance.id", "process.pid"):
        assert resource_of(mine)[name] != resource_of(childs)[name]
    assert [each.name for each in childs.resource_metrics[0].scope_metrics[0].metrics] == ["calls"]
    exporter.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"endpoint": "localhost:4318"}, "has to start with http://"),
        ({"protocol": "http"}, "there is no protocol 'http': use one of 'http/protobuf', 'http/json', 'grpc'"),
        ({"temporality": "Delta"}, "there is no temporality 'Delta'"),
        ({"histograms": "native"}, "there is no kind of histogram 'native'"),
        ({"exemplars": "some"}, "there is no filter of exemplars 'some'"),
        ({"compression": "zstd"}, "there is no compression 'zstd'"),
        ({"max_buckets": 2}, "give 32 or more"),
        ({"timeout": 0}, "leaves no time"),
        ({"headers": {"content-type": "x"}}, "set by the transport"),
        ({"resource": {"": "x"}}, "not a non-empty str"),
        (
            {"endpoint": "https://localhost", "client_certificate": "/nowhere.pem"},
            "cannot use the client's certificate",
        ),
        ({"endpoint": "https://localhost", "client_key": "/nowhere.pem"}, "of no use without client_certificate"),
        ({"client_certificate": "/nowhere.pem"}, "of no use with a URL that starts with http://"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(options, says):
    with pytest.raises((DefinitionError, ValueError), match=says):
        OTLPExporter(**options)


def test_what_a_process_has_left_in_a_spool_is_sent_in_its_name(server, tmp_path):
    def made(instance):
        resource = {"service.instance.id": instance, "size": 3}
        exporter = OTLPExporter(server.url, resource=resource, detect_resource=False, backoff=Backoff(retries=0))
        return SpoolingExporter(exporter, tmp_path)

    gone, here = made("gone"), made("here")
    server.behaves("refused")
    with pytest.raises(DeliveryError):
        gone.export([Counter("calls", 3), Gauge("level", 5)])
    gone.close()
    server.behaves("ok")
    here.export([Counter("calls", 4)])
    here.export([Counter("calls", 5)])
    here.close()
    requests = list(map(request_of, server.accepted))
    said = [
        (resource_of(each)["service.instance.id"], resource_of(each)["size"], one_point(each, "calls").value)
        for each in requests
    ]
    assert said == [("gone", 3, 3), ("here", 3, 4), ("here", 3, 5)]
    # Its gauge is not ended by who goes on without it.
    assert [point.data.flags for each in requests for point in points_of(each, "level")] == [0]
