"""What a failed expectation says: approved as text, in `approved/`."""

from __future__ import annotations

import threading

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, on
from polymeter.registries import AggregatingRegistry
from polymeter.registries.filters import Deny
from polymeter.testing import MetricsInTest, assert_approved, expect
from tests.testing.chat import ChatMetrics, TurnFinished, TurnStarted, failure_of, turn


@pytest.fixture
def chat(metrics):
    return metrics.collect(ChatMetrics())


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
    metrics.registry.gauge("before", float("nan"))
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


def test_a_failure_says_that_a_series_began_anew(metrics):
    metrics.registry.counter("calls", increment=5)

    def work():
        metrics.clear()
        metrics.registry.counter("calls", increment=2)

    assert "  {} 5 -> cleared -> 2 (+2)" in failure_of(metrics.expect("calls", by=3), work)


def test_a_failure_shows_large_integers_as_they_are(metrics):
    said = failure_of(metrics.expect("bytes", by=1), lambda: metrics.registry.counter("bytes", increment=10**15 + 1))
    assert "found: by=1000000000000001" in said
    assert "{} 0 -> 1000000000000001 (+1000000000000001)" in said
