"""What a receiver decodes is what Prometheus would scrape, for whatever is recorded, in both versions."""

from __future__ import annotations

import math
import struct
from contextlib import closing
from pathlib import Path

import cramjam
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Gauge, Histogram, Snapshot, Timer
from polymeter.data.sums import Sum
from polymeter.exporters import PrometheusExporter, RemoteWriteExporter
from polymeter.exporters.prometheus import Quantiles
from polymeter.testing import FaultServer
from tests.exporters import test_prometheus_any_input as any_input
from tests.exporters.prometheus_messages import PROTOBUF, decode
from tests.exporters.prometheus_reading import same_samples
from tests.exporters.prometheus_reading import samples as text_samples
from tests.exporters.prometheus_samples import SNAPSHOT
from tests.exporters.remote_write_messages import TYPE_1, TYPE_2, parsed, samples
from tests.exporters.remote_write_receiver import receiving
from tests.strategies import signed_in_range

GOLDEN = Path(__file__).with_name("golden")
AT = 1_700_000_100.0
STYLES = {"turn.length": "native", "turn.words": Quantiles(0.5, 0.99)}
both = pytest.mark.parametrize("version", ["1.0", "2.0"])


@pytest.fixture(scope="module")
def receiver():
    with receiving() as receiver:
        yield receiver


def sent(receiver, snapshot, **options):
    """Give the series of one export."""
    receiver.forget()
    with closing(RemoteWriteExporter(receiver.url, **{"job": "j", "instance": "i", **options})) as exporter:
        exporter.export(snapshot)
    return receiver.series


def named(series, name, **labels):
    """Give the one series with a name and, among others, these labels."""
    wanted = {"__name__": name, **labels}.items()
    [found] = [each for each in series if wanted <= each.labels.items()]
    return found


@both
@pytest.mark.parametrize("histograms", ["classic", Quantiles(0.5, 0.99)], ids=str)
@given(snapshot=any_input.any_snapshot())
def test_the_samples_are_those_of_a_scrape(receiver, version, histograms, snapshot):
    series = sent(receiver, snapshot, version=version, histograms=histograms)
    assert same_samples(samples(series), text_samples(PrometheusExporter(histograms=histograms).render(snapshot)))
    for each in series:
        assert (each.labels["job"], each.labels["instance"]) == ("j", "i")


@both
@given(values=st.lists(signed_in_range, max_size=20))
def test_a_native_histogram_has_every_observation_in_its_bucket(receiver, version, values):
    distribution = Distribution.of(values)
    [series] = sent(receiver, [Histogram("x", distribution)], version=version, histograms="native")
    [histogram] = series.histograms
    assert (series.labels["__name__"], series.values, histogram.count_int) == ("x", [], len(values))
    assert histogram.sum == distribution.sum
    expected = scraped(distribution)  # of which test_prometheus_native.py sees that it is right
    assert histogram.zero_count_int == expected.zero_count
    assert (histogram.schema, histogram.zero_threshold) == (expected.schema, expected.zero_threshold)
    for sign in ("negative", "positive"):
        assert spans_of(histogram, sign, "s") == spans_of(expected, sign)


def scraped(distribution):
    exporter = PrometheusExporter(histograms="native")
    exporter.export([Histogram("x", distribution)])
    [family] = decode(b"".join(exporter.exposition(PROTOBUF)))
    return family.metric[0].histogram


def spans_of(histogram, sign, ending=""):
    """Give the buckets of one sign as they were sent."""
    spans = getattr(histogram, f"{sign}_span{ending}")
    return [(span.offset, span.length) for span in spans], list(getattr(histogram, f"{sign}_delta{ending}"))


@both
def test_every_sample_is_of_the_time_of_the_snapshot_in_milliseconds(receiver, version):
    snapshot = Snapshot(SNAPSHOT, taken_at=1_700_000_100.1239)
    series = sent(receiver, snapshot, version=version, styles=STYLES)
    assert {time for each in series for time in each.times} == {1_700_000_100_124}


@both
def test_exemplars_are_beside_the_bucket_and_the_counter_that_they_stand_for(receiver, version):
    series = sent(receiver, SNAPSHOT, version=version)
    assert named(series, "chat_turns_total", ok="true").exemplars == [({"trace_id": "t1"}, 1.0, 1_700_000_010_250)]
    assert named(series, "chat_wait_seconds_bucket", le="+Inf").exemplars == [
        ({"span_id": "s", "trace_id": "slow"}, 30.0, 1_700_000_010_250)
    ]
    assert named(series, "chat_wait_seconds_bucket", le="0.005").exemplars[0][0] == {"trace_id": "quick"}
    assert sum(len(each.exemplars) for each in series) == 3


@both
def test_a_native_histogram_has_all_its_exemplars_in_the_order_of_their_times(receiver, version):
    series = sent(receiver, SNAPSHOT, version=version, histograms="native")
    times = [time for _, _, time in named(series, "chat_wait_seconds").exemplars]
    assert times == [1_700_000_010_250, 1_700_000_011_250]


def test_type_help_and_unit_are_said_once_for_a_family_in_version_1(receiver):
    sent(receiver, SNAPSHOT, styles=STYLES)
    [request] = receiver.requests
    assert request.families["chat_turns_total"] == ("counter", 'Turns "so far".\nAll of them: \\.', "")
    assert request.families["chat_wait_seconds"] == ("histogram", "Waiting.", "seconds")
    assert request.families["turn_words"][0] == "summary"
    assert request.families["target_info"][0] == "gauge"


def test_type_help_and_unit_are_beside_every_series_in_version_2(receiver):
    series = sent(receiver, SNAPSHOT, version="2.0", styles=STYLES)
    assert {each.metadata for each in series if each.labels["__name__"].startswith("chat_wait_seconds")} == {
        ("histogram", "Waiting.", "seconds")
    }
    assert all(each.metadata for each in series)


@both
def test_a_value_that_is_no_number_is_not_taken_for_the_end_of_a_series(receiver, version):
    quiet = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
    for value in (math.nan, -math.nan, quiet):
        [series] = sent(receiver, [Gauge("x", value)], version=version)
        assert math.isnan(series.values[0])
        assert not series.is_stale


@both
def test_an_integer_that_no_float_can_hold_is_infinite(receiver, version):
    assert sent(receiver, [Counter("x", Sum(10**400))], version=version)[0].values == [math.inf]


@both
def test_labels_stay_sorted_whatever_their_names_are(receiver, version):
    """Some come before ``__name__``, some after ``le``; the decoder looks at the order."""
    tags = {"A": "1", "Z.z": "2", "_a": "3", "a": "4", "l": "5", "lf": "6", "z": "7", "é": "8"}
    series = sent(receiver, [Timer("t", 1, tags), Counter("c", 1, tags)], version=version, labels={"Env": "x"})
    buckets = named(series, "t_seconds_bucket", le="+Inf")
    assert list(buckets.labels)[:3] == ["A", "Env", "Z_z"]
    dotted = sent(receiver, [Timer("t", 1, tags)], version=version, utf8_names=True)
    assert list(dotted[0].labels)[-1] == "é"


@both
def test_names_have_their_dots_where_the_receiver_can_take_them(receiver, version):
    series = sent(receiver, [Counter("room.events", 4, {"http.route": "/x"})], version=version, utf8_names=True)
    assert series[0].labels == {"__name__": "room.events_total", "http.route": "/x", "instance": "i", "job": "j"}


@both
def test_many_series_are_several_requests_and_those_of_one_metric_stay_together(receiver, version):
    """The decoder sees that no request has a text twice, or one that it does not need."""
    metrics = [Timer("t", Distribution.of([0.1, 2]), {"n": str(n)}) for n in range(300)]
    series = sent(receiver, metrics, version=version)
    assert len(receiver.requests) > 2
    assert all(len(request.series) <= 2_000 + 20 for request in receiver.requests)
    assert same_samples(samples(series), text_samples(PrometheusExporter().render(metrics)))
    for request in receiver.requests:
        by_metric = {}
        for each in request.series:
            by_metric.setdefault(each.labels["n"], []).append(each)
        assert {len(each) for each in by_metric.values()} == {20}


def test_nothing_is_sent_where_there_is_nothing(receiver):
    assert sent(receiver, []) == []
    assert receiver.requests == []


@pytest.mark.parametrize(("version", "content_type"), [("1.0", TYPE_1), ("2.0", TYPE_2)])
def test_the_whole_of_a_request_is_the_golden_one(version, content_type):
    with FaultServer() as server:
        snapshot = Snapshot(SNAPSHOT, definitions=SNAPSHOT.definitions, resource=SNAPSHOT.resource, taken_at=AT)
        options = {"version": version, "styles": STYLES, "job": "j", "instance": "i", "labels": {"env": "prod"}}
        with closing(RemoteWriteExporter(server.url, **options)) as exporter:
            exporter.export(snapshot)
        request = server.requests[0]
    assert request.headers["content-type"] == content_type
    assert request.headers["x-prometheus-remote-write-version"] == {"1.0": "0.1.0", "2.0": "2.0.0"}[version]
    message = parsed(bytes(cramjam.snappy.decompress_raw(request.body)), content_type)
    golden = GOLDEN / f"remote_write_{version}.txtpb"
    assert text_format.MessageToString(message, as_utf8=True) == golden.read_text("utf-8")
