"""Sick receivers of OTLP: each fault is told by one word, and nothing is lost but what is counted ambiguous."""

from __future__ import annotations

import time

import pytest

from polymeter import Metrics
from polymeter.errors import ExportError
from polymeter.exporters import InMemoryExporter, OTLPExporter
from polymeter.exporters.http import Backoff
from polymeter.pump import EXIT_BUDGET
from polymeter.testing import FaultServer
from tests.exporters.otlp_reading import points_of, request_of
from tests.pump.test_faults import FAULTS, TIMEOUT


class Delta(OTLPExporter):
    """Sends differences."""


class Total(OTLPExporter):
    """Sends totals."""


def taken(server, encoding):
    """Give the values of ``calls`` that a server took."""
    form = {"http/json": "application/json"}.get(encoding, "application/x-protobuf")
    return [sum(each.value for each in points_of(request_of(body, form), "calls")) for body in server.accepted]


@pytest.fixture(params=["http/protobuf", "http/json"])
def encoding(request):
    return request.param


@pytest.fixture
def chain(request, encoding):
    """Give a facade, and two servers: for differences and for totals."""
    servers = [FaultServer(tls=getattr(request, "param", "") == "bad_tls") for _ in range(2)]
    metrics, kept = Metrics(), InMemoryExporter(temporality="delta")
    for made, temporality, server in zip((Delta, Total), ("delta", "cumulative"), servers, strict=True):
        exporter = made(
            server.url,
            protocol=encoding,
            temporality=temporality,
            tls=server.client_tls,
            backoff=Backoff(retries=1, first=0.01),
        )
        metrics.export_to(exporter)
    metrics.export_to(kept).every(3600, timeout=TIMEOUT)
    yield metrics, kept, servers
    metrics.close()
    for server in servers:
        server.close()


@pytest.mark.parametrize(("chain", "fault"), [(fault, fault) for fault in FAULTS], indirect=["chain"], ids=FAULTS)
def test_a_fault_costs_nothing_but_what_is_counted_ambiguous(chain, fault, encoding):
    metrics, kept, servers = chain
    details, result, reason = FAULTS[fault]
    calls = metrics.registry.bind("counter", "calls")
    calls.add(1)
    metrics.export()
    for server in servers:
        server.behaves(fault, **details)
    for amount in (10, 100):
        calls.add(amount)
        with pytest.raises(ExportError):
            metrics.export()
    for server in servers:
        server.behaves("ok")
    calls.add(1000)
    metrics.export()
    assert sum(snapshot.by_name("calls")[0].value for snapshot in kept.snapshots) == 1111
    differences, totals = (taken(server, encoding) for server in servers)
    assert totals[-1] == 1111
    counted = {
        (each.tags["exporter"], each.tags["result"], each.tags["reason"]): each.value
        for each in metrics.snapshot().by_name("polymeter.exports")
        if each.tags["result"] != "ok"
    }
    assert counted == {("Delta", result, reason): 2, ("Total", result, reason): 2}
    if result == "failed":
        assert sum(differences) == 1111
    else:  # each of the two may have arrived as well
        assert 1111 <= sum(differences) <= 1111 + 10 + 110


@pytest.mark.parametrize("fault", ["black_hole", "slow_drip", "endless"])
def test_closing_beside_a_fault_takes_a_second_at_most(chain, fault):
    metrics, _, servers = chain
    for server in servers:
        server.behaves(fault, **FAULTS[fault][0])
    metrics.registry.counter("calls")
    began = time.monotonic()
    metrics.close()
    assert time.monotonic() - began < EXIT_BUDGET + 1  # of a busy machine
