"""expect(): what a block of a test has to record; the failures are approved as text, in `approved/`."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure, on
from polymeter.errors import DefinitionError, InvalidMetricError, InvalidTagsError
from polymeter.events import Event
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.registries.filters import CommonTags, Deny, Namespace
from polymeter.testing import MetricsInTest, assert_approved, expect
from polymeter.testing.contracts.registry.together import together
from tests.testing.plain_dispatcher import PlainDispatcher

REGISTRIES = (AggregatingRegistry, InMemoryRegistry, WindowedRegistry, lambda: CompositeRegistry(AggregatingRegistry()))


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str = "x"
    duration_ms: float = 100.0


@dataclass(slots=True, kw_only=True)
class TurnStarted(Event):
    model: str = "x"


class ChatMetrics(MetricsCollector):
    turns = measure.counter("chat.turns", on=TurnFinished, tags=("model",))
    latency = measure.timer("chat.latency_ms", on=TurnFinished, value="duration_ms", tags=("model",))


@pytest.fixture
def chat(metrics):
    return metrics.collect(ChatMetrics())


def turn(chat, **fields):
    chat.events.dispatch(TurnFinished(**fields))


def failure_of(expected, work):
    with pytest.raises(AssertionError) as caught, expected:
        work()
    return str(caught.value)


# -- what holds


@pytest.mark.parametrize("make", REGISTRIES, ids=["aggregating", "raw", "windowed", "composite"])
@pytest.mark.parametrize("before", [0, 3])
def test_the_change_of_a_block_counts_whatever_was_there_before(make, before):
    registry = make()

    def record(times):
        for _ in range(times):
            registry.counter("calls", {"model": "x"}, 2)
            registry.up_down("active", -1)
            registry.gauge("load", 0.5)
            registry.histogram("size_bytes", 10)
            registry.timer("wait_ms", 20)

    record(before)
    with (
        expect(registry, "calls", {"model": "x"}, by=4)
        .expect("active", by=-2)
        .expect("load", to=0.5)
        .expect("size_bytes", count=2, total=20, quantile={0.5: 10})
        .expect("wait_ms", count=2, total=40, quantile={0.0: 20, 1: 20})
    ):
        record(2)


def test_several_blocks_in_one_with_hold_each_for_itself(chat):
    with chat.expect("chat.turns", by=1), chat.expect("chat.latency_ms", count=1, total=100):
        turn(chat)


def test_the_series_that_have_the_tags_are_added_up(chat):
    with (
        chat.expect("chat.turns", by=3).expect("chat.turns", {"model": "y"}, by=2).expect("chat.latency_ms", total=300)
    ):
        for model in ("x", "y", "y"):
            turn(chat, model=model)


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ({}, True),
        ({"by": 2}, True),
        ({"by": 2.0}, True),
        ({"by": pytest.approx(2.1, rel=0.1)}, True),
        ({"by": pytest.approx(3, rel=0.1)}, False),
        ({"by": "2"}, False),
        ({"by": 1}, False),
        ({"by": 0}, False),
        ({"at_least": 2}, True),
        ({"at_least": 3}, False),
        ({"at_most": 2}, True),
        ({"at_most": 1}, False),
        ({"at_least": 1, "at_most": 3}, True),
        ({"no_change": True}, False),
    ],
    ids=str,
)
def test_a_counter_is_expected_by_its_change(metrics, figures, holds):
    def work():
        metrics.registry.counter("calls", increment=2)

    metrics.registry.counter("calls")
    expected = metrics.expect("calls", **figures)
    if holds:
        with expected:
            work()
    else:
        assert "calls: expected" in failure_of(expected, work)


@pytest.mark.parametrize("figures", [{"no_change": True}, {"by": 0}, {"at_most": 5}, {"at_least": 0}], ids=str)
@pytest.mark.parametrize("exists", [True, False])
def test_what_does_not_happen_can_be_expected_too(metrics, figures, exists):
    if exists:
        metrics.registry.counter("calls", increment=7)
    with metrics.expect("calls", **figures):
        metrics.registry.counter("others")


def test_of_a_distribution_nothing_can_be_expected_as_well(metrics):
    with metrics.expect("wait_ms", count=0, total=0):
        pass


@pytest.mark.parametrize("figures", [{"to": 0}, {"by": 1}, {"count": 1}, {"quantile": {0.5: 0}}, {}], ids=str)
def test_what_was_never_recorded_fulfils_nothing_else(metrics, figures):
    assert "nothing (there is no such metric)" in failure_of(metrics.expect("calls", **figures), int)


def test_floats_are_compared_but_for_their_last_digits(metrics):
    with metrics.expect("cost", by=0.3):
        metrics.registry.counter("cost", increment=0.1)
        metrics.registry.counter("cost", increment=0.2)


def test_integers_are_compared_exactly_however_large(metrics):
    expected = metrics.expect("bytes", by=10**15)
    assert "by=1000000000000001" in failure_of(
        expected, lambda: metrics.registry.counter("bytes", increment=10**15 + 1)
    )


def test_a_gauge_that_is_set_to_what_it_was_has_changed(metrics):
    metrics.registry.gauge("load", 1)
    with metrics.expect("load"):
        metrics.registry.gauge("load", 1)
    with metrics.expect("load", no_change=True):
        metrics.registry.gauge("other", 1)


def test_a_level_is_expected_by_its_change_or_by_what_it_reads(metrics):
    metrics.registry.up_down("active", 5)
    with metrics.expect("active", by=-2, to=3):
        metrics.registry.up_down("active", -2)


def test_of_several_series_the_one_with_exactly_these_tags_is_read(metrics):
    with metrics.expect("load", to=1):
        metrics.registry.gauge("load", 1)
        metrics.registry.gauge("load", 2, {"core": 1})


def test_after_a_clear_everything_is_new(metrics):
    metrics.registry.counter("calls", increment=5)
    metrics.registry.up_down("active", 5)
    with metrics.expect("calls", by=1).expect("active", by=2):
        metrics.clear()
        metrics.registry.counter("calls")
        metrics.registry.up_down("active", 2)


def test_a_metric_is_expected_by_the_name_under_which_it_is_kept():
    registry = AggregatingRegistry(filters=[Namespace("app"), CommonTags({"region": "eu"})])
    with expect(registry, "app.calls", {"region": "eu"}, by=1):
        registry.counter("calls")


def test_a_block_that_raises_raises_just_that(chat):
    with pytest.raises(KeyError, match="mine"), chat.expect("chat.turns", by=1), chat.expect("chat.turns", by=2):
        raise KeyError("mine")


def test_afterwards_nobody_listens_any_more(chat):
    before = chat.health().listeners
    for work in (lambda: turn(chat), int):
        try:
            with chat.expect("chat.turns", by=1):
                work()
        except AssertionError:
            pass
    assert len(chat.health().listeners) == len(before)


def test_a_block_may_wait_for_coroutines(chat):
    async def answer(model):
        await asyncio.sleep(0)
        turn(chat, model=model)

    async def run():
        with chat.expect("chat.turns", by=2):
            await asyncio.gather(answer("x"), answer("y"))

    asyncio.run(run())


def test_what_threads_record_meanwhile_counts(chat):
    with chat.expect("chat.turns", by=400):
        together(lambda _number: [turn(chat) for _ in range(100)], 4)


def test_one_after_the_other_may_use_the_same(chat):
    expected = chat.expect("chat.turns", by=1)
    for _ in range(2):
        with expected:
            turn(chat)


def test_one_inside_of_itself_is_refused(chat):
    expected = chat.expect("chat.turns", by=1)
    with expected:
        turn(chat)
        with pytest.raises(DefinitionError, match="in use already"):
            expected.__enter__()


def test_a_dispatcher_of_your_own_will_do():
    """It need not have a health()."""
    metrics = Metrics(events=PlainDispatcher()).collect(ChatMetrics())

    def work():
        metrics.events.dispatch(TurnStarted())
        turn(metrics)

    with expect(metrics, "chat.turns", by=1):
        work()
    said = failure_of(expect(metrics, "chat.turns", by=2), work)
    assert "events that no collector hears:\n  TurnStarted: 1" in said
    assert "TurnFinished" not in said


def test_events_of_one_name_from_two_modules_are_both_told(metrics):
    one, other = (type("Same", (), {"__module__": module}) for module in ("one", "other"))

    def work():
        metrics.events.dispatch(one())
        metrics.events.dispatch(other())

    assert failure_of(metrics.expect("calls"), work).count("Same: 1") == 2


# -- what is refused when it is said


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"no_change": True, "by": 1}, "no_change=True, by="),
        ({"by": 1, "count": 1}, "no metric has by= and count="),
        ({"to": 1, "quantile": {0.5: 1}}, "no metric has to= and quantile="),
        ({"quantile": {50: 1}}, "shares from 0 to 1"),
        ({"quantile": {}}, "shares from 0 to 1"),
        ({"at_least": pytest.approx(1)}, "at_least=.*give a number"),
        ({"at_most": "1"}, "at_most='1'.*give a number"),
        ({"quantile": 0.5}, "shares from 0 to 1"),
    ],
)
def test_figures_that_no_metric_has_together_are_refused_at_once(metrics, figures, said):
    with pytest.raises(DefinitionError, match=said):
        metrics.expect("calls", **figures)


def test_a_figure_that_does_not_exist_is_refused_at_once(metrics):
    with pytest.raises(TypeError, match="increase"):
        metrics.expect("calls", increase=1)


def test_a_name_and_tags_that_are_none_are_refused_at_once(metrics):
    with pytest.raises(InvalidMetricError):
        metrics.expect("", by=1)
    with pytest.raises(InvalidTagsError):
        metrics.expect("calls", {"model": object()}, by=1)


@pytest.mark.parametrize(
    ("thing", "said"),
    [(object(), "nothing to watch"), (Metrics, "nothing to watch"), (PlainDispatcher(), "no metrics")],
)
def test_what_keeps_no_metrics_is_refused_at_once(thing, said):
    with pytest.raises(DefinitionError, match=said):
        expect(thing, "calls", by=1)


# -- what a failure says


def test_a_failure_shows_every_series_of_the_name_and_how_it_changed(chat):
    turn(chat, model="z")

    def work():
        turn(chat)
        turn(chat)
        turn(chat, model="y")
        chat.registry.gauge("chat.load", 0.5)
        chat.registry.gauge("chat.load", 0.7)

    assert_approved(failure_of(chat.expect("chat.turns", {"model": "x"}, by=1), work), "every_series")


def test_a_failure_tells_all_of_several_expectations_at_once(chat):
    expected = (
        chat.expect("chat.turns", {"model": "x"}, at_least=2)
        .expect("chat.latency_ms", {"model": "x"}, count=1, total=250, quantile={0.5: 250})
        .expect("chat.load", to=0.9)
        .expect("chat.active", by=2)
        .expect("chat.turns", {"model": "y"}, no_change=True)
        .expect("chat.turns", by=1)
    )

    def work():
        turn(chat, duration_ms=80)
        chat.registry.gauge("chat.load", 0.7)
        chat.registry.up_down("chat.active", 1)

    chat.registry.gauge("chat.load", 0.7)
    chat.registry.up_down("chat.active", 3)
    assert_approved(failure_of(expected, work), "several_expectations")


def test_a_failure_names_what_is_near(chat):
    assert_approved(failure_of(chat.expect("chat.turn", by=1), lambda: turn(chat)), "near_names")


def test_a_failure_says_that_a_name_is_declared_and_nothing_recorded(chat):
    assert_approved(failure_of(chat.expect("chat.turns", by=1), int), "declared")


def test_a_failure_says_which_events_nobody_hears(chat):
    class ToolCalled:
        """A plain class can be an event as well."""

    def work():
        chat.events.dispatch(TurnStarted())
        chat.events.dispatch(TurnStarted())
        chat.events.dispatch(ToolCalled())
        turn(chat, model="y")

    chat.events.add_listener(object, lambda event: None)  # who hears everything collects nothing
    assert_approved(failure_of(chat.expect("chat.turns", {"model": "x"}, by=1), work), "unheard_events")


def test_a_failure_says_which_records_were_refused_and_why():
    metrics = MetricsInTest(registry=AggregatingRegistry(filters=[Deny("debug.*")]))

    def work():
        metrics.registry.counter("calls", increment=-1)
        metrics.registry.timer("wait_ms", float("nan"))
        metrics.registry.counter("calls", {"model": object()})
        metrics.registry.counter("debug.calls")

    work()  # what was refused before is not told
    assert_approved(failure_of(metrics.expect("calls", by=1), work), "refused_records")


def test_a_failure_says_which_listeners_failed():
    class Failing(MetricsCollector):
        @on(TurnFinished)
        def finished(self, event):
            raise LookupError(event.model)

    metrics = Metrics().collect(Failing())
    said = failure_of(expect(metrics, "chat.turns", by=1), lambda: turn(metrics))
    assert "listeners that failed:\n" in said
    assert "finished on TurnFinished: 1 (LookupError" in said


def test_a_failure_says_that_nothing_happened_at_all(metrics):
    assert_approved(failure_of(metrics.expect("chat.turns"), int), "nothing_happened")


@pytest.mark.parametrize("kind", ["counter", "gauge", "up_down", "histogram", "timer"])
def test_a_failure_says_which_figures_a_kind_has(metrics, kind):
    figures = {"to": 1} if kind in {"counter", "histogram", "timer"} else {"count": 1}
    work = {
        "counter": lambda: metrics.registry.counter("it"),
        "gauge": lambda: metrics.registry.gauge("it", 1),
        "up_down": lambda: metrics.registry.up_down("it", 1),
        "histogram": lambda: metrics.registry.histogram("it", 1),
        "timer": lambda: metrics.registry.timer("it", 1),
    }[kind]
    assert_approved(failure_of(metrics.expect("it", **figures), work), f"wrong_figure_{kind}")


def test_a_failure_says_that_the_tags_must_choose_a_series(metrics):
    def work():
        metrics.registry.gauge("load", 1, {"core": 1})
        metrics.registry.gauge("load", 2, {"core": 2})

    assert_approved(failure_of(metrics.expect("load", to=1), work), "which_series")


def test_a_failure_says_which_series_have_gone(metrics):
    metrics.registry.counter("calls", {"model": "x"}, 5)

    def work():
        metrics.registry.forget("calls", {"model": "x"})
        metrics.registry.counter("calls", {"model": "y"})

    assert_approved(failure_of(metrics.expect("calls", {"model": "x"}, by=1), work), "gone")


def test_a_failure_does_not_list_without_end(metrics):
    def work():
        for number in range(100):
            metrics.registry.counter("calls", {"number": number})

    said = failure_of(metrics.expect("calls", by=1), work)
    assert "... and 80 more" in said
    assert len(said.splitlines()) < 30


def test_events_are_told_from_all_threads(metrics):
    def dispatch():
        thread = threading.Thread(target=lambda: metrics.events.dispatch(TurnStarted()))
        thread.start()
        thread.join()

    assert "TurnStarted: 1" in failure_of(metrics.expect("calls", by=1), dispatch)
