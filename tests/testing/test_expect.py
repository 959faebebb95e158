"""expect(): what a block of a test has to record."""

from __future__ import annotations

import asyncio

import pytest

from polymeter import Metrics
from polymeter.errors import DefinitionError, InvalidMetricError, InvalidTagsError
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.registries.filters import CommonTags, Namespace
from polymeter.testing import expect
from polymeter.testing.contracts.registry.together import together
from tests.testing.chat import ChatMetrics, TurnStarted, failure_of, turn
from tests.testing.plain_dispatcher import PlainDispatcher

REGISTRIES = (AggregatingRegistry, InMemoryRegistry, WindowedRegistry, lambda: CompositeRegistry(AggregatingRegistry()))


@pytest.fixture
def chat(metrics):
    return metrics.collect(ChatMetrics())


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
