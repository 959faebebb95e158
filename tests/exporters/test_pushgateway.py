"""PushgatewayExporter: where it pushes to, what, and how it is told no."""

from __future__ import annotations

import traceback

import pytest

from polymeter import MetricDefinition, Metrics
from polymeter.data import Counter, Gauge, Snapshot, Tags, Timer
from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters import PrometheusExporter, PushgatewayExporter
from polymeter.testing import FaultServer

METRICS = [Counter("jobs.done", 3, {"queue": "day"}), Gauge("level", 1.5)]


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def pushing(server):
    made = []

    def make(job="nightly", **options):
        made.append(PushgatewayExporter(server.url, job, **options))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


def test_an_export_puts_the_text_that_prometheus_scrapes(server, pushing):
    exporter = pushing()
    assert (exporter.temporality, exporter.is_quick) == ("cumulative", False)
    exporter.export(METRICS)
    [request] = server.requests
    assert (request.method, request.path) == ("PUT", "/metrics/job/nightly")
    assert request.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert request.body.decode() == PrometheusExporter().render(METRICS)
    assert "content-encoding" not in request.headers


@pytest.mark.parametrize(
    ("job", "grouping", "path"),
    [
        ("nightly", None, "/job/nightly"),
        ("nightly", {"instance": "host-1:80", "pid": 7}, "/job/nightly/instance/host-1%3A80/pid/7"),
        ("nightly", {"b": "2", "a": "1"}, "/job/nightly/a/1/b/2"),
        ("a/b", {}, "/job@base64/YS9i"),
        ("night ly", {"path": "/a b"}, "/job@base64/bmlnaHQgbHk=/path@base64/L2EgYg=="),
        ("nightly", {"empty": ""}, "/job/nightly/empty@base64/="),
        ("nightly", {"a": ".", "b": "..", "c": "..."}, "/job/nightly/a@base64/Lg==/b@base64/Li4=/c/..."),
        ("nightly", {"x": "?>>/"}, "/job/nightly/x@base64/Pz4-Lw=="),  # the alphabet that is safe in URLs
        ("a\udcff", {"x": "\udcff"}, "/job/a%3F/x/%3F"),  # what was no text: as it is in tags
        ("été%", {"x": "a?b#c&d+e"}, "/job/%C3%A9t%C3%A9%25/x/a%3Fb%23c%26d%2Be"),
        ("nightly", {"x": "line\nbreak"}, "/job/nightly/x@base64/bGluZQpicmVhaw=="),
    ],
)
def test_the_group_is_the_path(server, pushing, job, grouping, path):
    pushing(job, grouping=grouping).export(METRICS)
    assert server.requests[0].path == f"/metrics{path}"


def test_the_url_may_have_a_path_of_its_own(server):
    exporter = PushgatewayExporter(f"{server.url}/gateway/", "nightly")
    exporter.export(METRICS)
    assert server.requests[0].path == "/gateway/metrics/job/nightly"
    exporter.close()


def test_post_credentials_headers_and_compression_are_by_choice(server, pushing):
    exporter = pushing(method="POST", auth=("a", "b"), headers={"X-Team": "t"}, gzip=True)
    exporter.export([Counter("calls", 1, {"padding": "x" * 2000})])
    [request] = server.requests
    assert (request.method, request.headers["authorization"], request.headers["x-team"]) == ("POST", "Basic YTpi", "t")
    assert request.headers["content-encoding"] == "gzip"
    assert request.content.startswith(b"# HELP calls_total")


def test_delete_takes_the_group_out(server, pushing):
    pushing(grouping={"instance": "a"}).delete()
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("DELETE", "/metrics/job/nightly/instance/a", b"")


def test_a_tag_with_the_name_of_a_grouping_label_keeps_its_value_under_another(server, pushing):
    """As it is, the gateway would overwrite it: two series would become one, and the push be refused."""
    snapshot = Snapshot(
        [
            Counter("calls", 1, {"job": "a"}),
            Counter("calls", 2, {"job": "b", "exported_job": "c"}),
            Counter("calls", 3, {"zone.id": "z"}),
            Timer("wait_ms", 5, {"other": "o"}),
        ],
        definitions={"calls": MetricDefinition.of("calls", "counter", help="How many.")},
        resource=Tags.of({"job": "r", "service": "s"}),
    )
    exporter = pushing(grouping={"zone_id": "1"}, prometheus=PrometheusExporter(histograms="classic"))
    exporter.export(snapshot)
    lines = server.accepted[0].decode().splitlines()
    assert [line for line in lines if line.startswith("calls")] == [
        'calls_total{exported_job="a"} 1',
        'calls_total{exported_exported_job="b",exported_job="c"} 2',
        'calls_total{exported_zone_id="z"} 3',
    ]
    assert "# HELP calls_total How many." in lines
    assert 'target_info{exported_job="r",service="s"} 1' in lines
    assert 'wait_seconds_count{other="o"} 1' in lines


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"job": ""}, "name of a job"),
        ({"job": None}, "name of a job"),
        ({"grouping": {"job": "x"}}, "'job' cannot be"),
        ({"grouping": {"le": "x"}}, "'le' cannot be"),
        ({"grouping": {"1st": "x"}}, "'1st' cannot be"),
        ({"grouping": {"a.b": "x"}}, "'a.b' cannot be"),
        ({"grouping": {"__a": "x"}}, "'__a' cannot be"),
        ({"grouping": {"a\n": "x"}}, "cannot be a grouping label"),
        ({"grouping": {"a": float("nan")}}, "the grouping"),
        ({"grouping": "instance"}, "not a mapping"),
        ({"method": "put"}, "PUT or POST"),
        ({"method": "DELETE"}, "PUT or POST"),
    ],
)
def test_what_no_pushgateway_takes_is_refused_when_it_is_made(pushing, options, says):
    with pytest.raises(DefinitionError, match=says):
        pushing(**options)


def test_a_rejected_push_says_where_to_look():
    with FaultServer(status=400) as server:
        exporter = PushgatewayExporter(server.url, "nightly")
        with pytest.raises(DeliveryError) as caught:
            exporter.export(METRICS)
        exporter.close()
    assert (caught.value.reason, caught.value.is_ambiguous) == ("rejected", False)
    assert "the log of the Pushgateway" in "".join(traceback.format_exception(caught.value))


def test_other_failures_are_those_of_the_transport(server, pushing):
    server.behaves("throttled", retry_after=60)
    with pytest.raises(DeliveryError) as caught:
        pushing().export(METRICS)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 60.0)
    assert not getattr(caught.value, "__notes__", [])


def test_beside_metrics_it_pushes_totals_and_what_a_failure_held_back_comes_with_the_next(server, pushing):
    metrics = Metrics().export_to(pushing(timeout=0.1))
    metrics.registry.counter("jobs.done", increment=2)
    metrics.export()
    server.behaves("black_hole")
    metrics.registry.counter("jobs.done", increment=3)
    with pytest.raises(Exception, match="could not export"):
        metrics.export()
    server.behaves("ok")
    metrics.registry.counter("jobs.done", increment=4)
    metrics.close()
    assert [line for line in server.accepted[-1].decode().splitlines() if line.startswith("jobs")] == [
        "jobs_done_total 9"
    ]


def test_names_are_those_of_prometheus_and_repr_shows_no_secret(pushing):
    exporter = pushing(auth=("user", "s3cr3t"))
    definition = MetricDefinition.of("jobs.duration_ms", "timer")
    assert exporter.names(definition) == PrometheusExporter().names(definition) == ("jobs_duration_seconds",)
    assert repr(exporter) == f"PushgatewayExporter({exporter._transport.server!r})"
