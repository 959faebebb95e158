"""Whatever is recorded: both encodings say the same, the official definitions read it, and no number is lost."""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Gauge, Histogram, Kind, Snapshot, Tags, UpDownCounter, fold
from polymeter.exporters.otlp.attributes import typed
from polymeter.exporters.otlp.explicit import Explicit
from polymeter.exporters.otlp.exponential import exponential
from polymeter.exporters.otlp.json_text import JsonText
from polymeter.exporters.otlp.protobuf import Protobuf
from polymeter.exporters.otlp.rendering import Renderer
from polymeter.exporters.otlp.streams import Shape
from polymeter.exporters.otlp.style import Style
from tests.exporters.otlp_reading import points_of, request_of, values_of
from tests.strategies import CLASSES, any_tags, any_text, in_range, moments, points, signed_in_range

NOW = 1_700_000_000.0
names = st.one_of(any_text.filter(bool), st.sampled_from(["wait", "Wait", "wait_ms", "wait_seconds", "a b", "a_b"]))
styles = st.builds(
    Style,
    st.sampled_from(["cumulative", "delta"]),
    st.sampled_from([Shape.EXPONENTIAL, Shape.EXPLICIT]),
    st.sampled_from([None, 160, 32]),
    st.sampled_from(["always_on", "trace_based", "always_off"]),
)


@st.composite
def metrics(draw):
    """Give metrics of any kind, name and tags, some of them series of one name."""
    found = []
    for kind in draw(st.lists(st.sampled_from(list(Kind)), max_size=6)):
        point, name, tags = draw(points(kind, bounds=True)).metric(), draw(names), draw(any_tags)
        times = {"start": point.start, "timestamp": point.timestamp}
        if kind is Kind.GAUGE:
            made = Gauge(name, point.value, tags, **times, sequence=point.sequence)
        elif kind.is_distribution:
            made = CLASSES[kind](name, point.distribution, tags, **times, exemplars=point.exemplars)
        else:
            made = CLASSES[kind](name, point.total, tags, **times, exemplars=point.exemplars)
        found.append(made)
    return list(fold(found).values())


def rendered(snapshot, style, encoding):
    renderer = Renderer(encoding, style, lambda *_: None)
    resource = typed(Tags.of({"service.name": "s\x00é", "n": -1}))
    return request_of(renderer.render(snapshot, NOW, resource, "1").body, encoding.content_type)


def same(one, other):
    """Tell whether two messages are equal; NaN is to itself."""
    return str(one) == str(other)


@given(metrics(), styles)
def test_both_encodings_say_the_same_to_the_official_definitions(given_metrics, style):
    snapshot = Snapshot(given_metrics)
    assert same(rendered(snapshot, style, Protobuf()), rendered(snapshot, style, JsonText()))


@given(metrics(), styles)
def test_json_is_strict(given_metrics, style):
    """No NaN, no duplicate key, and nothing but ASCII."""
    body = Renderer(JsonText(), style, lambda *_: None).render(Snapshot(given_metrics), NOW, [], "1").body

    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs)
        assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", key) for key, _ in pairs)
        return dict(pairs)

    json.loads(body.decode("ascii"), object_pairs_hook=once, parse_constant=lambda _: 1 / 0)


@given(metrics(), styles)
def test_no_two_points_of_a_stream_have_the_same_attributes(given_metrics, style):
    request = rendered(Snapshot(given_metrics), style, Protobuf())
    found = [(each.metric.name.lower(), repr(sorted(each.attributes.items(), key=repr))) for each in points_of(request)]
    assert len(set(found)) == len(found)


@given(metrics(), styles)
def test_every_observation_is_in_one_bucket(given_metrics, style):
    snapshot = Snapshot(given_metrics)
    request = rendered(snapshot, style, Protobuf())
    count = 0
    for point in points_of(request):
        field = point.metric.WhichOneof("data")
        if field == "exponential_histogram":
            buckets = [*point.data.positive.bucket_counts, *point.data.negative.bucket_counts, point.data.zero_count]
            most = math.inf if style.most is None else style.most
            assert len(point.data.positive.bucket_counts) <= most >= len(point.data.negative.bucket_counts)
        elif field == "histogram":
            buckets = point.data.bucket_counts
            assert len(buckets) == len(point.data.explicit_bounds) + 1
        else:
            continue
        assert sum(buckets) == point.data.count
        count += point.data.count
    assert count == sum(each.distribution.count for each in snapshot if each.kind.is_distribution)


@given(metrics())
def test_sums_come_to_what_was_counted(given_metrics):
    """Also where names that differ to us are one to OpenTelemetry."""
    style = Style("cumulative", Shape.EXPONENTIAL, None, "always_on")
    request = rendered(Snapshot(given_metrics), style, Protobuf())
    for of_class, is_monotonic in ((Counter, True), (UpDownCounter, False)):
        amounts = [each.unit.to_base(each.value) for each in given_metrics if isinstance(each, of_class)]
        sent = [each.value for each in points_of(request) if each.metric.HasField("sum")
                and each.metric.sum.is_monotonic is is_monotonic]  # fmt: skip
        assert math.isclose(
            math.fsum(sent), math.fsum(amounts), rel_tol=1e-12, abs_tol=1e-12 * math.fsum(map(abs, amounts))
        )


@given(st.lists(in_range(), min_size=1, max_size=20), st.integers(32, 200))
def test_each_bucket_holds_what_lies_in_it(values, most):
    """By the definition: above base**index, up to base**(index + 1), base being 2**(2**-scale)."""
    scale, zeros, positive, negative = exponential(Distribution.of(values), most)
    assert (zeros, list(negative.counts)) == (0, []) or min(values) <= 2.0**-30
    expected = {}
    for value in values:
        if value > 2.0**-30:
            index = math.ceil(math.log2(value) * 64) - 1 >> 6 - scale
            expected[index] = expected.get(index, 0) + 1
    assert {positive.offset + at: count for at, count in enumerate(positive.counts) if count} == expected
    assert len(positive.counts) <= most


@given(st.lists(signed_in_range, max_size=20), st.integers(1, 300))
def test_many_of_the_same_are_as_many_in_few_buckets_as_in_all(values, times):
    """Counts that do not fit in a byte are added in another way."""
    held = Histogram("x", Distribution.of(values * times)).distribution
    for most in (None, 32):
        _, zeros, positive, negative = exponential(held, most)
        assert zeros + sum(positive.counts) + sum(negative.counts) == held.count


@given(any_tags)
def test_attributes_read_back_as_the_texts_of_the_tags(tags):
    given_tags = Tags.of(tags)
    request = rendered(
        Snapshot([Counter("calls", 1, tags)]), Style("cumulative", Shape.EXPLICIT, None, "always_on"), Protobuf()
    )
    [point] = points_of(request)
    back = Tags.of(values_of(point.data.attributes))
    assert back.canonical == given_tags.canonical


@given(st.lists(moments, min_size=2, max_size=2))
def test_a_difference_begins_where_the_one_before_ended(times):
    """To the nanosecond."""
    start, end = sorted(times)
    first = Counter("calls", 1, start=start, timestamp=start + 1)
    second = Counter("calls", 3, start=start, timestamp=end + 2)
    style = Style("delta", Shape.EXPONENTIAL, None, "always_on")
    [one] = points_of(rendered(Snapshot([first]), style, Protobuf()))
    [two] = points_of(rendered(Snapshot([second.since(first)]), style, Protobuf()))
    assert two.data.start_time_unix_nano == one.data.time_unix_nano
    assert two.value == 2


@given(st.lists(signed_in_range, max_size=20), st.lists(signed_in_range, max_size=6).map(set), st.booleans())
def test_explicit_counts_are_those_of_the_distribution(values, bounds, from_zero):
    """However they are counted."""
    chosen = tuple(sorted({0.0, *map(abs, bounds)} if from_zero else bounds))
    held = Distribution.of(values)
    running = list(accumulate(Explicit(chosen).counts(held)))
    assert running == [*held.project(chosen), held.count]
