"""The ``OTEL_*`` variables that OTLPExporter honours, each with a test; docs/otlp.md lists them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from polymeter.data import Counter, Exemplar, Timer
from polymeter.errors import DefinitionError
from polymeter.exporters import OTLPExporter
from polymeter.testing import FaultServer
from tests.exporters.otlp_grpc_server import GrpcServer
from tests.exporters.otlp_reading import one_point, request_of, resource_of

BOTH = ["OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_METRICS_"]
EXEMPLARS = [Exemplar({"user": "u"}, 1, 1.0)]
METRICS = [Counter("calls", 3, {"padding": "x" * 2000}, exemplars=EXEMPLARS), Timer("wait_ms", 5)]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def sent(server, monkeypatch):
    """Export with some variables set; give the request as it came, and decoded."""

    def send(variables=(), **options):
        for name, text in dict(variables).items():
            monkeypatch.setenv(name, text)
        exporter = OTLPExporter(options.pop("endpoint", server.url), **options)
        exporter.export(METRICS)
        exporter.close()
        request = server.requests[-1]
        return request, request_of(request.content, request.headers["content-type"])

    return send


def test_the_endpoint_of_all_signals_gets_the_path_of_metrics(server, sent):
    request, _ = sent({"OTEL_EXPORTER_OTLP_ENDPOINT": f"{server.url}/base/"}, endpoint=None)
    assert request.path == "/base/v1/metrics"


def test_the_endpoint_of_metrics_is_taken_as_it_is_and_wins(server, sent):
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{server.url}/push",
    }
    request, _ = sent(variables, endpoint=None)
    assert request.path == "/push"


def test_what_is_given_wins_over_every_variable(server, sent):
    variables = {f"{start}{end}": text for start in BOTH for end, text in {
        "ENDPOINT": "http://127.0.0.1:1", "HEADERS": "x-a=env", "COMPRESSION": "none", "PROTOCOL": "http/json",
        "TIMEOUT": "1", "TEMPORALITY_PREFERENCE": "delta",
        "DEFAULT_HISTOGRAM_AGGREGATION": "explicit_bucket_histogram",
    }.items()}  # fmt: skip
    request, message = sent(
        {**variables, "OTEL_METRICS_EXEMPLAR_FILTER": "always_off"},
        headers={"x-b": "given"},
        compression="gzip",
        protocol="http/protobuf",
        timeout=9,
        temporality="cumulative",
        histograms="exponential",
        exemplars="always_on",
    )
    assert ("x-a" in request.headers, request.headers["x-b"]) == (False, "given")
    assert request.headers["content-encoding"] == "gzip"
    calls = one_point(message, "calls")
    assert (calls.metric.sum.aggregation_temporality, len(calls.data.exemplars)) == (2, 1)
    assert one_point(message, "wait").metric.WhichOneof("data") == "exponential_histogram"


@pytest.mark.parametrize("start", BOTH)
def test_headers(sent, start):
    request, _ = sent({f"{start}HEADERS": "api-key=a%20b, x-tenant = t ,"})
    assert (request.headers["api-key"], request.headers["x-tenant"]) == ("a b", "t")


def test_headers_of_metrics_win(sent):
    request, _ = sent({f"{BOTH[0]}HEADERS": "x-a=1,x-b=1", f"{BOTH[1]}HEADERS": "x-a=2"})
    assert (request.headers["x-a"], "x-b" in request.headers) == ("2", False)


def test_headers_that_cannot_be_read_are_left_out_and_said_without_their_values(sent, caplog):
    request, _ = sent({f"{BOTH[0]}HEADERS": "x-a=1,a-secret"})
    assert "x-a" not in request.headers
    assert "OTEL_EXPORTER_OTLP_HEADERS is ignored: pair 2 is not name=value" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("start", BOTH)
def test_compression(sent, start):
    request, _ = sent({f"{start}COMPRESSION": "none"})
    assert "content-encoding" not in request.headers


@pytest.mark.parametrize("start", BOTH)
def test_protocol(sent, start):
    request, _ = sent({f"{start}PROTOCOL": "http/json"})
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("start", BOTH)
def test_timeout_is_in_milliseconds(monkeypatch, start):
    """As the specification has it; the SDK for Python takes it for seconds."""
    monkeypatch.setenv(f"{start}TIMEOUT", "100")
    with FaultServer() as server:
        server.behaves("black_hole")
        exporter = OTLPExporter(server.url)
        with pytest.raises(Exception, match="took longer"):
            exporter.export(METRICS)
        exporter.close()


@pytest.mark.parametrize("start", BOTH)
def test_certificate(monkeypatch, tmp_path, start):
    """Of those who are trusted; it is read when the exporter is made."""
    monkeypatch.setenv(f"{start}CERTIFICATE", str(tmp_path / "none.pem"))
    with pytest.raises(DefinitionError, match=r"none\.pem"):
        OTLPExporter("https://localhost:4318")
    OTLPExporter("http://localhost:4318").close()  # which needs none


@pytest.mark.parametrize("start", BOTH)
def test_client_certificate_and_key(monkeypatch, tmp_path, start):
    known = ssl.get_default_verify_paths().cafile
    monkeypatch.setenv(f"{start}CERTIFICATE", known if known and Path(known).exists() else "")
    monkeypatch.setenv(f"{start}CLIENT_CERTIFICATE", str(tmp_path / "own.pem"))
    monkeypatch.setenv(f"{start}CLIENT_KEY", str(tmp_path / "key.pem"))
    with pytest.raises(DefinitionError, match=r"own\.pem"):
        OTLPExporter("https://localhost:4318")
    monkeypatch.delenv(f"{start}CLIENT_CERTIFICATE")
    with pytest.raises(DefinitionError, match="of no use without client_certificate"):
        OTLPExporter("https://localhost:4318")


@pytest.mark.parametrize("start", BOTH)
def test_insecure_is_for_grpc_without_a_scheme(monkeypatch, start):
    monkeypatch.setenv(f"{start}INSECURE", "true")
    with GrpcServer() as server:
        monkeypatch.setenv(f"{start}ENDPOINT", server.url.removeprefix("http://"))
        exporter = OTLPExporter(protocol="grpc")
        exporter.export(METRICS)
        exporter.close()
        assert len(server.requests) == 1


@pytest.mark.parametrize(("said", "number"), [("delta", 1), ("LowMemory", 1), ("cumulative", 2)])
def test_temporality_preference(sent, said, number):
    _, message = sent({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": said})
    assert one_point(message, "calls").metric.sum.aggregation_temporality == number


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("explicit_bucket_histogram", "histogram"),
        ("base2_exponential_bucket_histogram", "exponential_histogram"),
    ],
)
def test_default_histogram_aggregation(sent, said, field):
    _, message = sent({"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": said})
    assert one_point(message, "wait").metric.WhichOneof("data") == field


@pytest.mark.parametrize(("said", "left"), [("always_on", 1), ("trace_based", 0), ("always_off", 0)])
def test_exemplar_filter(sent, said, left):
    _, message = sent({"OTEL_METRICS_EXEMPLAR_FILTER": said})
    assert len(one_point(message, "calls").data.exemplars) == left


def test_service_name_wins_over_the_resource_attributes(sent):
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.version=1%2C5,host.name=mine"}
    assert resource_of(sent(attributes)[1])["service.name"] == "a"
    resource = resource_of(sent({"OTEL_SERVICE_NAME": "b"})[1])
    assert (resource["service.name"], resource["service.version"], resource["host.name"]) == ("b", "1,5", "mine")


def test_without_a_name_the_service_is_unknown(sent):
    assert resource_of(sent()[1])["service.name"] == "unknown_service:python"


def test_resource_attributes_that_cannot_be_read_count_for_nothing(sent, caplog):
    resource = resource_of(sent({"OTEL_RESOURCE_ATTRIBUTES": "service.version=1,oops"})[1])
    assert "service.version" not in resource
    assert "OTEL_RESOURCE_ATTRIBUTES is ignored" in caplog.text


def test_resource_given_wins_over_the_variables(sent):
    resource = resource_of(sent({"OTEL_SERVICE_NAME": "b"}, resource={"service.name": "given"})[1])
    assert resource["service.name"] == "given"


@pytest.mark.parametrize(("said", "requests"), [("true", 0), ("TRUE", 0), ("false", 1), ("1", 1), ("", 1)])
def test_a_disabled_sdk_sends_nothing(server, monkeypatch, said, requests):
    monkeypatch.setenv("OTEL_SDK_DISABLED", said)
    exporter = OTLPExporter(server.url)
    exporter.export(METRICS)
    exporter.close()
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "none"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "native"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some"),
    ],
)
def test_a_word_that_there_is_not_is_ignored_and_said(sent, caplog, name, text):
    request, _ = sent({name: text})
    assert request.headers["content-type"] == "application/x-protobuf"
    assert f"{name}={text!r} is ignored" in caplog.text


def test_an_endpoint_that_cannot_be_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")
    with pytest.raises(DefinitionError, match="the OTEL_EXPORTER_OTLP_ENDPOINT has to start with http://"):
        OTLPExporter()


def test_by_default_it_is_this_machine():
    assert repr(OTLPExporter()) == "OTLPExporter('localhost:4318', protocol='http/protobuf')"
    assert repr(OTLPExporter(protocol="grpc")) == "OTLPExporter('localhost:4317', protocol='grpc')"
