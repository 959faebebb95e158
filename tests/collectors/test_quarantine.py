"""A declared metric that keeps failing is held back by itself, and tried again."""

from __future__ import annotations

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock
from tests.collectors.vocabulary import TurnFinished


class Shop:
    """A collector whose getters fail on demand, and count how often they are asked."""

    def __init__(self, make):
        self.clock = ManualClock()
        self.metrics = Metrics(registry=make(clock=self.clock), clock=self.clock)
        self.broken, self.asked, self.error = True, 0, ValueError("secret")

        def fails(event):
            self.asked += 1
            if self.broken:
                raise self.error
            return 7

        class Collector(MetricsCollector):
            sound = measure.counter("sound", on=TurnFinished, tags=("model",))
            value = measure.histogram("value", on=TurnFinished, value=fails, tags=("model",))
            when = measure.counter("when", on=TurnFinished, when=lambda _: not self.broken or 1 / 0, tags=("model",))
            tag = measure.counter("tag", on=TurnFinished, tags={"tag": lambda _: "x" if not self.broken else 1 / 0})
            tag_too = measure.timer(
                "tag_too",
                on=TurnFinished,
                value="duration_ms",
                tags={"tag": lambda _: "x" if not self.broken else 1 / 0},
            )

        self.metrics.collect(Collector())

    def dispatch(self, times):
        for _ in range(times):
            self.metrics.events.dispatch(TurnFinished())

    def invalid(self, name):
        invalid = self.metrics.registry.health().invalid_by
        return invalid.get((name, "getter"), 0), invalid.get((name, "quarantined"), 0)


@pytest.fixture(
    params=[
        AggregatingRegistry,
        InMemoryRegistry,
        WindowedRegistry,
        lambda clock: CompositeRegistry(AggregatingRegistry(clock=clock), WindowedRegistry(clock=clock)),
    ],
    ids=["aggregating", "in_memory", "windowed", "composite"],
)
def shop(request):
    return Shop(request.param)


@pytest.mark.parametrize("name", ["value", "when", "tag"])
def test_after_five_failures_in_a_row_it_is_held_back(shop, name):
    """Each event is counted, by reason."""
    shop.dispatch(12)
    assert shop.invalid(name) == (5, 7)


def test_the_others_go_on(shop):
    """Those of the same event, with the same tags or others; the listener is not to blame."""
    shop.dispatch(12)
    assert shop.metrics.registry.total("sound") == 12
    assert [(each.failed, each.quarantined) for each in shop.metrics.health().listeners] == [(0, 0)]


def test_tags_that_fail_hold_back_all_that_share_them(shop):
    """Each is counted under its own name."""
    shop.dispatch(6)
    assert shop.invalid("tag") == (5, 1)


def test_nobody_asks_a_getter_that_is_held_back(shop):
    """It may be slow, too."""
    shop.dispatch(100)
    assert shop.asked == 5


def test_it_is_tried_with_one_event_when_time_has_come(shop):
    """A second later; if that fails, twice as much later."""
    shop.dispatch(5)
    shop.clock.advance(1.0)
    shop.dispatch(10)
    assert shop.invalid("value") == (6, 9)
    shop.clock.advance(1.0)
    shop.dispatch(1)
    assert shop.invalid("value") == (6, 10)
    shop.clock.advance(1.0)
    shop.dispatch(1)
    assert shop.invalid("value") == (7, 10)


@pytest.mark.parametrize("name", ["value", "when", "tag", "tag_too"])
def test_once_it_works_it_is_recorded_again(shop, name):
    """From the probe on; and five failures in a row are needed again."""
    shop.dispatch(5)
    shop.broken = False
    shop.clock.advance(1.0)
    shop.dispatch(3)
    (metric,) = shop.metrics.registry.snapshot().by_name(name)
    assert getattr(metric, "count", metric.value) == 3
    before = shop.invalid(name)
    shop.broken = True
    shop.dispatch(4)
    assert shop.invalid(name) == (before[0] + 4, before[1])


def test_a_success_in_between_starts_the_count_anew(shop):
    """Only failures in a row hold it back."""
    for _ in range(4):
        shop.broken = True
        shop.dispatch(4)
        shop.broken = False
        shop.dispatch(1)
    assert shop.invalid("value") == (16, 0)


def test_what_interrupts_a_probe_does_not_end_the_probing(shop):
    """Ctrl-C passes through, and the getter is tried again later."""
    shop.dispatch(5)
    shop.clock.advance(1.0)
    shop.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        shop.dispatch(1)
    shop.broken = False
    shop.clock.advance(2.0)
    shop.dispatch(1)
    assert shop.metrics.registry.get("value", {"model": "m"}).value == 7
