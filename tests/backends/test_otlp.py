"""What is sent by OTLP is what real receivers have: Datadog's test agent, VictoriaMetrics, and Rotel before it."""

from __future__ import annotations

import json
from math import isclose

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from polymeter import Metrics
from polymeter.data.buckets import bucket_of
from polymeter.errors import DeliveryError
from polymeter.exporters import OTLPExporter
from polymeter.registries import AggregatingRegistry
from tests.backends.ledger import WAIT_BOUNDS, WAIT_HELP, at_or_below, labels_of, record_everything
from tests.backends.reading import legal
from tests.exporters.otlp_reading import points_of, request_of, resource_of
from tests.servers.waiting import wait_until

PROTOCOLS = ["http/protobuf", "http/json", "grpc"]
RESOURCE = {"service.name": "shop", "service.instance.id": "one"}
SUMS = {"jobs.done": (2, True), "energy": (2, True), "open": (2, False)}
OBSERVED = {"queue.wait_ms": "queue.wait", "answer.size_bytes": "answer.size"}


def exporting(endpoint, **options):
    """Give a facade with a ledger's worth of records, and the ledger."""
    metrics = Metrics(registry=AggregatingRegistry(resource=RESOURCE)).export_to(OTLPExporter(endpoint, **options))
    return metrics, record_everything(metrics.registry)


def seen_by(agent):
    """Give the requests that the agent got, read by the official definitions."""
    found = []
    for each in agent.requests():
        if "resourceMetrics" in each:
            found.append(request_of(json.dumps(each), "application/json"))
        else:
            found.append(json_format.ParseDict(each, ExportMetricsServiceRequest()))
    return found


def endpoint_of(agent, protocol):
    return f"http://{agent.grpc}" if protocol == "grpc" else agent.otlp


def labels(point):
    return labels_of(point.attributes)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_agent_has_the_ledger_exactly(test_agent, protocol):
    metrics, ledger = exporting(endpoint_of(test_agent, protocol), protocol=protocol, max_buckets=None)
    metrics.export()
    [request] = seen_by(test_agent)
    assert RESOURCE.items() <= resource_of(request).items()
    for name, (temporality, is_monotonic) in SUMS.items():
        points = points_of(request, name)
        assert {labels(each): each.value for each in points} == pytest.approx(ledger.sums[name], rel=1e-15)
        assert {each.metric.sum.aggregation_temporality for each in points} == {temporality}
        assert {each.metric.sum.is_monotonic for each in points} == {is_monotonic}
    assert {labels(each): each.value for each in points_of(request, "temperature")} == ledger.sums["temperature"]
    for name, shown in OBSERVED.items():
        points = {labels(each): each for each in points_of(request, shown)}
        assert points.keys() == ledger.observations[name].keys()
        for at, values in ledger.observations[name].items():
            data = points[at].data
            assert (data.count, data.min, data.max, data.scale) == (len(values), min(values), max(values), 6)
            assert isclose(data.sum, sum(values), rel_tol=1e-12)
            expected = {}
            for value in values:
                expected[bucket_of(value)] = expected.get(bucket_of(value), 0) + 1
            counts = enumerate(data.positive.bucket_counts, data.positive.offset)
            assert {index: count for index, count in counts if count} == expected
    waits = points_of(request, "queue.wait")
    assert {(each.metric.unit, each.metric.description) for each in waits} == {("s", WAIT_HELP)}
    assert {exemplar.as_double for each in waits for exemplar in each.data.exemplars} == {0.05, 5}
    metrics.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_agent_has_differences_that_add_up(test_agent, protocol):
    """Each begins where the one before ended; explicit buckets are exact."""
    metrics, ledger = exporting(
        endpoint_of(test_agent, protocol), protocol=protocol, temporality="delta", histograms="explicit"
    )
    metrics.export()
    metrics.registry.counter("jobs.done", {"room": "day"}, 4)
    metrics.registry.timer("queue.wait_ms", 50, {"room": "day"})
    metrics.export()
    day = labels_of({"room": "day"})
    first, second = seen_by(test_agent)
    sums = [
        next(each for each in points_of(request, "jobs.done") if labels(each) == day) for request in (first, second)
    ]
    assert [each.value for each in sums] == [ledger.sums["jobs.done"][day], 4]
    assert {each.metric.sum.aggregation_temporality for each in sums} == {1}
    assert sums[1].data.start_time_unix_nano == sums[0].data.time_unix_nano
    waits = next(each for each in points_of(first, "queue.wait") if labels(each) == day)
    below = [at_or_below(bound, ledger.observations["queue.wait_ms"][day]) for bound in WAIT_BOUNDS]
    assert list(waits.data.explicit_bounds) == list(WAIT_BOUNDS)
    assert list(waits.data.bucket_counts) == [
        after - before for before, after in zip([0, *below], [*below, waits.data.count], strict=True)
    ]
    [added] = points_of(second, "queue.wait")
    assert (added.data.count, list(added.data.bucket_counts), added.data.HasField("min")) == (1, [0, 1, 0, 0, 0], False)
    metrics.close()


def of_server(ledger_sums):
    """Give the labels as a server with Prometheus' names has them, with those that a resource adds."""
    added = {("service_name", "shop"), ("service_instance_id", "one")}
    return {legal(at) | added: value for at, value in ledger_sums.items()}


def sums_of(moment, name, instance):
    """Give what a server knows of a metric from one instance of the service, without what was detected."""
    own = {"host_name", "host_arch", "host_id", "container_id", "job", "instance"}
    return {
        frozenset(
            (label, text)
            for label, text in at
            if label not in own and not label.startswith(("process_", "telemetry_", "scope_", "otel_"))
        ): value
        for at, value in moment.vector(f'{name}{{service_instance_id="{instance}"}}').items()
    }


@pytest.mark.parametrize("way", ["http", "rotel"])
def test_victoria_metrics_has_the_ledger(victoria_metrics, rotel, way):
    """Over HTTP, and over gRPC through a collector."""
    instance = f"ledger-{way}"
    endpoint = {"http": victoria_metrics.otlp, "rotel": f"http://{rotel.grpc}"}[way]
    metrics, ledger = exporting(
        endpoint,
        protocol="grpc" if way == "rotel" else "http/protobuf",
        resource={"service.instance.id": instance},
        histograms="explicit",
    )
    metrics.export()

    def expected(values):
        return {at - {("service_instance_id", "one")} | {("service_instance_id", instance)}: value
                for at, value in of_server(values).items()}  # fmt: skip

    names = {"jobs.done": "jobs_done_total", "energy": "energy_total", "temperature": "temperature", "open": "open"}
    wait_until(
        lambda: len(sums_of(victoria_metrics.now(), "open", instance)) == len(ledger.sums["open"]),
        what="VictoriaMetrics has what was sent",
    )
    moment = victoria_metrics.now()
    for name, shown in names.items():
        assert sums_of(moment, shown, instance) == pytest.approx(expected(ledger.sums[name]), rel=1e-12)
    counts = {at: len(values) for at, values in ledger.observations["queue.wait_ms"].items()}
    assert sums_of(moment, "queue_wait_seconds_count", instance) == expected(counts)
    for bound in WAIT_BOUNDS:
        below = {at: at_or_below(bound, values) for at, values in ledger.observations["queue.wait_ms"].items()}
        found = moment.vector(f'queue_wait_seconds_bucket{{service_instance_id="{instance}", le="{bound:g}"}}')
        assert sorted(found.values()) == sorted(below.values())
    metrics.close()


def test_victoria_metrics_takes_exponential_histograms(victoria_metrics):
    metrics, ledger = exporting(victoria_metrics.otlp, resource={"service.instance.id": "exponential"})
    metrics.export()
    found = victoria_metrics.now().vector('queue_wait_seconds_count{service_instance_id="exponential"}')
    assert sorted(found.values()) == sorted(map(len, ledger.observations["queue.wait_ms"].values()))
    metrics.close()


def test_victoria_metrics_hears_of_the_end_of_a_series(victoria_metrics):
    """What is gone is stale at once, not five minutes later."""
    registry = AggregatingRegistry()
    metrics = Metrics(registry=registry).export_to(OTLPExporter(victoria_metrics.otlp))
    registry.counter("otlp.ending", {"room": "a"})
    registry.counter("otlp.ending", {"room": "b"})
    metrics.export()
    registry.forget("otlp.ending", {"room": "a"})
    metrics.export()
    metrics.export()
    rooms = {dict(each["metric"])["room"]: each["values"] for each in victoria_metrics.samples("otlp_ending_total")}
    assert rooms["a"][-1] is None
    assert None not in rooms["b"]
    metrics.close()


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/query"])
def test_a_wrong_path_of_a_real_server_is_an_error(victoria_metrics, path):
    exporter = OTLPExporter(victoria_metrics.address + path)
    metrics = Metrics()
    metrics.registry.counter("calls")
    with pytest.raises(DeliveryError, match=r"answered 4|no OTLP receiver"):
        exporter.export(metrics.snapshot())
    exporter.close()


def test_an_encoding_that_a_real_server_does_not_know_is_an_error(victoria_metrics):
    exporter = OTLPExporter(victoria_metrics.otlp, protocol="http/json")
    metrics = Metrics()
    metrics.registry.counter("calls")
    with pytest.raises(DeliveryError, match="answered 400"):
        exporter.export(metrics.snapshot())
    exporter.close()
