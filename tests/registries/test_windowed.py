"""WindowedRegistry: the contract, and what only it does."""

from __future__ import annotations

import functools
import itertools
import linecache
import math
import sys
import threading
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polymeter import Metrics
from polymeter.contracts import CanKeepTime
from polymeter.data import Counter, Kind, Metric
from polymeter.errors import DefinitionError, InvalidMetricError, InvalidTagsError, MetricNotFoundError
from polymeter.registries import WindowedRegistry
from polymeter.registries.windows import Grid
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.registries import RegistryContract
from polymeter.testing.contracts.registry.child import answer_of_a_child
from polymeter.testing.contracts.registry.together import together

NOW = 1_700_000_000  # the start of a window of 10 s, and of one of 100 s

each_kind = pytest.mark.parametrize("kind", list(Kind), ids=str)


class TestWindowedRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock):
        return WindowedRegistry(clock=clock)


@pytest.fixture
def clock():
    return ManualClock(start=NOW)


@pytest.fixture
def registry(clock):
    return WindowedRegistry(clock=clock)


def record(registry, kind, name, value, at, tags=None):
    """Record by the verb of ``kind``."""
    if kind is Kind.COUNTER:
        return registry.counter(name, tags, value, at=at)
    return getattr(registry, kind.value)(name, value, tags, at=at)


def seen(registry, name="calls", tags=None):
    """Give the start, counted from NOW, and the value of each window."""
    return [(start - NOW, metric.value) for start, _, metric in registry.windows(name, tags)]


# -- which window


@pytest.mark.parametrize(
    ("at", "start"), [(NOW, 0), (NOW + 9.999, 0), (NOW + 10, 10), (NOW - 0.001, -10), (NOW - 10, -10), (NOW - 11, -20)]
)
def test_a_record_belongs_to_the_window_of_its_time(registry, clock, at, start):
    """Its start belongs to a window, its end does not."""
    clock.advance(5)
    registry.counter("calls", at=at)
    assert seen(registry)[0] == (start, 1)


def test_without_a_time_it_belongs_to_the_window_of_now(registry, clock):
    """The time of the record, not of the read."""
    for count in (1, 2, 3):
        registry.counter("calls", None, count)
        clock.advance(10)
    assert seen(registry) == [(0, 1), (10, 2), (20, 3), (30, 0)]


def test_windows_come_oldest_first_with_the_empty_ones_between(registry, clock):
    """Up to the running one, and not before the first that has records."""
    clock.advance(35)
    registry.counter("calls", None, 3, at=NOW + 21)
    registry.counter("calls", None, 1, at=NOW + 1)
    assert seen(registry) == [(0, 1), (10, 0), (20, 3), (30, 0)]
    assert [window.end - window.start for window in registry.windows("calls")] == [10] * 4


def test_the_metric_of_a_window_says_since_when_and_up_to_when(registry, clock):
    """The running one up to now."""
    registry.counter("calls")
    clock.advance(13)
    registry.counter("calls")
    assert [(each.metric.start, each.metric.timestamp) for each in registry.windows("calls")] == [
        (NOW, NOW + 10),
        (NOW + 10, NOW + 13),
    ]


def test_windows_are_the_same_in_every_process():
    """They are multiples of their length, whenever a registry was made."""
    starts = set()
    for age in (0, 3.7, 8):
        registry = WindowedRegistry(seconds=15, clock=ManualClock(start=NOW + age))
        registry.counter("calls", at=NOW + 2)
        starts.add(registry.windows("calls")[0].start)
    assert starts == {NOW // 15 * 15}


def test_windows_of_several_series_are_one_unless_tags_tell_them_apart(registry):
    """As in total()."""
    registry.counter("calls", {"model": "a", "ok": True}, 1)
    registry.counter("calls", {"model": "a", "ok": False}, 10)
    registry.counter("calls", {"model": "b", "ok": True}, 100)
    assert seen(registry) == [(0, 111)]
    assert seen(registry, tags={"model": "a"}) == [(0, 11)]
    [window] = registry.windows("calls", {"model": "a"})
    assert window.metric.tags == {"model": "a"}
    assert seen(registry, tags={"model": "c"}) == []


def test_there_are_no_windows_of_what_is_not_there(registry):
    """Neither an unknown name nor one without records is an error; tags that are none are."""
    registry.define("queue", "gauge")
    registry.bind("counter", "calls")
    assert registry.windows("queue") == registry.windows("calls") == registry.windows("nothing") == []
    with pytest.raises(InvalidTagsError):
        registry.windows("calls", {"model": object()})


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1, 7, 10, 60.5, 86400])
@given(at=st.one_of(st.floats(0, 4e9), st.integers(0, 10**6).map(lambda tenths: tenths / 10)))
@example(at=1.7)  # a tenth of it is rounded up to a border
@example(at=4.3)  # and of this down
def test_every_time_is_in_the_window_it_is_put_into(seconds, at):
    """Of lengths that no float is exactly too."""
    grid = Grid(seconds, 2, 0)
    index = grid.index_of(at)
    assert grid.start_of(index) <= at < grid.start_of(index + 1)


# -- how long


def test_a_registry_says_how_it_keeps_time(clock):
    """An hour, in windows of ten seconds, if nothing is said."""
    registry = WindowedRegistry(clock=clock)
    assert (registry.seconds, registry.keep) == (10, 360)


def test_older_windows_leave_and_their_records_stay_in_the_total(clock):
    """Nothing that was counted ever falls."""
    registry = WindowedRegistry(seconds=10, keep=3, clock=clock)
    totals = []
    for _ in range(6):
        registry.counter("calls")
        clock.advance(10)
        totals.append(registry.total("calls"))
    assert seen(registry) == [(40, 1), (50, 1), (60, 0)]
    assert totals == [1, 2, 3, 4, 5, 6]
    assert registry.get("calls").value == registry.snapshot().by_name("calls")[0].value == 6


def test_a_late_record_counts_in_the_total_alone(clock):
    """Just in time is in the oldest window; any later is counted as late."""
    registry = WindowedRegistry(seconds=10, keep=3, clock=clock)
    clock.advance(5)
    registry.counter("calls", None, 1, at=NOW - 20)
    registry.counter("calls", None, 10, at=NOW - 20.001)
    registry.bind("counter", "calls").add(100, at=0)
    assert seen(registry) == [(-20, 1), (-10, 0), (0, 0)]
    assert registry.total("calls") == 111
    health = registry.health()
    assert (health.late_by, health.late, health.future) == ({"calls": 2}, 2, 0)
    assert (health.records, health.applied) == (3, 3)
    assert registry.get("calls").start == NOW - 20


def test_a_record_too_far_ahead_is_placed_now(registry):
    """A minute ahead is taken as it is; any more is counted, and counts now."""
    registry.counter("calls", None, 1, at=NOW + 60)
    registry.counter("calls", None, 10, at=NOW + 60.001)
    registry.counter("calls", None, 100, at=1e300)
    assert seen(registry) == [(0, 110), (10, 0), (20, 0), (30, 0), (40, 0), (50, 0), (60, 1)]
    health = registry.health()
    assert (health.future_by, health.future, health.late, health.applied) == ({"calls": 2}, 2, 0, 3)


def test_how_far_ahead_is_up_to_you(clock):
    """Not at all, or an hour."""
    for future, ahead in ((0, 0), (3600, 1)):
        registry = WindowedRegistry(future=future, clock=clock)
        registry.counter("calls", at=NOW + 3000)
        assert seen(registry)[-1] == (3000 * ahead, 1)
        assert registry.health().future == 1 - ahead


def test_what_was_late_or_ahead_is_a_metric_in_snapshots(registry):
    """Defined, by metric, and only if there was any."""
    registry.counter("calls")
    assert registry.snapshot().by_name("polymeter.records.late") == []
    registry.counter("calls", at=0)
    registry.histogram("size", 1, at=NOW + 99)
    snapshot = registry.snapshot()
    assert [str(each) for each in snapshot.by_name("polymeter.records.late")] == [
        'polymeter.records.late{metric="calls"} 1'
    ]
    assert [str(each) for each in snapshot.by_name("polymeter.records.future")] == [
        'polymeter.records.future{metric="size"} 1'
    ]
    assert snapshot.definitions["polymeter.records.late"].help
    assert registry.find("polymeter.records.late") == []


def test_whether_a_record_is_late_depends_on_when_it_was_made(clock):
    """Not on when somebody reads."""
    read, unread = (WindowedRegistry(seconds=10, keep=2, clock=clock) for _ in range(2))
    for registry in (read, unread):
        registry.counter("calls", at=NOW - 5)
        registry.counter("calls")
    read.total("calls")
    clock.advance(1000)
    for registry in (read, unread):
        assert registry.windows("calls") == []
        assert registry.total("calls") == 2
        assert registry.health().late == 0


def test_a_window_without_records_costs_nothing(registry, clock):
    """What is kept is a cell per window and series that had records, within the windows that are kept."""
    for hour in range(50):
        registry.counter("calls", {"model": "a"})
        registry.counter("calls", {"model": hour % 3})
        clock.advance(3600 / 4)
    cells = [len(window) for window in registry._store._windows.values()]
    registry.total("calls")
    assert len(cells) <= 5
    assert set(cells) <= {1, 2}
    clock.advance(1e6)
    registry.total("calls")
    assert registry._store._windows == {}


def test_a_clock_that_is_stepped_back_goes_on_with_the_windows_of_then(registry, clock):
    """Windows follow the wall clock; those that are too far ahead now leave, and no total falls."""
    registry.counter("calls", None, 1)
    clock.set_wall(NOW - 1000)
    registry.counter("calls", None, 10)
    assert seen(registry) == [(-1000, 10)]
    clock.set_wall(NOW - 995)
    registry.counter("calls", None, 100)
    assert seen(registry) == [(-1000, 110)]
    assert registry.total("calls") == 111
    assert registry.health().late == registry.health().future == 0


def test_a_clock_that_jumps_ahead_leaves_the_windows_behind(registry, clock):
    """As if the time had passed."""
    registry.counter("calls")
    clock.set_wall(NOW + 10**6)
    assert registry.windows("calls") == []
    registry.counter("calls")
    assert seen(registry) == [(10**6, 1)]
    assert registry.total("calls") == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seconds": 0}, "seconds=0 is no length of a window: use 0.001 or more"),
        ({"seconds": math.nan}, "seconds=nan is no length"),
        ({"seconds": "10"}, "seconds='10' is no length"),
        ({"keep": 1}, "keep=1 windows are too few: use a whole number, 2 or more"),
        ({"keep": 2.5}, "keep=2.5 windows"),
        ({"future": -1}, "future=-1 is no number of seconds ahead: use 0 or more"),
        ({"budget": 0}, "budget"),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    """When the registry is made; the message says what would do."""
    with pytest.raises(DefinitionError, match=message):
        WindowedRegistry(**wrong)


# -- of each kind


def test_a_window_of_a_distribution_has_its_quantiles(registry, clock):
    """In the metric's unit; per window, or over a span."""
    for value in range(1, 101):
        registry.timer("wait", value)
    clock.advance(12)
    registry.timer("wait", 1000)
    medians = [round(window.metric.quantile(0.5)) for window in registry.windows("wait")]
    assert medians == [50, 1000]
    assert registry.quantile("wait", 1) == 1000
    assert registry.quantile("wait", 0.5, seconds=1) == 1000
    assert round(registry.quantile("wait", 0.5, seconds=11)) == 51
    assert math.isnan(registry.quantile("nothing", 0.5))
    clock.advance(100)
    assert math.isnan(registry.quantile("wait", 0.5))


def test_declared_units_and_buckets_hold_in_windows(registry):
    """What is folded over windows is as exact as what was never split."""
    registry.define("size", "histogram", "kB", buckets=(1, 2))
    for at, value in enumerate([0.5, 1, 1.5, 2, 9]):
        registry.histogram("size", value, at=NOW - 10 * at)
    metric = registry.over(60, "size")
    assert (metric.unit.symbol, metric.mean, metric.distribution.bound_counts) == ("kB", 2.8, (2, 2, 1))
    assert metric.distribution == registry.get("size").distribution


def test_a_window_of_a_gauge_has_its_last_reading(registry, clock):
    """By the time it says, else by the order of the program; a window without one has none."""
    clock.advance(25)
    registry.gauge("level", 1, at=NOW + 3)
    registry.gauge("level", 2, at=NOW + 9)
    registry.gauge("level", 3, at=NOW + 6)
    registry.gauge("level", 4)
    registry.gauge("level", 5)
    first, second, third = (window.metric for window in registry.windows("level"))
    assert (first.value, first.timestamp) == (2, NOW + 9)
    assert math.isnan(second.value)
    assert (third.value, third.timestamp) == (5, NOW + 25)
    assert registry.over(60, "level").value == registry.get("level").value == 5


def test_of_several_gauges_the_last_reading_counts(registry):
    """Whichever of them had it."""
    registry.gauge("level", 1, {"room": "a"}, at=NOW - 2)
    registry.gauge("level", 2, {"room": "b"}, at=NOW - 4)
    assert seen(registry, "level")[0] == (-10, 1)


def test_a_reading_is_as_old_as_it_is_whatever_else_was_recorded_since(registry, clock):
    """Records of other series in the same drain do not touch it."""
    registry.gauge("level", 1)
    clock.advance(30)
    registry.gauge("other", 2)
    registry.counter("calls")
    assert registry.get("level").timestamp == NOW


def test_a_window_of_an_up_down_counter_has_the_change(registry, clock):
    """The level is what all of them add up to."""
    registry.up_down("active", 5)
    clock.advance(10)
    registry.up_down("active", -3)
    assert seen(registry, "active") == [(0, 5), (10, -3)]
    assert registry.get("active").value == 2


@each_kind
def test_a_bound_series_takes_a_time_too(registry, kind):
    """By the verb of its kind, or by one name for all kinds."""
    series = registry.bind(kind, "metric")
    verb = series.set if kind is Kind.GAUGE else series.record if kind.is_distribution else series.add
    verb(3, at=NOW - 15)
    series.record_at(5, NOW - 25)
    registry.recorder_at(kind, "metric")(7, NOW - 35)
    assert seen(registry, "metric")[:3] == [(-40, 7), (-30, 5), (-20, 3)]


def test_a_recorder_of_what_cannot_be_counts_what_it_refuses(registry):
    """As a bound series does."""
    registry.counter("calls")
    registry.recorder_at("gauge", "calls")(1)
    assert registry.health().invalid_by == {("calls", "kind"): 1}
    with pytest.raises(ValueError, match="rainbow"):
        registry.recorder_at("rainbow", "calls")


def test_numbers_that_no_base_unit_can_hold_are_counted(registry):
    """They make no series."""
    registry.define("wait", "timer", "h")
    registry.timer("wait", 8e307)
    assert registry.all() == []
    assert registry.health().invalid_by == {("wait", "infinite"): 1}
    assert [each.value for each in registry.snapshot().by_name("polymeter.records.invalid")] == [1]


def test_a_time_that_is_none_is_counted(registry):
    """Nobody can tell where it belongs."""
    for at in (math.nan, "yesterday", True):
        registry.counter("calls", at=at)
        registry.bind("counter", "calls").add(at=at)
    assert registry.health().invalid_by == {("calls", "at"): 6}


def test_a_time_may_be_a_number_of_any_make(registry):
    """As a value may."""
    for at in (Decimal(NOW - 10), Fraction(NOW * 2 - 19, 2)):
        registry.counter("calls", at=at)
        registry.bind("counter", "calls").add(at=at)
    assert seen(registry) == [(-10, 4), (0, 0)]


# -- over a span

RATES = [
    # now, seconds -> windows that count (of 10 s), the calls in them, the seconds they took
    (25, 1, 4, 5),  # [20, 25)
    (25, 5, 4, 5),
    (25, 6, 2 + 4, 15),  # [10, 25)
    (25, 15, 2 + 4, 15),
    (25, 15.5, 1 + 2 + 4, 25),
    (25, 25, 1 + 2 + 4, 25),
    (25, 30, 1 + 2 + 4, 35),  # [-10, 25): nothing had happened yet
    (30, 10, 4, 10),  # the running window has just begun: [20, 30)
    (30, 10.5, 2 + 4, 20),
    (30, 0.5, 4, 10),
    (39.5, 1, 0, 9.5),
    (39.5, 10, 4, 19.5),
    (60, 60, 1 + 2 + 4, 60),
    (60, 100, 1 + 2 + 4, 90),  # of [-40, 60), what is kept: ten windows, the running one included
]


@pytest.mark.parametrize(("now", "seconds", "calls", "took"), RATES)
def test_a_rate_is_what_happened_divided_by_the_time_it_took(clock, now, seconds, calls, took):
    """Whole windows: the running one, and those before it that the span touches."""
    registry = WindowedRegistry(seconds=10, keep=10, clock=clock)
    for at, count in ((2, 1), (10, 2), (24, 4)):
        registry.counter("calls", None, count, at=NOW + at)
        for _ in range(count):
            registry.timer("wait", 500, at=NOW + at)
    clock.advance(now)
    assert registry.rate("calls", seconds=seconds) == calls / took
    assert registry.rate("wait", seconds=seconds) == calls / took
    assert registry.rate("wait", seconds=seconds, of="sum") == calls * 500 / took
    over = registry.over(seconds, "calls")
    assert (over.value, over.start, over.timestamp) == (calls, NOW + now - took, NOW + now)


def test_a_rate_is_of_the_series_that_have_the_tags(registry, clock):
    """And 0 of what is not there."""
    clock.advance(5)
    registry.counter("tokens", {"model": "a"}, 150)
    registry.counter("tokens", {"model": "b"}, 50)
    assert registry.rate("tokens", seconds=5) == 40
    assert registry.rate("tokens", {"model": "a"}, 5) == 30
    assert registry.rate("tokens", {"model": "c"}, 5) == registry.rate("nothing") == 0


def test_what_is_ahead_of_the_clock_is_in_no_span_yet(registry, clock):
    """It is, once its time has come."""
    registry.counter("calls", at=NOW + 30)
    assert registry.over(60, "calls").value == 0
    clock.advance(30)
    assert registry.over(60, "calls").value == 1


def test_a_span_without_records_is_the_empty_metric(registry, clock):
    """Of the right kind, unit and tags."""
    registry.define("wait", "timer", "s")
    for _ in range(2):
        empty = registry.over(60, "wait", {"model": "a"})
        assert (empty.kind, empty.unit.symbol, empty.tags, empty.count) == (Kind.TIMER, "s", {"model": "a"}, 0)
        registry.timer("wait", 1, {"model": "a"})
        clock.advance(100)


@pytest.mark.parametrize("seconds", [0, -1, 3600.001, math.inf, math.nan, "60", None])
def test_a_span_that_is_not_kept_is_refused(registry, seconds):
    """The message says how long one may be."""
    registry.timer("wait", 1)
    asking = [
        lambda: registry.over(seconds, "wait"),
        lambda: registry.rate("wait", seconds=seconds),
        lambda: registry.rate("nothing", seconds=seconds),
        lambda: registry.quantile("wait", 0.5, seconds),
    ]
    for ask in asking:
        with pytest.raises(InvalidMetricError, match=r"use more than 0 and at most 3600 \(keep \* seconds\)"):
            ask()


def test_questions_that_have_no_answer_are_refused(registry):
    """Each says why."""
    registry.gauge("level", 1)
    registry.counter("calls")
    registry.timer("wait", 1)
    with pytest.raises(InvalidMetricError, match=r"gauge 'level' has no rate: windows\('level'\)"):
        registry.rate("level")
    with pytest.raises(InvalidMetricError, match="counter 'calls' does not know how often it was added to"):
        registry.rate("calls", of="count")
    with pytest.raises(InvalidMetricError, match="counter 'calls' has no quantiles"):
        registry.quantile("calls", 0.5)
    with pytest.raises(InvalidMetricError, match="quantile 2 is not between 0 and 1"):
        registry.quantile("wait", 2)
    with pytest.raises(MetricNotFoundError, match="there is no metric 'cals' to look back on"):
        registry.over(60, "cals")


# -- whatever the order

dyadic = st.integers(-(10**6), 10**6).map(lambda number: number / 8)  # so that every sum is exact
TAGS = [None, {"model": "a"}, {"model": "b"}]


def entries(kind):
    """Give records within what is kept: value, time, tags."""
    values = st.one_of(dyadic, st.integers(-(10**20), 10**20))
    if kind in {Kind.COUNTER, Kind.TIMER}:
        values = values.map(abs)
    # Of two readings of one moment the later record counts: of gauges, each has its own.
    times = st.integers(-35 * 8, 10 * 8).map(lambda eighths: NOW + 5 + eighths / 8)
    unique = (lambda entry: entry[1]) if kind is Kind.GAUGE else None
    return st.lists(st.tuples(values, times, st.sampled_from(TAGS)), min_size=1, max_size=30, unique_by=unique)


def fed(kind, records, **options):
    """Give a registry that was fed with records, and read in between."""
    registry = WindowedRegistry(seconds=10, keep=4, clock=ManualClock(start=NOW + 5), **options)
    for number, (value, at, tags) in enumerate(records):
        record(registry, kind, "x_seconds", value, at, tags)
        if number % 7 == 0:
            registry.total("x_seconds")
    return registry


def content(metric):
    """Give what must be the same, which of a gauge is not its place in the order of one registry."""
    return (metric.value, metric.timestamp, metric.start) if metric.kind is Kind.GAUGE else metric


def contents(registry, tags=None):
    return [(start, end, content(metric)) for start, end, metric in registry.windows("x_seconds", tags)]


@each_kind
@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(kind, data):
    """Within what is kept, every order gives the same windows and totals."""
    records = data.draw(entries(kind))
    one, other = fed(kind, records), fed(kind, data.draw(st.permutations(records)))
    for tags in TAGS:
        assert contents(one, tags) == contents(other, tags)
        assert content(one.over(40, "x_seconds", tags)) == content(other.over(40, "x_seconds", tags))
    assert {each.tags: content(each) for each in one.all()} == {each.tags: content(each) for each in other.all()}


@each_kind
@given(data=st.data())
def test_windows_of_two_registries_merge_to_those_of_one(kind, data):
    """However the records were split."""
    records = data.draw(entries(kind))
    sides = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    halves = [list(itertools.compress(records, sides)), [r for r, side in zip(records, sides, strict=True) if not side]]
    merged = {}
    for half in halves:
        for start, end, metric in fed(kind, half).windows("x_seconds"):
            merged[start, end] = merged[start, end].merge(metric) if (start, end) in merged else metric
    whole = contents(fed(kind, records))
    assert [(*window, content(metric)) for window, metric in sorted(merged.items())] == whole


@each_kind
@given(data=st.data())
def test_windows_add_up_to_the_total(kind, data):
    """As long as none has left, and none was late."""
    registry = fed(kind, data.draw(entries(kind)))
    windows = [window.metric for window in registry.windows("x_seconds", TAGS[1])]
    if windows:
        whole = functools.reduce(Metric.merge, windows)
        total = registry.get("x_seconds", TAGS[1])
        assert whole.value == total.value
        assert not kind.is_distribution or whole.distribution == total.distribution


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["wait", "record", "record", "record", "read"]),
            st.integers(0, 400).map(lambda eighths: eighths / 8),
            st.one_of(st.none(), st.integers(-90 * 8, 30 * 8).map(lambda eighths: eighths / 8)),
        ),
        max_size=40,
    )
)
def test_windows_and_totals_are_those_of_a_plain_list_of_records(steps):
    """Whatever the clock does meanwhile: the rules, written down a second time."""
    clock = ManualClock(start=NOW)
    registry = WindowedRegistry(seconds=10, keep=5, future=12.5, clock=clock)
    windows, late, future, made = defaultdict(int), 0, 0, 0
    for what, seconds, offset in steps:
        if what == "wait":
            clock.advance(seconds)
        elif what == "read":
            registry.all()
        else:
            now = clock.wall()
            at = None if offset is None else now + offset
            registry.counter("calls", None, made + 1, at=at)
            made += 1
            if at is not None and at > now + 12.5:
                future += 1
                at = now
            index = (now if at is None else at) // 10
            if index <= now // 10 - 5:
                late += 1
            else:
                windows[index] += made
    running = clock.wall() // 10
    kept = {index * 10: value for index, value in windows.items() if running - 5 < index}
    assert {start: metric.value for start, _, metric in registry.windows("calls") if metric.value} == kept
    assert registry.total("calls") == sum(range(made + 1))
    health = registry.health()
    assert (health.late, health.future, health.applied) == (late, future, made)


# -- interrupted anywhere


class Interruption(BaseException):
    """What a signal handler may raise."""


def interrupting(at, act):
    """Give a trace function that calls ``act`` before line number ``at`` that is run in the store.

    Before any but the last line of a ``finally``: there the interpreter does not look for signals.
    """
    lines = itertools.count(1)
    files = ("window_store.py", "window_batch.py", "window_cells.py")

    def local(frame, event, _argument):
        if event == "line" and not is_last_step(frame) and next(lines) == at:
            act()
        return local

    return lambda frame, _event, _argument: local if frame.f_code.co_filename.endswith(files) else None


def is_last_step(frame):
    return "self._busy = False" in linecache.getline(frame.f_code.co_filename, frame.f_lineno)


def traced(trace, work):
    """Run ``work`` under a trace function; tell whether it was interrupted."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Interruption:
        return True
    finally:
        sys.settrace(before)
    return False


def busy_registry():
    """Give a registry with some of everything pending, after an earlier drain."""
    registry = WindowedRegistry(seconds=10, keep=5, clock=ManualClock(start=NOW))
    for at in (None, NOW - 15, NOW - 25):
        registry.counter("calls", at=at)
    registry.total("calls")
    for at in (None, NOW - 15, NOW - 35, 0, NOW + 99):
        registry.counter("calls", at=at)
        registry.timer("wait", 5, at=at)
        registry.gauge("level", 7, at=at)
    return registry


def state(registry):
    """Give everything there is to know."""
    windows = [(start, metric.value) for start, _, metric in registry.windows("calls")]
    totals = sorted((each.name, each.value) for each in registry.all())
    timers = [(each.start, each.metric.count) for each in registry.windows("wait")]
    return windows, timers, totals, registry.get("wait").count, registry.health()


def test_a_drain_that_is_interrupted_anywhere_loses_nothing_and_counts_nothing_twice():
    """A signal handler raises before any line of it: the next read has everything, once."""
    expected = state(busy_registry())

    def interrupt():
        raise Interruption

    at, interrupted = 0, True
    while interrupted:
        at += 1
        registry = busy_registry()
        interrupted = traced(interrupting(at, interrupt), functools.partial(registry.total, "calls"))
        assert state(registry) == expected, f"interrupted before line {at}"
    assert at > 50


def test_a_read_from_inside_a_drain_agrees_with_itself():
    """A signal handler reads before any line of it: what windows and totals say is of one moment."""
    looks = []
    at = 0
    while len(looks) == at:
        at += 1
        registry = busy_registry()

        def look(registry=registry):
            sys.settrace(None)
            # Of the first drain 3 calls, of which none was late; of the second 5, of which one was.
            total, health = registry.total("calls"), registry.health()
            counted = sum(window.metric.value for window in registry.windows("calls"))
            looks.append((total, counted, health.late))
            registry.counter("calls", None, 100)

        traced(interrupting(at, look), functools.partial(registry.total, "calls"))
        assert registry.total("calls") == (108 if len(looks) == at else 8)
    assert set(looks) == {(3, 3, 0), (8, 7, 3)}


def test_threads_that_record_late_and_early_agree_in_every_read(registry):
    """Of records that are all in some window, the windows always add up to the total of the same moment."""
    left = [None] * 4

    def work(thread):
        odd = 0
        if thread < 4:
            series = registry.bind("counter", "calls")
            for number in range(2000):
                series.add(1, at=NOW - number % 300)
                registry.counter("calls", None, 1, at=NOW - number % 70)
            left.pop()
        else:
            while left:
                before = registry.total("calls")
                counted = sum(window.metric.value for window in registry.windows("calls"))
                odd += not before <= counted <= registry.total("calls")
        return odd

    assert together(work, 6) == [0] * 6
    assert registry.total("calls") == sum(window.metric.value for window in registry.windows("calls")) == 16_000


# -- the time of an event


def test_records_that_do_not_say_their_time_get_that_of_the_block(registry, clock):
    """Those that do, keep it; a block inside a block wins, and after it the outer one holds again."""
    clock.advance(60)
    series = registry.bind("counter", "calls")
    with registry.placing(NOW + 5):
        registry.counter("calls", None, 1)
        with registry.placing(NOW + 15):
            series.add(10)
        series.add(100)
        registry.counter("calls", None, 1000, at=NOW + 25)
        with registry.placing(None):
            series.add(10_000)
    registry.counter("calls", None, 100_000)
    assert seen(registry) == [(0, 101), (10, 10), (20, 1000), (30, 0), (40, 0), (50, 0), (60, 110_000)]


def test_the_block_is_of_one_thread(registry):
    """Another one records now."""
    with registry.placing(NOW - 100):
        thread = threading.Thread(target=registry.counter, args=("calls",))
        thread.start()
        thread.join()
    assert seen(registry) == [(0, 1)]


def test_a_block_ends_with_an_exception_too(registry):
    """What comes after it is placed now."""
    with pytest.raises(KeyError), registry.placing(NOW - 100):
        raise KeyError
    registry.counter("calls")
    assert seen(registry) == [(0, 1)]


def test_a_registry_that_keeps_time_says_so(registry):
    """So that whoever has events to record can ask for it."""
    assert isinstance(registry, CanKeepTime)
    assert not isinstance(Metrics().registry, CanKeepTime)


def test_it_serves_the_whole_chain(clock):
    """As the registry of Metrics."""
    metrics = Metrics(registry=WindowedRegistry(clock=clock), clock=clock)
    metrics.registry.counter("calls")
    assert [each.value for each in metrics.snapshot().by_name("calls")] == [1]
    assert metrics.health().is_well
    metrics.close()


# -- starting anew, and bounds


def test_clear_empties_the_windows(registry):
    """And what was late; the series of before go on."""
    series = registry.bind("counter", "calls")
    series.add(at=NOW - 20)
    series.add(at=0)
    registry.clear()
    assert (registry.windows("calls"), registry.rate("calls"), registry.health().late) == ([], 0, 0)
    series.add(5, at=NOW - 10)
    assert seen(registry) == [(-10, 5), (0, 0)]


def test_a_forked_child_has_windows_of_its_own(registry):
    """Empty at first; the parent keeps what it had."""
    series = registry.bind("counter", "calls")
    series.add(3, at=NOW - 10)

    def child():
        before = seen(registry)
        series.add(4, at=NOW - 20)
        return [before, seen(registry)]

    assert answer_of_a_child(child) == [[], [[-20, 4], [-10, 0], [0, 0]]]
    assert seen(registry) == [(-10, 3), (0, 0)]


def test_new_values_beyond_the_budget_share_a_series(clock):
    """Memory is bounded in the series too, and totals and windows stay right."""
    registry = WindowedRegistry(budget=10, clock=clock)
    for number in range(1000):
        registry.counter("calls", {"user": number})
    assert len(registry) <= 20
    assert registry.total("calls") == 1000
    assert seen(registry) == [(0, 1000)]
    assert registry.total("calls", {"user": "__other__"}) == 990
    [folded] = registry.snapshot().by_name("polymeter.records.folded")
    assert (folded.value, folded.tags) == (990, {"metric": "calls", "label": "user", "example": "10"})


def test_declared_domains_exist_from_the_start(registry):
    """At zero, in no window; after a clear and in a forked child too."""
    registry.define("calls", "counter", domains={"ok": (True, False), "model": ("a", "b")})
    for _ in range(2):
        assert sorted(str(each) for each in registry.all()) == [
            f'calls{{model="{model}",ok="{ok}"}} 0' for model in "ab" for ok in ("false", "true")
        ]
        assert registry.windows("calls") == []
        registry.clear()
    assert answer_of_a_child(lambda: len(registry)) == 4


def test_domains_beyond_the_budget_are_refused(clock):
    """With the numbers; starting anew is not kept from working."""
    registry = WindowedRegistry(budget=3, clock=clock)
    with pytest.raises(
        DefinitionError, match="'calls' declares 4 combinations of tag values, more than its budget of 3"
    ):
        registry.define("calls", "counter", domains={"ok": (True, False), "model": ("a", "b")})
    registry.clear()
    assert len(registry) == 0


def test_counters_never_fall_for_who_follows_them(clock):
    """Neither for a cumulative nor for a delta reader, whatever leaves, comes late or comes ahead."""
    registry = WindowedRegistry(seconds=10, keep=2, clock=clock)
    before, deltas, values = None, 0, []
    for number in range(30):
        registry.counter("calls", at=None if number % 3 else clock.wall() - number * 7)
        clock.advance(9)
        snapshot = registry.snapshot()
        [delta] = snapshot.since(before).by_name("calls")
        deltas += delta.value
        values.append(snapshot.by_name("calls")[0].value)
        before = snapshot
    assert values == sorted(values) == list(range(1, 31))
    assert deltas == registry.total("calls") == 30


def test_a_series_reads_as_a_metric_of_its_kind(registry):
    """Live; freeze() gives the value of now."""
    series = registry.timer("wait", 10, {"model": "a"})
    frozen = series.freeze()
    registry.timer("wait", 30, {"model": "a"}, at=0)
    assert (series.count, series.mean_ms, series.max, series.unit.symbol, frozen.count) == (2, 20, 30, "ms", 1)
    assert series.to_dict()["p50"] == series.quantile(0.5)
    assert (series.start, series.timestamp) == (NOW, NOW)
    assert str(registry.counter("calls")) == "calls 1"
    assert repr(registry.bind("counter", "calls")) == "<WindowedCounter calls 1>"
    assert isinstance(registry.counter("calls").freeze(), Counter)
