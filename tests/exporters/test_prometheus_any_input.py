"""Whatever names, tags and values are: Prometheus can read all of it, and nothing is lost or counted twice."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from polymeter.data import (
    Counter,
    Distribution,
    Gauge,
    Histogram,
    Kind,
    MetricDefinition,
    Snapshot,
    Tags,
    Timer,
    UpDownCounter,
)
from polymeter.data.sums import Sum
from polymeter.exporters import PrometheusExporter
from tests.exporters.prometheus_reading import promtool_says, read
from tests.strategies import CLASSES, KINDS, any_tags, any_text, hostile_text, numbers, values_of

COLLIDING = ["a.b", "a_b", "a-b", "a b", "a_b_total", "a.b.total", "a_b_sum", "a_b_count", "a_b_bucket", "a_b_created"]
ODD = [
    "total",
    "target.info",
    "target_info",
    "1st",
    "é",
    ".",
    "__",
    "a_b_gauge",
    "a_b_histogram",
    "le",
    "x_ms",
    "x_seconds",
]
metric_names = st.one_of(st.sampled_from(COLLIDING), st.sampled_from(ODD), any_text.filter(bool))
colliding_tags = st.dictionaries(
    st.sampled_from(["a.b", "a_b", "a-b", "le", "__a_b", "exported_le"]),
    st.sampled_from(["", "x", "y", "x;y", "\n"]),
    max_size=3,
)
units = st.one_of(st.none(), st.sampled_from(["ms", "s", "h", "bytes", "{token}/s", "%", "1", "tokens"]), any_text)
time_units = st.sampled_from([None, "ms", "s", "h"])
gauge_values = st.one_of(numbers, st.just(math.nan))
huge_sums = st.sampled_from([Sum(10**400), Sum(2**1023 + 1), Sum.of_all([1e308, 1e308]), Sum(10**400, 0.5)])
bounds = st.sets(st.one_of(st.integers(-100, 100), st.floats(-1e300, 1e300)), max_size=4).map(sorted)


@st.composite
def any_metric(draw, kind=None):
    """Give a metric of any kind, name, tags, unit and value."""
    kind = kind or draw(st.sampled_from(KINDS))
    name, tags = draw(metric_names), draw(st.one_of(any_tags, colliding_tags))
    unit = draw(time_units if kind is Kind.TIMER else units)
    if kind.is_distribution:
        values = draw(st.lists(values_of(kind), max_size=4))
        value = Distribution.of(values, bounds=draw(bounds))
    elif kind is Kind.GAUGE:
        return Gauge(
            name,
            draw(gauge_values),
            tags,
            unit=unit,
            timestamp=draw(st.integers(0, 2)),
            sequence=draw(st.integers(-1, 2)),
        )
    else:
        value = draw(st.one_of(values_of(kind), huge_sums))
    return CLASSES[kind](name, value, tags, unit=unit)


@st.composite
def any_definition(draw, name):
    """Give a definition of a name; not always of the kind under which it was recorded."""
    kind = draw(st.sampled_from(KINDS))
    buckets = draw(st.one_of(st.none(), bounds)) if kind.is_distribution else None
    unit = draw(time_units if kind is Kind.TIMER else units)
    return MetricDefinition.of(name, kind, help=draw(st.one_of(any_text, hostile_text)), buckets=buckets, unit=unit)


@st.composite
def any_snapshot(draw, min_size=0, max_size=8):
    """Give a snapshot of anything, with definitions of some of the names."""
    metrics = draw(st.lists(any_metric(), min_size=min_size, max_size=max_size, unique_by=lambda metric: metric.key))
    defined = draw(st.sets(st.sampled_from([metric.name for metric in metrics]))) if metrics else ()
    definitions = {name: draw(any_definition(name)) for name in sorted(defined)}
    return Snapshot(metrics, definitions=definitions, resource=Tags(draw(any_tags)))


@given(snapshot=any_snapshot())
def test_every_text_keeps_the_rules_of_the_format(snapshot):
    read(PrometheusExporter().render(snapshot))


@given(metric=any_metric())
def test_the_value_and_the_tags_of_any_metric_come_back(metric):
    families = read(PrometheusExporter().render([metric]))
    if isinstance(metric, Gauge) and metric.sequence < 0:
        assert families == []
        return
    [family] = families
    expected = {
        "counter": "counter",
        "gauge": "gauge",
        "up_down": "gauge",
        "histogram": "histogram",
        "timer": "histogram",
    }
    assert family.type == expected[metric.kind]
    texts = [text for _, text in metric.tags.canonical if text]
    for _, labels in family.samples:
        values = [text for label, text in labels if label != "le" or family.type != "histogram"]
        assert sorted(";".join(values).split(";")) == sorted(";".join(texts).split(";"))
    if family.type == "histogram":
        distribution = metric.distribution
        [labels] = {labels for name, labels in family.samples if name.endswith("_count")}
        assert family.samples[f"{family.name}_count", labels] == distribution.count
        assert equal(family.samples[f"{family.name}_sum", labels], distribution.sum)
    else:
        [value] = family.samples.values()
        assert equal(value, metric.unit.to_base(metric.value))


def equal(read_value, value):
    """Tell whether a number came back; one beyond every float is infinite there."""
    try:
        is_nan = math.isnan(value)
    except OverflowError:
        return read_value == (math.inf if value > 0 else -math.inf)
    return math.isnan(read_value) if is_nan else read_value == value


names_that_collide = st.sampled_from(COLLIDING)
whole = st.integers(0, 2**53)


@given(
    metrics=st.lists(
        st.one_of(
            st.builds(Counter, names_that_collide, whole, colliding_tags),
            st.builds(UpDownCounter, names_that_collide, whole.map(lambda n: -n), colliding_tags),
            st.builds(
                lambda name, values, tags: Histogram(name, Distribution.of(values), tags),
                names_that_collide,
                st.lists(whole, max_size=4),
                colliding_tags,
            ),
            st.builds(
                lambda name, values, tags: Timer(name, Distribution.of(values), tags, unit="s"),
                names_that_collide,
                st.lists(whole, max_size=4),
                colliding_tags,
            ),
        ),
        max_size=12,
    ),
    data=st.data(),
)
def test_what_collides_is_added_up_and_nothing_is_lost_or_counted_twice(metrics, data):
    families = read(PrometheusExporter().render(metrics))

    def total_of(of_type, suffix=""):
        return sum(
            value
            for family in families
            if family.type == of_type
            for (name, _), value in family.samples.items()
            if name == family.name + suffix
        )

    assert total_of("counter") == sum(metric.value for metric in metrics if metric.kind is Kind.COUNTER)
    assert total_of("gauge") == sum(metric.value for metric in metrics if metric.kind is Kind.UP_DOWN)
    distributions = [metric.distribution for metric in metrics if metric.kind.is_distribution]
    assert total_of("histogram", "_count") == sum(each.count for each in distributions)
    assert total_of("histogram", "_sum") == sum(each.sum for each in distributions)
    # And what came first decides nothing but the order.
    shuffled = read(PrometheusExporter().render(data.draw(st.permutations(metrics))))
    assert {family.name: family.samples for family in shuffled} == {family.name: family.samples for family in families}


@given(
    readings=st.lists(
        st.builds(
            lambda name, value, at, tags: Gauge(name, value, tags, timestamp=at, sequence=0),
            names_that_collide,
            st.integers(-5, 5),
            st.integers(0, 3),
            colliding_tags,
        ),
        max_size=8,
    ),
    levels=st.lists(st.builds(UpDownCounter, names_that_collide, st.integers(-5, 5), colliding_tags), max_size=4),
    data=st.data(),
)
def test_of_readings_that_collide_the_latest_is_shown_whichever_comes_first(readings, levels, data):
    families = read(PrometheusExporter().render([*readings, *levels]))
    shuffled = read(PrometheusExporter().render(data.draw(st.permutations([*readings, *levels]))))
    assert {family.name: family.samples for family in shuffled} == {family.name: family.samples for family in families}
    if readings and not levels:
        newest = max(reading.timestamp for reading in readings)
        shown = [value for family in families for value in family.samples.values()]
        assert set(shown) <= {reading.value for reading in readings}
        assert max(reading.value for reading in readings if reading.timestamp == newest) in shown


@given(text=st.one_of(any_text, hostile_text))
def test_any_help_text_comes_back(text):
    definition = MetricDefinition.of("x", "gauge", help=f"<{text}>")
    [family] = read(PrometheusExporter().render(Snapshot([Gauge("x", 1)], definitions={"x": definition})))
    assert family.help == f"<{text}>".encode("utf-8", "replace").decode()


@settings(max_examples=max(5, settings.default.max_examples // 6))
@given(snapshot=any_snapshot(min_size=10, max_size=40))
def test_promtool_can_read_everything(promtool, snapshot):
    text = PrometheusExporter().render(snapshot)
    answer = promtool_says(promtool, text)
    assert answer.returncode in {0, 3}, answer.stderr
