"""CompositeRegistry: the contract, and what only it does."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.contracts import CanKeepTime
from polymeter.data import Kind
from polymeter.errors import DefinitionConflictError, DefinitionError, InvalidTagsError
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.registries import RegistryContract
from polymeter.testing.contracts.registry.base import record, record_on
from polymeter.testing.contracts.registry.child import answer_of_a_child

each_kind = pytest.mark.parametrize("kind", list(Kind), ids=str)


class TestCompositeRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, clock):
        return CompositeRegistry(WindowedRegistry(clock=clock), AggregatingRegistry(clock=clock))


class BrokenError(Exception):
    """What a member of somebody else's make may raise."""


class Broken(InMemoryRegistry):
    """A registry that raises whatever it is asked, as long as it is broken."""

    broken = True

    def _fail(self):
        if self.broken:
            message = "secret"
            raise BrokenError(message)

    def _point(self, *args, **kwargs):
        self._fail()
        return super()._point(*args, **kwargs)

    def bind(self, *args):
        self._fail()
        return super().bind(*args)

    def clear(self):
        self._fail()
        super().clear()

    def reject(self, *args):
        self._fail()
        super().reject(*args)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def members(clock):
    return (AggregatingRegistry(clock=clock), InMemoryRegistry(clock=clock), WindowedRegistry(clock=clock))


@pytest.fixture
def registry(members):
    return CompositeRegistry(*members)


def values(registries, name="metric"):
    """Give the value of the one metric of a name in each registry."""
    return [each.get(name).value for each in registries]


@each_kind
def test_every_record_goes_to_all(registry, members, kind):
    """By the verb, on a bound series, and by what a collector records with."""
    record(registry, kind, "metric", 2)
    series = registry.bind(kind, "metric")
    record_on(series, kind, 2)
    record_on(series, kind, 2)
    registry.recorder_at(kind, "metric")(2, None)
    assert values(members) == [8 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 2] * 3
    assert [each.health().applied for each in members] == [4, 4, 4]


def test_reads_are_answered_by_the_first(registry, members):
    """Whatever the others know beside it."""
    registry.counter("calls", {"model": "a"})
    members[1].counter("calls", {"model": "b"}, 10)
    assert registry.find("calls") == members[0].find("calls")
    assert [metric.value for metric in registry.all()] == [1]
    assert (registry.get("calls", {"model": "a"}).value, registry.total("calls"), len(registry)) == (1, 1, 1)
    snapshot = registry.snapshot()
    assert [metric.value for metric in snapshot.by_name("calls")] == [1]
    assert snapshot.writer == members[0].writer


def test_a_verb_gives_back_what_the_first_gives(registry, members):
    """Its own live series, or its own point."""
    assert registry.counter("calls") is members[0].counter("calls")
    other_way_round = CompositeRegistry(*reversed(members))
    assert type(other_way_round.gauge("level", 1)).__name__ == "WindowedGauge"


def test_a_bound_series_reads_as_that_of_the_first(registry, members):
    """With everything that a metric can be asked, and nothing that would reach one member alone."""
    series = registry.bind("timer", "wait", {"model": "a"})
    series.record(10)
    members[0].timer("wait", 30, {"model": "a"})
    assert (series.kind, series.name, series.tags) == (Kind.TIMER, "wait", {"model": "a"})
    assert (series.value, series.count, series.mean_ms, series.max, series.freeze().count) == (20, 2, 20, 30, 2)
    assert series.to_dict()["count"] == 2
    assert str(series) == 'wait{model="a"} 20.0'
    assert repr(series) == '<CompositeSeries wait{model="a"} 20.0>'
    for name in ("take_pending", "apply", "reset", "_pending"):
        with pytest.raises(AttributeError):
            getattr(series, name)


def test_a_time_is_passed_on(registry, members, clock):
    """To those who keep time, and to the gauges of all."""
    start = clock.wall() // 10 * 10
    windowed = members[2]
    registry.counter("calls", at=start - 15)
    registry.recorder_at("counter", "calls")(1, start - 15)
    with registry.placing(start - 15):
        registry.bind("counter", "calls").add()
    assert windowed.windows("calls")[0][:2] == (start - 20, start - 10)
    assert windowed.windows("calls")[0].metric.value == 3
    assert members[1].all()[0].timestamp == start - 15
    registry.gauge("level", 1, at=start - 10)
    registry.bind("gauge", "level").set(5, at=start - 40)
    registry.bind("gauge", "level").set(2, at=start - 20)
    registry.recorder_at("gauge", "level")(3, start - 30)
    assert values(members, "level") == [1, 1, 1]
    assert isinstance(registry, CanKeepTime)


def test_all_members_get_the_same_number(members):
    """One of a foreign class is converted once, and may be another one each time it is asked."""

    class Count:
        asked = 0

        def __float__(self):
            self.asked += 1
            return float(self.asked)

    registry = CompositeRegistry(*members)
    for use in (
        lambda number: registry.counter("metric", increment=number),
        lambda number: registry.bind("counter", "metric").add(number),
        lambda number: registry.recorder_at("counter", "metric")(number, None),
        registry.bind("counter", "metric").add,
    ):
        number = Count()
        use(number)
        assert number.asked == 1
    assert values(members) == [4, 4, 4]


def test_poison_is_counted_by_each_member(registry, members):
    """And the health of the composite is that of the first that has one."""
    registry.counter("calls", increment=-1)
    registry.bind("counter", "calls").add(math.nan)
    registry.bind("gauge", "calls").add(1)
    registry.reject("calls", "getter")
    health = registry.health()
    assert (health.records, health.applied, health.failed) == (4, 0, 0)
    assert health.invalid_by == {("calls", reason): 1 for reason in ("negative", "nan", "kind", "getter")}
    assert [each.invalid for each in health.members] == [each.health().invalid for each in members] == [4, 4, 4]


# -- members that fail


@pytest.mark.parametrize("place", [0, 1, 2])
@each_kind
def test_a_member_that_raises_is_isolated_and_counted(clock, place, kind):
    """Wherever it stands, and however it is recorded on; the others get everything."""
    sound = [AggregatingRegistry(clock=clock), WindowedRegistry(clock=clock)]
    members = [*sound[:place], Broken(clock=clock), *sound[place:]]
    registry = CompositeRegistry(*members)
    touched = record(registry, kind, "metric", 3)
    assert (touched.kind, touched.name) == (kind, "metric")
    series = registry.bind(kind, "metric")  # and one more
    record_on(series, kind, 3)
    record_on(series, kind, 3)
    registry.recorder_at(kind, "metric")(3, None)  # and one more, too
    registry.reject("metric", "getter")
    assert values(sound) == [12 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 3] * 2
    health = registry.health()
    assert (health.failed_by, health.failed) == ({f"{place}:Broken": 7}, 7)


def test_a_series_that_begins_to_raise_is_isolated_too(clock):
    """By every verb."""
    broken, sound = Broken(clock=clock), AggregatingRegistry(clock=clock)
    broken.broken = False
    registry = CompositeRegistry(sound, broken)
    series = {kind: registry.bind(kind, f"metric.{kind}") for kind in Kind}
    recorders = {kind: registry.recorder_at(kind, f"metric.{kind}") for kind in Kind}
    broken.broken = True
    for kind in Kind:
        record_on(series[kind], kind, 1)
        recorders[kind](1, None)
        record_on(series[kind], kind, 1)
    assert registry.health().failed_by == {"1:Broken": 15}
    assert sound.health().applied == 15


def test_what_failed_is_a_metric_in_snapshots(clock):
    """It starts when the composite was made, and anew with clear()."""
    broken = Broken(clock=clock)
    began = clock.wall()
    registry = CompositeRegistry(AggregatingRegistry(clock=clock), broken)
    assert registry.snapshot().by_name("polymeter.members.failed") == []
    for count in (1, 2):
        clock.advance(5)
        registry.counter("calls")
        [failed] = registry.snapshot().by_name("polymeter.members.failed")
        assert (failed.value, failed.start, failed.timestamp) == (count, began, clock.wall())
    assert failed.tags == {"member": "1:Broken"}
    assert registry.snapshot().definitions["polymeter.members.failed"].help
    broken.broken = False
    registry.clear()
    assert registry.snapshot().by_name("polymeter.members.failed") == []


def test_a_member_that_raises_is_said_once_in_the_log(clock, caplog):
    """By its class and that of what it raised, without the text of it."""
    registry = CompositeRegistry(AggregatingRegistry(clock=clock), Broken(clock=clock))
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            registry.counter("calls")
    [line] = caplog.messages
    assert "1:Broken raised BrokenError" in line
    assert "secret" not in line


def test_what_is_no_exception_passes_through(clock):
    """Ctrl-C is nobody's to isolate."""

    class Interrupted(InMemoryRegistry):
        def counter(self, *_args, **_kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CompositeRegistry(Interrupted(clock=clock)).counter("calls")


def test_a_forked_child_counts_failures_of_its_own(clock):
    """As it does everything else."""
    registry = CompositeRegistry(AggregatingRegistry(clock=clock), Broken(clock=clock))
    registry.counter("calls")
    assert answer_of_a_child(lambda: [registry.health().failed, registry.total("calls")]) == [0, 0]
    assert registry.health().failed == 1


# -- definitions


def test_definitions_go_to_all(registry, members):
    """Iterators too, which can be read only once."""
    made = registry.define(
        "size", "histogram", "kB", "How large.", buckets=iter((1, 2)), domains={"ok": iter((True, False))}
    )
    assert made.buckets == (1, 2)
    assert [each.snapshot().definitions["size"] for each in members] == [made] * 3
    registry.define("calls", "counter", budget=5, expire_after=60)
    assert {each.snapshot().definitions["calls"].budget for each in members} == {5}


def test_a_definition_that_is_refused_is_kept_by_none(registry, members):
    """All have seen the same, so the first is the one that refuses."""
    registry.counter("calls")
    for refused in (lambda: registry.define("calls", "gauge"), lambda: registry.define("new", "counter", buckets=(1,))):
        with pytest.raises(DefinitionError):
            refused()
    for member in members:
        assert member.snapshot().definitions["calls"].kind is Kind.COUNTER
        assert "new" not in member.snapshot().definitions


def test_a_member_that_knows_more_than_the_first_may_refuse_alone(registry, members):
    """Then those before it have it already."""
    members[1].gauge("calls", 1)
    with pytest.raises(DefinitionConflictError):
        registry.define("calls", "counter")
    assert [each.snapshot().definitions.get("calls") is None for each in members] == [False, False, True]


# -- members


def test_the_same_registry_twice_is_refused(clock):
    """Also where it is hidden inside another composite."""
    registry = AggregatingRegistry(clock=clock)
    for others in ([registry], [CompositeRegistry(InMemoryRegistry(), CompositeRegistry(registry))]):
        with pytest.raises(DefinitionError, match="is a member twice: every record would count twice in it"):
            CompositeRegistry(registry, *others)


@pytest.mark.parametrize("wrong", [AggregatingRegistry, object(), None, "registry"])
def test_what_is_no_registry_is_refused(wrong):
    """A class is none either."""
    with pytest.raises(DefinitionError, match="is no registry: it has to have the methods of CanStoreMetrics"):
        CompositeRegistry(AggregatingRegistry(), wrong)


def test_composites_can_be_nested(members, clock):
    """Every leaf gets everything, once."""
    registry = CompositeRegistry(members[0], CompositeRegistry(*members[1:]))
    registry.counter("metric")
    series = registry.bind("counter", "metric")
    series.add()
    registry.recorder_at("counter", "metric")(1, clock.wall())
    with registry.placing(clock.wall() - 100):
        series.add()
    assert values(members) == [4, 4, 4]
    assert repr(registry) == "<CompositeRegistry of AggregatingRegistry, CompositeRegistry>"


def test_a_composite_of_one_is_that_one(clock):
    """With all it can do."""
    one = InMemoryRegistry(clock=clock)
    registry = CompositeRegistry(one)
    registry.timer("wait", 5)
    assert registry.all() == one.all()


def test_a_registry_without_health_leaves_it_to_the_next(clock):
    """And if none has any, there is still the number of series."""

    class Plain(InMemoryRegistry):
        health = None

    for others, applied in (((AggregatingRegistry(clock=clock),), 1), ((), 0)):
        registry = CompositeRegistry(Plain(clock=clock), *others)
        registry.counter("calls")
        health = registry.health()
        assert (health.applied, health.members[0]) == (applied, None)


def test_clear_reaches_all_members(registry, members):
    """Bound series go on in all of them."""
    series = registry.bind("counter", "metric")
    series.add(5)
    registry.clear()
    assert [each.total("metric") for each in members] == [0, 0, 0]
    series.add(2)
    assert values(members) == [2, 2, 2]


def test_a_clear_that_one_member_refuses_reaches_the_others(clock):
    """Who asked for it is told."""
    after = InMemoryRegistry(clock=clock)
    registry = CompositeRegistry(AggregatingRegistry(clock=clock), Broken(clock=clock), after)
    registry.counter("calls")
    with pytest.raises(BrokenError):
        registry.clear()
    assert (registry.total("calls"), after.total("calls")) == (0, 0)


def test_series_are_forgotten_by_all_who_can(registry, members):
    """The answer is that of the first of them; who cannot, keeps them."""
    registry.counter("calls", {"user": "a"})
    registry.counter("calls", {"user": "b"})
    assert registry.forget("calls", {"user": "a"}) == 1
    assert len(members[0].find("calls")) == 1
    assert registry.total("calls") == 2
    assert CompositeRegistry(members[1]).forget("calls") == 0
    with pytest.raises(InvalidTagsError):
        registry.forget("calls", {"user": object()})


def test_a_reader_follows_the_first(registry, members):
    """If its series can end."""
    assert type(registry.reader()) is type(members[0].reader())
    assert CompositeRegistry(members[1]).reader() is None


# -- in the chain


@dataclass
class Done:
    """An event."""

    model: str
    size: int
    at: float | None = None


class Timeless:
    """An event that does not say when."""


class Collector(MetricsCollector):
    timeless = measure.counter("timeless", on=Timeless)
    done = measure.counter("done", on=Done, tags=("model",))
    size = measure.histogram("size", on=Done, value="size", tags=("model",))


def test_a_collector_records_into_all(clock, members):
    """However many events there are, and at their time in the members that keep it."""
    metrics = Metrics(registry=CompositeRegistry(*members), clock=clock).collect(Collector())
    for number in range(1000):
        metrics.events.dispatch(Done("ab"[number % 2], number, clock.wall() - 100 if number < 300 else None))
        metrics.events.dispatch(Timeless())
    for member in members:
        assert member.total("done") == member.total("timeless") == 1000
        assert member.total("size", {"model": "b"}) == sum(range(1, 1000, 2))
    counted = [window.metric.value for window in members[2].windows("done")]
    assert (counted[0], counted[-1], sum(counted)) == (300, 700, 1000)
    assert metrics.health().is_well
    metrics.close()


operations = st.lists(
    st.tuples(
        st.sampled_from(["verb", "bound", "clear", "read"]),
        st.sampled_from(list(Kind)),
        st.sampled_from([{}, {"model": "a"}, {"model": "b"}]),
        st.one_of(st.integers(-5, 100), st.sampled_from([math.nan, "x", 2.5])),
    ),
    max_size=30,
)


@given(operations=operations)
def test_after_whatever_was_done_all_members_know_the_same(operations):
    """Values, definitions, and what became of the records."""
    clock = ManualClock()
    members = (WindowedRegistry(clock=clock), AggregatingRegistry(clock=clock), InMemoryRegistry(clock=clock))
    registry = CompositeRegistry(*members)
    bound = {}
    for what, kind, tags, value in operations:
        name = f"metric.{kind}"
        if what == "verb":
            record(registry, kind, name, value, tags)
        elif what == "bound":
            key = (kind, *tags.values())
            if key not in bound:
                bound[key] = registry.bind(kind, name, tags)
            record_on(bound[key], kind, value)
        elif what == "clear":
            registry.clear()
        else:
            registry.all()
    told = []
    for member in members:
        counted = {
            (metric.name, str(metric.tags)): metric.value
            for metric in member.snapshot()
            if not metric.name.startswith("polymeter.") and metric.value == metric.value and metric.value != 0
        }
        health = member.health()
        told.append((counted, health.applied, dict(health.invalid_by)))
    assert told[0] == told[1] == told[2]
