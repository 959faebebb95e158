"""The servers that things are sent to tell what they got."""

from __future__ import annotations

import json
import socket
import time
import urllib.request

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.servers import fixtures
from tests.servers.waiting import wait_until

victoria_metrics, rotel = fixtures.victoria_metrics, fixtures.rotel
running_test_agent, test_agent = fixtures.running_test_agent, fixtures.test_agent
running_statsd, statsd = fixtures.running_statsd, fixtures.statsd

PROTOBUF = "application/x-protobuf"


def request(name, value):
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 2
    point = metric.sum.data_points.add(as_int=value, time_unix_nano=time.time_ns())
    point.attributes.add(key="room").value.string_value = "a b"
    return message


def post(address, body, content_type):
    request = urllib.request.Request(address, body, {"Content-Type": content_type})  # noqa: S310 - ours, on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.status


def over_grpc(server, message):
    import grpc

    with grpc.insecure_channel(server) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
        call(message.SerializeToString(), timeout=10)


def test_victoria_metrics_shows_what_it_took_over_otlp_at_once(victoria_metrics):
    post(victoria_metrics.otlp, request("servers.direct", 7).SerializeToString(), PROTOBUF)
    assert victoria_metrics.now().vector("servers_direct_total") == {frozenset({("room", "a b")}): 7}
    assert [each["values"] for each in victoria_metrics.samples("servers_direct_total")] == [[7]]


def test_rotel_passes_on_what_it_took_over_grpc_and_over_http(rotel):
    over_grpc(rotel.grpc, request("servers.over.grpc", 8))
    post(f"{rotel.http}/v1/metrics", request("servers.over.http", 9).SerializeToString(), PROTOBUF)
    expressions = "servers_over_grpc_total", "servers_over_http_total"

    def values():
        found = [rotel.behind.now().vector(expression) for expression in expressions]
        return all(found) and [list(vector.values()) for vector in found]

    assert wait_until(values, what="both have come") == [[8], [9]]


def test_the_test_agent_tells_each_request_in_order_and_forgets(test_agent):
    over_grpc(test_agent.grpc, request("g", 1))
    post(test_agent.otlp, request("h", 2).SerializeToString(), PROTOBUF)
    post(test_agent.otlp, json.dumps({"resourceMetrics": []}).encode(), "application/json")
    first, second, third = test_agent.requests()
    (metric,) = first["resource_metrics"][0]["scope_metrics"][0]["metrics"]
    assert metric["name"] == "g"
    assert metric["sum"]["aggregation_temporality"] == "AGGREGATION_TEMPORALITY_CUMULATIVE"
    assert metric["sum"]["data_points"][0]["as_int"] == "1"
    assert second["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]["name"] == "h"
    assert third == {"resourceMetrics": []}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(test_agent.otlp, b"no protobuf", PROTOBUF)
    test_agent.clear()
    assert test_agent.requests() == []


def test_statsd_tells_every_datagram_that_was_sent_and_forgets(statsd):
    def send(*packets):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in packets:
                sender.sendto(packet.encode(), ("127.0.0.1", statsd.port))

    send("a.b:3|c\na.b:1|c|@0.5", "g:7|g", "g:+2|g", "t:320|ms|@0.1", "t:0.5|ms", "u:x|s\nu:y|s\nu:x|s", "bad")
    send("dog:1|c|#env:prod,x:y")
    got = statsd.received()
    assert got.counters == {"a.b": 5, "dog;env=prod;x=y": 1}
    assert got.gauges == {"g": 9}
    assert got.timers == {"t": [0.5, 320]}
    assert got.timer_counts == {"t": 11}
    assert got.sets == {"u": {"x", "y"}}
    assert (got.bad_lines, got.packets) == (1, 8)
    statsd.clear()
    assert statsd.received().gauges == {}
    assert statsd.received().counters == {}


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_statsd_takes_lines_over_a_stream(statsd, way):
    address = ("127.0.0.1", statsd.tcp_port) if way == "tcp" else str(statsd.path)
    with socket.socket(socket.AF_INET if way == "tcp" else socket.AF_UNIX) as sender:
        sender.connect(address)
        sender.sendall(b"a:1|c\na:2|c\n")
        got = statsd.wait_for(lambda got: "a" in got.counters, what="a counter over a stream")
    assert got.counters == {"a": 3}
