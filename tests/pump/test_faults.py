"""Sick back ends beside a healthy one: nothing is lost, and each fault is told by one word."""

from __future__ import annotations

import itertools
import json
import socket
import time
from contextlib import contextmanager, suppress

import pytest

from polymeter.errors import ExportError
from polymeter.exporters import InMemoryExporter, RemoteWriteExporter, SpoolingExporter, StatsDExporter
from polymeter.exporters.http import Backoff, HttpTransport
from polymeter.metrics import Metrics
from polymeter.pump import EXIT_BUDGET
from polymeter.testing import FaultServer
from tests.exporters.remote_write_messages import TYPE_1, decode

TIMEOUT = 0.15

FAULTS = {
    # fault and its details: result and reason
    "refused": ({}, "failed", "refused"),
    "black_hole": ({}, "ambiguous", "timeout"),
    "slow_drip": ({"every": 0.05}, "ambiguous", "timeout"),
    "throttled": ({"retry_after": 1}, "failed", "throttled"),
    "unavailable": ({}, "failed", "unavailable"),
    "bad_tls": ({}, "failed", "tls"),
    "endless": ({}, "ambiguous", "answer"),
    "reset_mid_body": ({"part": "answer"}, "ambiguous", "reset"),
    "accepted_then_reset": ({}, "ambiguous", "reset"),
}


class Posting:
    """Posts the value of ``calls``."""

    def __init__(self, server, temporality):
        self.temporality = temporality
        tls = server.client_tls if server.url.startswith("https") else None
        self.transport = HttpTransport(server.url, tls=tls, backoff=Backoff(retries=1, first=0.01))

    def export(self, snapshot):
        self.transport.send(
            "POST", "/calls", json.dumps(sum(each.value for each in snapshot.by_name("calls"))).encode()
        )


class Delta(Posting):
    def __init__(self, server):
        super().__init__(server, "delta")


class Total(Posting):
    def __init__(self, server):
        super().__init__(server, "cumulative")


def taken(server):
    return [json.loads(body) for body in server.accepted]


class Chain:
    """A facade with a sick back end for deltas, one for totals, and healthy ones between and after them."""

    def __init__(self, fault, choice):
        self.delta_server, self.total_server = (FaultServer(tls=fault == "bad_tls") for _ in range(2))
        self.healthy = FaultServer()
        self.servers = (self.delta_server, self.total_server)
        self.posting = Delta(self.delta_server), Total(self.total_server), Posting(self.healthy, "delta")
        self.kept = InMemoryExporter(temporality="delta")
        self.metrics = Metrics()
        for each in (*self.posting, self.kept):
            self.metrics.export_to(each, ambiguous=choice)
        self.metrics.every(3600, timeout=TIMEOUT)

    def close(self):
        self.metrics.close()
        for posting in self.posting:
            posting.transport.close()
        for server in (*self.servers, self.healthy):
            server.close()

    def behaves(self, fault, **details):
        for server in self.servers:
            server.behaves(fault, **details)

    def record(self, amount):
        self.metrics.registry.counter("calls", increment=amount)

    def exports(self):
        """Give what the self-metric says of the sick ones, by exporter."""
        counted = {}
        for each in self.metrics.snapshot().by_name("polymeter.exports"):
            if each.tags["result"] != "ok":
                counted.setdefault(each.tags["exporter"], {})[each.tags["result"], each.tags["reason"]] = each.value
        return counted


@pytest.fixture
def chain(request):
    it = Chain(*request.param)
    yield it
    it.close()


@pytest.mark.parametrize(
    ("chain", "fault", "choice"),
    [((fault, choice), fault, choice) for fault, choice in itertools.product(FAULTS, ["resend", "drop"])],
    indirect=["chain"],
    ids=[f"{fault}-{choice}" for fault, choice in itertools.product(FAULTS, ["resend", "drop"])],
)
def test_a_fault_costs_nobody_anything_but_what_is_counted_ambiguous(chain, fault, choice):
    """The healthy ones lose nothing; afterwards totals are the truth, and so is the sum of the differences."""
    details, result, reason = FAULTS[fault]
    chain.record(1)
    chain.metrics.export()
    chain.behaves(fault, **details)
    sick = [10, 100]
    for amount in sick:
        chain.record(amount)
        with pytest.raises(ExportError):
            chain.metrics.export()
    chain.behaves("ok")
    chain.record(1000)
    chain.metrics.export()
    truth = 1111
    assert sum(taken(chain.healthy)) == truth
    assert sum(snapshot.by_name("calls")[0].value for snapshot in chain.kept.snapshots) == truth
    assert taken(chain.total_server)[-1] == truth
    assert chain.exports() == {name: {(result, reason): len(sick)} for name in ("Delta", "Total")}
    sent = sum(taken(chain.delta_server))
    if result == "failed":
        assert sent == truth
    elif choice == "resend":
        assert truth <= sent <= truth + 10 + 110  # each of the two may have arrived as well
    else:
        assert truth - 10 - 100 <= sent <= truth
    assert chain.delta_server.forgotten == 0


@pytest.mark.parametrize("fault", ["black_hole", "slow_drip", "endless", "refused"])
def test_closing_beside_a_fault_takes_a_second_at_most_and_the_healthy_ones_have_all(fault):
    """Whatever is under way."""
    chain = Chain(fault, "resend")
    try:
        chain.record(1)
        chain.metrics.export()
        chain.behaves(fault, **FAULTS[fault][0])
        chain.metrics.every(0.01, timeout=30)
        chain.record(10)
        chain.healthy.wait_for_requests(4)
        chain.record(100)
        began = time.monotonic()
        chain.metrics.close()
        assert time.monotonic() - began < EXIT_BUDGET + 1  # of a busy machine
        assert sum(taken(chain.healthy)) == 111
    finally:
        chain.close()


def test_every_so_often_the_healthy_one_keeps_its_pace_and_the_sick_one_recovers():
    """All faults one after another, on the pump's own thread."""
    chain = Chain("", "resend")
    try:
        chain.metrics.every(0.01, timeout=TIMEOUT)
        for fault, (details, *_) in FAULTS.items():
            if fault == "bad_tls":
                continue
            chain.behaves(fault, **details)
            before = len(chain.healthy.requests)
            chain.record(7)
            chain.healthy.wait_for_requests(before + 4)
        chain.behaves("ok")
        truth = 7 * (len(FAULTS) - 1)
        deadline = time.monotonic() + 30
        while not (taken(chain.total_server) and taken(chain.total_server)[-1] == truth):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        chain.metrics.close()
        assert sum(taken(chain.healthy)) == truth
        assert sum(taken(chain.delta_server)) >= truth
    finally:
        chain.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_a_receiver_of_remote_write_has_the_truth_at_times_that_ascend(fault):
    """Whatever it may have taken in between."""
    details, result, reason = FAULTS[fault]
    healthy = InMemoryExporter(temporality="delta")
    with FaultServer(tls=fault == "bad_tls", status=204) as server, Metrics() as metrics:
        tls = server.client_tls if fault == "bad_tls" else None
        exporter = RemoteWriteExporter(server.url, tls=tls, backoff=Backoff(retries=1, first=0.01))
        metrics.export_to(exporter).export_to(healthy).every(3600, timeout=TIMEOUT)
        metrics.registry.counter("calls", increment=1)
        metrics.export()
        server.behaves(fault, **details)
        for amount in (10, 100):
            metrics.registry.counter("calls", increment=amount)
            with pytest.raises(ExportError):
                metrics.export()
        server.behaves("ok")
        metrics.registry.counter("calls", increment=1000)
        metrics.export()
        sent = [
            (series.times[0], series.values[0])
            for body in server.accepted
            for series in decode(body, TYPE_1).series
            if series.labels["__name__"] == "calls_total"
        ]
        [health] = [each for each in metrics.health().exporters if each.exporter == "RemoteWriteExporter"]
    assert sent[0][1] == 1
    assert sent[-1][1] == 1111
    assert [each for each, _ in sent] == sorted({each for each, _ in sent})
    assert [value for _, value in sent] == sorted(value for _, value in sent)
    assert (getattr(health, result), health.reasons) == (2, {reason: 2})
    assert sum(snapshot.by_name("calls")[0].value for snapshot in healthy.snapshots) == 1111


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_what_a_spool_has_kept_leaves_with_the_next_process(tmp_path, fault):
    """Once where nothing had arrived, else at least once."""
    details, result, reason = FAULTS[fault]
    with FaultServer(tls=fault == "bad_tls") as server:
        posting = Delta(server)
        with Metrics().export_to(SpoolingExporter(posting, tmp_path)) as metrics:
            metrics.every(3600, timeout=TIMEOUT)
            metrics.registry.counter("calls", increment=1)
            metrics.export()
            server.behaves(fault, **details)
            for amount in (10, 100):
                metrics.registry.counter("calls", increment=amount)
                with pytest.raises(ExportError):
                    metrics.export()
        [health] = metrics.health().exporters
        server.behaves("ok")
        with Metrics().export_to(SpoolingExporter(posting, tmp_path)) as later:
            later.registry.counter("calls", increment=1000)
        sent = sum(taken(server))
        posting.transport.close()
    assert (getattr(health, result), health.reasons) == (3, {reason: 3})  # and once when it was closed
    assert sent == 1111 if result == "failed" else 1111 <= sent <= 1111 + 10 + 110 + 110
    assert list(tmp_path.iterdir()) == []


STATSD_FAULTS = {
    # fault: where to, and the reason of the failures
    "nobody at the port": (lambda folder: "127.0.0.1:{closed}", "refused"),
    "no such path": (lambda folder: f"unix://{folder}/nobody", "refused"),
    "a full buffer": (lambda folder: f"unixgram://{folder}/full", "timeout"),
}


@pytest.mark.parametrize("fault", STATSD_FAULTS)
def test_a_sick_statsd_costs_the_others_nothing_and_the_exit_no_more_than_its_budget(tmp_path, fault):
    """And is told of by one word."""
    where, reason = STATSD_FAULTS[fault]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed, full_receiver(tmp_path / "full"):
        closed.bind(("127.0.0.1", 0))
        address = where(tmp_path).format(closed=closed.getsockname()[1])
        closed.close()
        healthy = InMemoryExporter(temporality="delta")
        metrics = Metrics().export_to(StatsDExporter(address, origin_detection=False)).export_to(healthy)
        metrics.every(3600, timeout=TIMEOUT)
        for amount in (1, 10):
            metrics.registry.counter("calls", increment=amount)
            with pytest.raises(ExportError):
                metrics.export()
        sick, _ = metrics.health().exporters
        assert (sick.exporter, sick.failed, sick.reasons) == ("StatsDExporter", 2, {reason: 2})
        metrics.registry.counter("calls", increment=100)
        began = time.monotonic()
        metrics.close()
        assert time.monotonic() - began < EXIT_BUDGET + 1  # of a busy machine
        assert sum(snapshot.by_name("calls")[0].value for snapshot in healthy.snapshots) == 111


@contextmanager
def full_receiver(path):
    """Listen for datagrams, and have as many of them waiting as there is room for."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
            sender.connect(str(path))
            sender.setblocking(False)
            while True:
                sender.send(b"x")
        yield
