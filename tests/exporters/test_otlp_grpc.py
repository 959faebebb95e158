"""OTLP over gRPC, to a real server of it."""

from __future__ import annotations

import subprocess
import sys
import threading

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from polymeter.data import Counter
from polymeter.deadline import Deadline
from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters import OTLPExporter
from polymeter.exporters.http import Backoff
from polymeter.testing.contracts.registry.child import answer_of_a_child
from polymeter.testing.faults.certificate import tls_contexts
from tests.exporters.otlp_grpc_server import GrpcServer
from tests.exporters.otlp_reading import one_point, request_of

CALLS = [Counter("calls", 3, {"room": "a"})]


@pytest.fixture
def server():
    with GrpcServer() as server:
        yield server


@pytest.fixture
def sending(server):
    made = []

    def make(url=None, **options):
        options = {"backoff": Backoff(retries=2, first=0.01), **options}
        made.append(OTLPExporter(url or server.url, protocol="grpc", **options))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


def aborting(code, details="", **trailing):
    def behave(context):
        context.set_trailing_metadata(tuple((name.replace("_", "-"), value) for name, value in trailing.items()))
        context.abort(code, details)

    return behave


def failing_at(exporter):
    with pytest.raises(DeliveryError) as caught:
        exporter.export(CALLS)
    return caught.value


def test_an_export_is_a_call_with_the_same_bytes(server, sending):
    exporter = sending(headers={"X-Token": "t"})
    exporter.export(CALLS)
    exporter.export(CALLS)
    assert one_point(request_of(server.requests[1]), "calls").value == 3
    assert server.metadata[0]["x-token"] == "t"
    assert repr(exporter) == f"OTLPExporter({server.url[7:]!r}, protocol='grpc')"


def test_after_closing_it_connects_anew(server, sending):
    exporter = sending()
    exporter.export(CALLS)
    exporter.close()
    exporter.close()
    exporter.export(CALLS)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("code", "reason", "is_ambiguous", "calls"),
    [
        ("UNAVAILABLE", "unavailable", False, 3),
        ("ABORTED", "unavailable", False, 3),
        ("DATA_LOSS", "unavailable", False, 3),
        ("RESOURCE_EXHAUSTED", "rejected", False, 1),
        ("UNAUTHENTICATED", "rejected", False, 1),
        ("INVALID_ARGUMENT", "rejected", False, 1),
        ("UNIMPLEMENTED", "rejected", False, 1),
        ("INTERNAL", "answer", True, 1),
        ("DEADLINE_EXCEEDED", "timeout", True, 1),
    ],
)
def test_a_status_says_why_and_whether_to_try_again(server, sending, code, reason, is_ambiguous, calls):
    server.behave = aborting(grpc.StatusCode[code], "no")
    error = failing_at(sending())
    assert (error.reason, error.is_ambiguous, len(server.metadata)) == (reason, is_ambiguous, calls)


def test_a_server_that_says_when_is_asked_again_then(server, sending):
    delay = Any()
    delay.Pack(RetryInfo(retry_delay=Duration(seconds=30, nanos=500_000_000)))
    details = Status(code=8, details=[delay]).SerializeToString()
    server.behave = aborting(grpc.StatusCode.RESOURCE_EXHAUSTED, "later", grpc_status_details_bin=details)
    error = failing_at(sending(timeout=5))
    assert (error.reason, error.retry_after, len(server.metadata)) == ("throttled", 30.5, 1)


def test_nobody_there_is_refused_and_somebody_who_comes_back_is_found(server, sending):
    exporter = sending(backoff=Backoff(retries=0))
    server.stop()
    assert failing_at(exporter).reason == "refused"
    server.start()
    patient = sending(backoff=Backoff(retries=20, first=0.05, longest=0.1))
    patient.export(CALLS)
    assert len(server.requests) == 1


def test_the_time_is_what_is_left_and_whoever_waits_can_be_told_to_stop(server, sending):
    server.behave = server.wait
    error = failing_at(sending(timeout=0.1))
    assert (error.reason, error.is_ambiguous) == ("timeout", True)
    server.entered.clear()
    deadline = Deadline(60)

    def cancel():
        server.entered.wait(10)
        deadline.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with deadline.active():
        assert failing_at(sending()).reason == "timeout"
    thread.join()


def test_an_answer_that_makes_no_sense_is_no_success(server, sending):
    server.behave = lambda _: b"\xff\xff"
    error = failing_at(sending())
    assert (error.reason, error.is_ambiguous) == ("answer", True)


def test_what_was_not_taken_is_counted(server, sending):
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 1
    server.behave = lambda _: answer.SerializeToString()
    exporter = sending()
    exporter.export([*CALLS, Counter("other", 1)])
    assert exporter.rejected == 1
    assert failing_at(sending()).reason == "rejected"


def test_a_forked_child_makes_a_channel_of_its_own(server, sending):
    exporter = sending()
    exporter.export(CALLS)
    assert answer_of_a_child(lambda: exporter.export(CALLS)) is None
    exporter.export(CALLS)
    assert len(server.requests) == 3


FORKED_DURING_A_CALL = """
import os
import sys
import threading

from polymeter.data import Counter
from polymeter.errors import DeliveryError
from polymeter.exporters import OTLPExporter

calls = [Counter("calls", 3)]
exporter = OTLPExporter(sys.argv[1], protocol="grpc")
thread = threading.Thread(target=exporter.export, args=(calls,))
thread.start()
print("sending", flush=True)
sys.stdin.readline()
pid = os.fork()
if not pid:
    try:
        exporter.export(calls)
    except DeliveryError as error:
        os._exit("forked" in str(error))
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
sys.stdin.readline()
thread.join()
exporter.export(calls)
"""


def test_a_child_forked_during_a_call_says_that_grpc_did_not_outlive_it(server):
    """It would hang otherwise; the parent goes on."""
    server.behave = server.wait
    command = [sys.executable, "-c", FORKED_DURING_A_CALL, server.url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as program:
        try:
            assert program.stdout.readline() == "sending\n"
            assert server.entered.wait(10)
            program.stdin.write("fork\n")
            program.stdin.flush()
            assert program.stdout.readline() == "1\n"
            server.let_go.set()
            program.communicate("end\n", timeout=30)
        finally:
            program.kill()
    assert program.returncode == 0
    assert len(server.requests) == 2


def test_tls_trusts_whom_it_is_told_to(tmp_path, sending):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl, which makes the certificate, is not on PATH")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    with GrpcServer(credentials) as server:
        sending(server.url, tls=certificate).export(CALLS)
        assert len(server.requests) == 1
        assert failing_at(sending(server.url, backoff=Backoff(retries=0))).reason == "tls"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"endpoint": "localhost:4317"}, "has to start with http://"),
        ({"endpoint": "http://localhost:4317", "tls": "/etc/ssl/x.pem"}, "of no use with http://"),
        ({"endpoint": "https://localhost:4317", "tls": "/nowhere.pem"}, "cannot read a certificate"),
        ({"endpoint": "http://localhost:4317", "headers": {"x-y": "é"}}, "cannot be sent by gRPC"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(options, says):
    with pytest.raises(DefinitionError, match=says):
        OTLPExporter(protocol="grpc", **options)


def test_a_context_is_not_for_grpc():
    _, client = tls_contexts()
    with pytest.raises(DefinitionError, match="path of a PEM file"):
        OTLPExporter("https://localhost:4317", protocol="grpc", tls=client)


def test_without_grpcio_the_extra_is_named():
    code = (
        "import sys; sys.modules['grpc'] = None\n"
        "from polymeter.errors import MissingExtraError\nfrom polymeter.exporters import OTLPExporter\n"
        "OTLPExporter()\n"
        "try: OTLPExporter(protocol='grpc')\nexcept MissingExtraError as error: print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "polymeter[otlp-grpc]" in answer.stdout
