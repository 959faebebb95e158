"""What a metric becomes in OTLP, in both encodings."""

from __future__ import annotations

import math

import pytest

from polymeter.data import Counter, Exemplar, Gauge, Histogram, MetricDefinition, Snapshot, Timer, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.exporters import OTLPExporter
from polymeter.testing import FaultServer
from tests.exporters.otlp_reading import one_point, points_of, request_of

AT = {"start": 1_700_000_000.0, "timestamp": 1_700_000_060.0}
START, TIME = 1_700_000_000_000_000_000, 1_700_000_060_000_000_000
CUMULATIVE, DELTA = 2, 1


@pytest.fixture(params=["http/protobuf", "http/json"])
def protocol(request):
    return request.param


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def sent(server, protocol):
    """Give what is sent of some metrics, decoded; the same exporter is used as long as the options are the same."""
    made = {}

    def send(*metrics, definitions=(), taken_at=0.0, **options):
        key = repr(sorted(options.items(), key=str))
        if key not in made:
            made[key] = OTLPExporter(server.url, protocol=protocol, **options)
        known = {each.name: each for each in definitions}
        made[key].export(Snapshot(metrics, definitions=known, taken_at=taken_at))
        return request_of(server.requests[-1].content, server.requests[-1].headers["content-type"])

    yield send
    for exporter in made.values():
        exporter.close()


@pytest.mark.parametrize("value", [3, 2.5, 0, -(2**63), 2**63 - 1, 2**63, -1e300, 10**30])
def test_a_sum_keeps_its_value_and_is_an_integer_where_it_can_be(sent, value):
    point = one_point(sent(UpDownCounter("open", value, **AT)), "open")
    assert point.value == (value if -(2**63) <= value < 2**63 else float(value))
    assert (point.data.WhichOneof("value") == "as_int") == (isinstance(value, int) and -(2**63) <= value < 2**63)


def test_a_counter_is_a_monotonic_sum(sent):
    point = one_point(sent(Counter("calls", 3, **AT)), "calls")
    assert (point.metric.sum.is_monotonic, point.metric.sum.aggregation_temporality) == (True, CUMULATIVE)
    assert (point.data.start_time_unix_nano, point.data.time_unix_nano) == (START, TIME)


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_an_up_down_counter_is_a_sum_that_may_fall_and_always_a_total(sent, temporality):
    point = one_point(sent(UpDownCounter("open", -2, **AT), temporality=temporality), "open")
    assert (point.metric.sum.is_monotonic, point.metric.sum.aggregation_temporality) == (False, CUMULATIVE)
    assert (point.value, point.data.start_time_unix_nano) == (-2, START)


def test_a_gauge_holds_until_the_snapshot_was_taken(sent):
    """A back end would take one that says an old time for no longer there."""
    point = one_point(sent(Gauge("level", 1.5, timestamp=1_700_000_000.0), taken_at=1_700_000_060.0), "level")
    assert (point.value, point.data.time_unix_nano, point.data.start_time_unix_nano) == (1.5, TIME, 0)


def test_a_gauge_that_was_never_set_is_not_sent(sent):
    assert [each.metric.name for each in points_of(sent(Gauge("level"), Counter("calls", 1)))] == ["calls"]


def test_times_that_nobody_said_are_those_of_the_export(sent):
    point = one_point(sent(Counter("calls", 1)), "calls")
    assert point.data.time_unix_nano > TIME
    assert point.data.start_time_unix_nano == 0


def test_differences_are_so_called_and_have_no_extremes(sent):
    request = sent(Counter("calls", 3, **AT), Timer("wait_ms", 5, **AT), temporality="delta")
    calls, wait = one_point(request, "calls"), one_point(request, "wait")
    assert calls.metric.sum.aggregation_temporality == DELTA
    assert wait.metric.exponential_histogram.aggregation_temporality == DELTA
    assert not any(wait.data.HasField(name) for name in ("min", "max"))


def test_no_difference_is_not_sent(sent):
    earlier = Counter("calls", 3, **AT)
    waits = Timer("wait_ms", 5, **AT)
    request = sent(earlier.since(earlier), waits.since(waits), Counter("other", 1, **AT), temporality="delta")
    assert [each.metric.name for each in points_of(request)] == ["other"]


def test_an_exponential_histogram_is_lossless_if_it_may_be(sent):
    """Bucket i of scale 6 has what is above 2**(i/64), up to 2**((i+1)/64)."""
    values = [0.0, 0.001, 1.0, 1.01, 1.01, 5.0, 1000.0]
    held = Distribution.of(values)
    data = one_point(sent(Histogram("size", held, **AT), max_buckets=None), "size").data
    assert (data.scale, data.count, data.sum, data.zero_count) == (6, 7, sum(values), 1)
    assert (data.min, data.max) == (0, 1000)
    counted = {data.positive.offset + place: count for place, count in enumerate(data.positive.bucket_counts) if count}
    expected = {}
    for value in values[1:]:
        index = math.ceil(math.log2(value) * 64) - 1
        expected[index] = expected.get(index, 0) + 1
    assert counted == expected
    assert not data.negative.bucket_counts


def test_negative_observations_have_buckets_of_their_own_and_no_sum(sent):
    """The definition of the message asks for that."""
    data = one_point(sent(Histogram("change", Distribution.of([-5, -5, 0, 3]), **AT)), "change").data
    assert (sum(data.negative.bucket_counts), data.zero_count, sum(data.positive.bucket_counts)) == (2, 1, 1)
    assert not data.HasField("sum")
    assert (data.min, data.max) == (-5, 3)


def test_what_is_too_small_for_a_bucket_counts_as_zero(sent):
    data = one_point(sent(Histogram("tiny", Distribution.of([1e-20, -1e-20, 2.0**-30, 2.0, 3.0]), **AT)), "tiny").data
    assert (data.zero_count, data.zero_threshold, sum(data.positive.bucket_counts)) == (3, 2.0**-30, 2)


def test_explicit_histograms_count_exactly_up_to_the_bounds_of_the_definition(sent):
    values = [5.0, 10.0, 10.5, 250.0, 5000.0]
    held = Distribution.of([each / 1000 for each in values], bounds=[0.01, 0.1, 1])
    definition = MetricDefinition.of("wait_ms", "timer", buckets=[10, 100, 1000], help="Waiting.")
    request = sent(Timer("wait_ms", held, **AT), definitions=[definition], histograms="explicit")
    point = one_point(request, "wait")
    assert list(point.data.explicit_bounds) == [0.01, 0.1, 1]
    assert list(point.data.bucket_counts) == [2, 1, 1, 1]
    assert (point.metric.unit, point.metric.description) == ("s", "Waiting.")
    assert (point.data.min, point.data.max, point.data.count) == (0.005, 5, 5)


@pytest.mark.parametrize(
    ("metric", "bounds"),
    [
        (Timer("wait_ms", 5, **AT), [0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]),
        (Histogram("n", 5, **AT), [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]),
    ],
)
def test_without_a_definition_the_bounds_are_those_of_opentelemetry(sent, metric, bounds):
    [point] = points_of(sent(metric, histograms="explicit"))
    assert list(point.data.explicit_bounds) == bounds
    assert len(point.data.bucket_counts) == len(bounds) + 1


def test_attributes_have_the_types_of_the_tags(sent):
    tags = {"b": True, "i": -429, "f": 0.25, "s": "é\n\x00", "none": None, "large": 10**20, "empty": ""}
    point = one_point(sent(Counter("calls", 1, tags, **AT)), "calls")
    assert point.attributes == {**tags, "none": "unknown", "large": str(10**20)}
    assert [type(point.attributes[name]) for name in "bif"] == [bool, int, float]


def test_series_that_differ_in_the_type_of_a_tag_alone_do_not_share_its_attributes(sent):
    """Tags are equal by their texts, and what is encoded is kept."""
    request = sent(
        Counter("a", 1, {"n": 1}, **AT), Counter("b", 1, {"n": "1"}, **AT), Counter("c", 1, {"n": 1.0}, **AT)
    )
    assert [(each.attributes["n"], type(each.attributes["n"])) for each in points_of(request)] == [
        (1, int),
        ("1", str),
        (1.0, float),
    ]


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_exemplars_have_ids_and_other_labels(sent):
    labels = {"trace_id": TRACE, "span_id": SPAN, "user": "u"}
    request = sent(
        Counter("calls", 3, **AT, exemplars=[Exemplar(labels, 2, 1_700_000_060.0)]),
        Timer("wait_ms", 5, **AT, exemplars=[Exemplar({"trace_id": "not one"}, 0.005, 1_700_000_060.0)]),
    )
    [exemplar] = one_point(request, "calls").data.exemplars
    assert (exemplar.trace_id.hex(), exemplar.span_id.hex(), exemplar.as_int) == (TRACE, SPAN, 2)
    assert exemplar.time_unix_nano == TIME
    assert [(each.key, each.value.string_value) for each in exemplar.filtered_attributes] == [("user", "u")]
    [other] = one_point(request, "wait").data.exemplars
    assert (other.trace_id, other.as_double) == (b"", 0.005)
    assert [each.key for each in other.filtered_attributes] == ["trace_id"]


@pytest.mark.parametrize(("which", "left"), [("always_on", 2), ("trace_based", 1), ("always_off", 0)])
def test_which_exemplars_leave_is_by_choice(sent, which, left):
    exemplars = [Exemplar({"trace_id": TRACE}, 5, 1.0), Exemplar({"user": "u"}, 500, 1.0)]
    [point] = points_of(sent(Histogram("size", Distribution.of([5, 500]), exemplars=exemplars, **AT), exemplars=which))
    assert len(point.data.exemplars) == left


def test_a_series_that_is_gone_is_ended_once(sent):
    """By a point without a value; one that comes again begins anew."""
    one, other = Counter("calls", 1, {"room": "a"}, **AT), Counter("calls", 2, {"room": "b"}, **AT)
    wait = Timer("wait_ms", 5, **AT)
    sent(one, other, wait)
    request = sent(one)
    ended = [each for each in points_of(request) if each.data.flags == 1]
    assert [(each.metric.name, each.attributes) for each in ended] == [("calls", {"room": "b"}), ("wait", {})]
    assert all(each.data.time_unix_nano > TIME for each in ended)
    assert not any(each.data.flags for each in points_of(sent(one, other)))


def test_what_somebody_else_has_recorded_does_not_end_what_was_sent_before(server, protocol):
    """An exporter may serve two registries."""
    exporter = OTLPExporter(server.url, protocol=protocol)
    exporter.export(Snapshot([Counter("a", 1)], writer="one"))
    exporter.export(Snapshot([Counter("b", 1)], writer="other"))
    request = request_of(server.requests[-1].content, server.requests[-1].headers["content-type"])
    assert [each.metric.name for each in points_of(request)] == ["b"]
    exporter.close()


def test_of_differences_nothing_ends_but_levels(sent):
    sent(Counter("calls", 1, **AT), Gauge("level", 1.0), temporality="delta")
    request = sent(Counter("other", 1, **AT), temporality="delta")
    assert [(each.metric.name, each.data.flags) for each in points_of(request)] == [("other", 0), ("level", 1)]


def test_nothing_is_no_request(server, protocol):
    exporter = OTLPExporter(server.url, protocol=protocol)
    exporter.export([])
    assert server.requests == ()
