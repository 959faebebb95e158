"""What is sent when, in which version, and what becomes of what a receiver does not take."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import closing

import pytest

from polymeter import Metrics
from polymeter.data import Counter, Distribution, Exemplar, Gauge, MetricDefinition, Snapshot, Timer
from polymeter.errors import DeliveryError, MissingExtraError
from polymeter.exporters import RemoteWriteExporter, SpoolingExporter
from polymeter.exporters.http import Backoff
from polymeter.exporters.prometheus import Quantiles
from polymeter.registries import AggregatingRegistry
from polymeter.testing import FaultServer, ManualClock
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.remote_write_messages import TYPE_1, TYPE_2, all_of
from tests.exporters.remote_write_receiver import receiving

AT = 1_700_000_000.0
both = pytest.mark.parametrize("version", ["1.0", "2.0"])


@pytest.fixture(scope="module")
def running():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def receiver(running):
    running.forget()
    return running


@pytest.fixture
def make(receiver):
    made = []

    def exporter(**options):
        options = {"job": "j", "instance": "i", "backoff": Backoff(retries=0), **options}
        made.append(RemoteWriteExporter(receiver.url, **options))
        return made[-1]

    yield exporter
    for each in made:
        each.close()


def at(seconds, *metrics):
    return Snapshot(metrics, taken_at=AT + seconds)


def types(receiver):
    return [headers["content-type"] for headers in receiver.headers]


def values(receiver, name="calls_total"):
    return [(each.times[0], each.values[0]) for each in receiver.series if each.labels["__name__"] == name]


# -- versions


def test_without_a_word_everything_is_sent_as_version_1(receiver, make):
    make().export(at(0, Counter("calls", 1)))
    assert types(receiver) == [TYPE_1]
    assert receiver.headers[0]["x-prometheus-remote-write-version"] == "0.1.0"


def test_version_2_goes_on_as_long_as_the_receiver_says_what_it_has_written(receiver, make):
    exporter = make(version="2.0")
    for second in range(3):
        exporter.export(at(second, Counter("calls", second), Timer("t", 1)))
    assert types(receiver) == [TYPE_2] * 3


def test_a_receiver_that_does_not_know_version_2_gets_the_same_as_version_1_at_once(receiver, make, caplog):
    """It answers 204 and keeps nothing."""
    receiver.knows_2 = False
    exporter = make(version="2.0")
    exporter.export(at(0, Counter("calls", 7)))
    exporter.export(at(1, Counter("calls", 8)))
    assert types(receiver) == [TYPE_2, TYPE_1, TYPE_1]
    assert values(receiver) == [(AT * 1000, 7), (AT * 1000, 7), ((AT + 1) * 1000, 8)]
    assert [record.message for record in caplog.records if "does not know remote write 2.0" in record.message] != []


def test_a_receiver_that_refuses_version_2_gets_version_1(receiver, make):
    receiver.statuses = [415]
    exporter = make(version="2.0")
    exporter.export(at(0, Counter("calls", 7)))
    exporter.export(at(1, Counter("calls", 8)))
    assert types(receiver) == [TYPE_2, TYPE_1, TYPE_1]


def test_what_both_versions_are_rejected_for_is_an_error_and_says_nothing_about_the_version(receiver, make):
    receiver.statuses = [400, 400]
    exporter = make(version="2.0")
    with pytest.raises(DeliveryError) as caught:
        exporter.export(at(0, Counter("calls", 7)))
    assert caught.value.reason == "rejected"
    exporter.export(at(1, Counter("calls", 8)))
    assert types(receiver) == [TYPE_2, TYPE_1, TYPE_2]


def test_one_that_has_understood_version_2_means_what_it_rejects(receiver, make):
    exporter = make(version="2.0")
    exporter.export(at(0, Counter("calls", 7)))
    receiver.statuses = [400]
    with pytest.raises(DeliveryError):
        exporter.export(at(1, Counter("calls", 8)))
    assert types(receiver) == [TYPE_2, TYPE_2]


def test_a_receiver_that_has_written_less_than_was_sent_is_an_error(receiver, make):
    receiver.loses = 1
    with pytest.raises(DeliveryError, match="has written 1 of 2 samples") as caught:
        make(version="2.0").export(at(0, Counter("calls", 7), Counter("others", 8)))
    assert caught.value.reason == "rejected"


# -- times


def test_two_exports_of_one_moment_have_times_of_their_own(receiver, make):
    exporter = make()
    for value in (1, 2, 3):
        exporter.export(at(0.0001 * value, Counter("calls", value)))
    assert values(receiver) == [(AT * 1000, 1), (AT * 1000 + 1, 2), (AT * 1000 + 2, 3)]


def test_what_is_older_than_what_was_sent_is_left_out_and_that_is_said_once(receiver, make, caplog):
    caplog.set_level(logging.WARNING, "polymeter.exporters")
    exporter = make()
    exporter.export(at(10, Counter("calls", 2)))
    exporter.export(at(5, Counter("calls", 1)))
    exporter.export(at(6, Counter("calls", 1)))
    exporter.export(at(11, Counter("calls", 3)))
    assert [value for _, value in values(receiver)] == [2, 3]
    assert len(caplog.records) == 1


def test_what_has_no_time_is_of_now(receiver, make):
    make().export([Counter("calls", 1)])
    [(time, _)] = values(receiver)
    assert time > AT * 1000


# -- series that end


def ends(receiver):
    return {
        tuple(each.labels[name] for name in ("__name__", "le", "quantile") if name in each.labels)
        for each in receiver.series
        if each.is_stale
    }


@both
@pytest.mark.parametrize(
    ("histograms", "expected"),
    [
        (
            "classic",
            {("t_seconds_bucket", "1.0"), ("t_seconds_bucket", "+Inf"), ("t_seconds_sum",), ("t_seconds_count",)},
        ),
        ("native", {("t_seconds",)}),
        (Quantiles(0.5), {("t_seconds", "0.5"), ("t_seconds_sum",), ("t_seconds_count",)}),
    ],
    ids=["classic", "native", "quantiles"],
)
def test_every_series_that_is_gone_gets_one_staleness_marker(receiver, make, version, histograms, expected):
    exporter = make(version=version, histograms=histograms)
    gone = [Timer("t", Distribution.of([0.1], bounds=(1.0,)), {"n": "1"}), Gauge("g", 1), Counter("calls", 1)]
    definitions = Metrics(registry=AggregatingRegistry())
    definitions.registry.define("t", "timer", buckets=[1000])
    kept = Counter("kept", 1)
    known = definitions.snapshot().definitions
    exporter.export(Snapshot([*gone, kept], definitions=known, taken_at=AT))
    assert ends(receiver) == set()
    receiver.forget()
    exporter.export(at(1, kept))
    assert ends(receiver) == {*expected, ("g",), ("calls_total",)}
    assert {time for each in receiver.series for time in each.times} == {(AT + 1) * 1000}
    labels = [each.labels for each in receiver.series if each.labels["__name__"].startswith("t_seconds")]
    assert all(each["n"] == "1" and each["job"] == "j" for each in labels)
    receiver.forget()
    exporter.export(at(2, kept))
    assert ends(receiver) == set()


def test_the_marker_is_sent_again_until_a_receiver_has_it(receiver, make):
    exporter = make()
    exporter.export(at(0, Gauge("g", 1)))
    receiver.statuses = [503, 503]
    for second in (1, 2):
        with pytest.raises(DeliveryError):
            exporter.export(at(second))
    receiver.forget()
    exporter.export(at(3))
    assert ends(receiver) == {("g",)}
    receiver.forget()
    exporter.export(at(4))
    assert receiver.requests == []


@both
def test_of_a_histogram_that_has_other_bounds_now_only_the_other_buckets_end(receiver, make, version):
    """The decoder sees that no series comes twice in a request."""

    def of(second, *bounds):
        distribution = Distribution.of([0.1], bounds=bounds)
        defined = {"t": MetricDefinition.of("t", "timer", unit="s", buckets=bounds)}
        return Snapshot([Timer("t", distribution)], definitions=defined, taken_at=AT + second)

    exporter = make(version=version)
    exporter.export(of(0, 1.0, 2.0))
    exporter.export(of(1, 2.0, 3.0))
    assert ends(receiver) == {("t_seconds_bucket", "1.0")}
    exporter.export(at(2))
    assert ends(receiver) == {
        *(("t_seconds_bucket", bound) for bound in ("1.0", "2.0", "3.0", "+Inf")),
        ("t_seconds_sum",),
        ("t_seconds_count",),
    }


def test_a_name_that_was_a_sample_of_another_metric_goes_on_as_its_own(receiver, make):
    exporter = make()
    exporter.export(at(0, Timer("t", 1)))
    exporter.export(at(1, Gauge("t.seconds.sum", 5)))
    assert ("t_seconds_sum",) not in ends(receiver)
    assert values(receiver, "t_seconds_sum")[-1] == ((AT + 1) * 1000, 5)


def test_a_series_that_comes_back_goes_on(receiver, make):
    exporter = make()
    for second, metrics in enumerate([[Gauge("g", 1)], [], [Gauge("g", 2)]]):
        exporter.export(at(second, *metrics))
    assert [each.is_stale for each in receiver.series] == [False, True, False]


def test_a_series_that_expires_in_a_registry_ends_at_the_receiver(receiver, make):
    clock = ManualClock()
    with Metrics(registry=AggregatingRegistry(expire_after=60, clock=clock), clock=clock) as metrics:
        metrics.export_to(make())
        metrics.registry.gauge("g", 1, {"room": "a"})
        metrics.export()
        clock.advance(120)
        metrics.registry.gauge("g", 1, {"room": "b"})
        metrics.export()  # has the last of it
        clock.advance(1)
        metrics.export()
        assert [each.labels["room"] for each in receiver.series if each.is_stale] == ["a"]


# -- exemplars


def test_an_exemplar_is_sent_until_a_receiver_has_it_and_not_again(receiver, make):
    exporter = make()
    first, second = (Exemplar({"trace_id": trace}, 1, AT + seconds) for trace, seconds in (("a", 1), ("b", 3)))
    receiver.statuses = [503]
    with pytest.raises(DeliveryError):
        exporter.export(at(1, Counter("calls", 1, exemplars=[first])))
    exporter.export(at(2, Counter("calls", 1, exemplars=[first])))
    exporter.export(at(3, Counter("calls", 1, exemplars=[first])))
    exporter.export(at(4, Counter("calls", 2, exemplars=[first, second])))
    sent = [[labels["trace_id"] for labels, *_ in each.exemplars] for each in receiver.series]
    assert sent == [["a"], ["a"], [], ["b"]]


# -- failures


def many(value):
    """Give what makes three requests."""
    return [Gauge("g", value, {"n": str(n)}) for n in range(5_000)]


def test_a_rejected_request_costs_the_others_nothing_and_the_error_says_how_much_was_lost(receiver, make):
    receiver.statuses = [204, 400]
    with pytest.raises(DeliveryError) as caught:
        make().export(at(0, *many(1)))
    assert [len(request.series) for request in receiver.requests] == [2_000, 2_000, 1_000]
    assert caught.value.reason == "rejected"
    [note] = caught.value.__notes__
    assert "2000 samples" in note
    assert "instance=" in note


def test_where_everything_is_rejected_it_does_not_go_on_asking(receiver, make):
    receiver.statuses = [404] * 3
    with pytest.raises(DeliveryError) as caught:
        make().export(at(0, *many(1)))
    assert len(receiver.requests) == 2
    assert "/api/v1/write" in caught.value.__notes__[0]


def test_after_a_failure_the_rest_waits_for_the_next_export(receiver, make):
    receiver.statuses = [204, 503]
    exporter = make()
    with pytest.raises(DeliveryError):
        exporter.export(at(0, *many(1)))
    assert len(receiver.requests) == 2
    receiver.forget()
    exporter.export(at(1, *many(2)))
    assert {(each.times[0], each.values[0]) for each in receiver.series} == {((AT + 1) * 1000, 2)}
    assert len(receiver.series) == 5_000


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_is_busy_is_asked_again(receiver, make, status):
    receiver.statuses = [status]
    make(backoff=Backoff(first=0.001)).export(at(0, Counter("calls", 1)))
    assert values(receiver) == [(AT * 1000, 1)] * 2


def test_without_cramjam_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(MissingExtraError, match=r"polymeter\[remote-write\]"):
        RemoteWriteExporter("http://localhost/")


# -- processes


def test_a_forked_child_is_another_instance_and_ends_no_series_of_its_parent():
    with FaultServer() as server, closing(RemoteWriteExporter(server.url, job="j")) as exporter:
        exporter.export(at(0, Counter("calls", 1), Gauge("parents", 1)))
        answer_of_a_child(lambda: exporter.export(at(1, Counter("calls", 2))))
        exporter.export(at(2, Counter("calls", 3), Gauge("parents", 1)))
        series = all_of(server.requests)
    parents, child = series[0].labels["instance"], series[2].labels["instance"]
    assert parents != child
    assert [
        (each.labels["instance"], each.values[0]) for each in series if each.labels["__name__"] == "calls_total"
    ] == [
        (parents, 1),
        (child, 2),
        (parents, 3),
    ]
    assert not any(each.is_stale for each in series)


def test_what_a_process_has_left_in_a_spool_is_sent_in_its_name_and_as_of_its_time(receiver, make, tmp_path):
    receiver.statuses = [503]
    gone = SpoolingExporter(make(instance="gone", labels={"env": "x"}), tmp_path)
    with closing(gone), pytest.raises(DeliveryError):
        gone.export(at(0, Counter("calls", 1, {"env": "y"})))
    receiver.forget()
    with closing(SpoolingExporter(make(instance="here"), tmp_path)) as here:
        here.export(at(60, Counter("calls", 2)))
        here.export(at(61, Counter("calls", 3)))
    sent = [
        (each.labels["instance"], each.labels.get("env"), each.times[0], each.values[0]) for each in receiver.series
    ]
    assert ("gone", "x", AT * 1000, 1) in sent
    assert next(each for each in sent if each[0] == "here") == ("here", None, (AT + 60) * 1000, 2)
    assert not any(each.is_stale for each in receiver.series)


WORKERS = """
import os
import sys

from polymeter import Metrics
from polymeter.exporters import RemoteWriteExporter
from polymeter.registries import SharedRegistry

folder, url = sys.argv[1:]
metrics = Metrics(registry=SharedRegistry("shop", directory=folder)).export_to(RemoteWriteExporter(url))
metrics.at_exit()
for number in range(3):
    child = os.fork()
    if not child:
        metrics.registry.counter("shop.orders", increment=10 ** number)
        metrics.export()
        sys.exit()
    os.waitpid(child, 0)
"""


def test_processes_that_share_a_registry_send_each_its_own_part(tmp_path):
    with FaultServer() as server:
        command = [sys.executable, "-c", WORKERS, str(tmp_path), server.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        series = all_of(server.requests)
    last = {
        each.labels["instance"]: each.values[0]
        for each in series
        if each.labels["__name__"] == "shop_orders_total" and not each.is_stale
    }
    assert sorted(last.values()) == [1, 10, 100]
