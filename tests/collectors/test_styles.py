"""Declared, decorated, dynamic: three ways to write a collector, and all of them mixed."""

from __future__ import annotations

import pytest

from polymeter.collectors import MetricsCollector, measure, on
from polymeter.errors import DefinitionError, ListenerError
from tests.collectors.vocabulary import LongTurnFinished, TurnFinished, TurnStarted


class Declared(MetricsCollector):
    turns = measure.counter("declared", on=TurnFinished, tags=("model",))


class Decorated(MetricsCollector):
    @on(TurnFinished)
    def finished(self, event):
        self.counter("decorated", {"model": event.model})


class Dynamic(MetricsCollector):
    def listeners(self):
        return {TurnFinished: self.finished}

    def finished(self, event):
        self.counter("dynamic", {"model": event.model})


class Mixed(Declared, Decorated):
    more = measure.timer("mixed.wait", on=TurnFinished, value="duration_ms")

    def listeners(self):
        return {TurnStarted: lambda _: self.counter("mixed.started")}


def totals(metrics):
    return {name: metrics.registry.total(name) for name in sorted({each.name for each in metrics.registry.all()})}


def run(metrics, collector, *events):
    metrics.collect(collector)
    for event in events or (TurnStarted(), TurnFinished(duration_ms=5)):
        metrics.events.dispatch(event)
    return totals(metrics)


@pytest.mark.parametrize(
    ("collector", "expected"),
    [
        (Declared, {"declared": 1}),
        (Decorated, {"decorated": 1}),
        (Dynamic, {"dynamic": 1}),
        (Mixed, {"declared": 1, "decorated": 1, "mixed.started": 1, "mixed.wait": 5}),
    ],
)
def test_all_ways_to_write_a_collector_work(metrics, collector, expected):
    """Alone, and mixed by inheritance."""
    assert run(metrics, collector()) == expected


def test_the_helpers_record_what_their_names_say(metrics):
    """And give back what was touched."""
    touched = []

    class Helpers(MetricsCollector):
        @on(TurnFinished)
        def finished(self, event):
            touched.extend(
                [
                    self.counter("counter", {"m": "x"}),
                    self.counter("counter", {"m": "x"}, 4),
                    self.up_down("up_down", -2),
                    self.gauge("gauge", 3),
                    self.histogram("histogram", 4, {"m": "x"}),
                    self.timer("timer", event.duration_ms),
                ]
            )

    assert run(metrics, Helpers(), TurnFinished(duration_ms=5)) == {
        "counter": 5,
        "up_down": -2,
        "gauge": 3,
        "histogram": 4,
        "timer": 5,
    }
    assert [each.name for each in touched] == ["counter", "counter", "up_down", "gauge", "histogram", "timer"]
    assert touched[0].tags == {"m": "x"}


def test_a_handler_may_listen_to_several_events(metrics):
    """Once to each that fits."""

    class Stacked(MetricsCollector):
        @on(TurnStarted)
        @on(TurnFinished)
        def any(self, event):
            self.counter("heard", {"event": type(event).__name__})

    run(metrics, Stacked(), TurnStarted(), TurnFinished(), LongTurnFinished())
    assert {str(each) for each in metrics.registry.all()} == {
        'heard{event="TurnStarted"} 1',
        'heard{event="TurnFinished"} 1',
        'heard{event="LongTurnFinished"} 1',
    }


def test_a_handler_may_be_a_static_or_a_class_method(metrics):
    """Whichever decorator comes first."""
    heard = []

    class Stateless(MetricsCollector):
        @on(TurnFinished)
        @staticmethod
        def one(_event):
            heard.append(1)

        @staticmethod
        @on(TurnFinished)
        def two(_event):
            heard.append(2)

        @on(TurnFinished)
        @classmethod
        def three(cls, _event):
            heard.append(3)

    run(metrics, Stateless())
    assert heard == [1, 2, 3]


def test_a_handler_may_have_a_priority(metrics):
    """The higher one is called earlier."""
    order = []

    class Ordered(MetricsCollector):
        @on(TurnFinished)
        def later(self, _):
            order.append("later")

        @on(TurnFinished, priority=5)
        def earlier(self, _):
            order.append("earlier")

    run(metrics, Ordered())
    assert order == ["earlier", "later"]


def test_declarations_are_inherited_and_overriding_one_replaces_it(metrics):
    """By the attribute's name; ``None`` takes it away."""

    class Base(MetricsCollector):
        kept = measure.counter("kept", on=TurnFinished)
        changed = measure.counter("changed", on=TurnFinished)
        dropped = measure.counter("dropped", on=TurnFinished)

    class Derived(Base):
        changed = measure.counter("changed.better", on=TurnFinished)
        dropped = None
        added = measure.counter("added", on=TurnFinished)

    assert run(metrics, Derived()) == {"kept": 1, "changed.better": 1, "added": 1}


def test_the_class_that_was_derived_from_stays_as_it_was(metrics):
    """Classes share nothing."""

    class _Derived(Declared):
        turns = measure.counter("other", on=TurnFinished)

    assert run(metrics, Declared()) == {"declared": 1}


def test_an_overridden_handler_is_what_its_decorator_says(metrics):
    """With one it replaces the other; without one nothing is called."""

    class Again(Decorated):
        @on(TurnFinished)
        def finished(self, _event):
            self.counter("again")

    class Silent(Decorated):
        def finished(self, event): ...

    assert run(metrics, Again()) == {"again": 1}
    assert run(metrics, Silent(), TurnFinished()) == {"again": 2}


def test_listeners_may_use_the_registry(metrics):
    """To bind what they record on."""

    class Bound(MetricsCollector):
        def listeners(self):
            series = self.registry.bind("counter", "bound")
            return {TurnFinished: lambda _: series.add()}

    assert run(metrics, Bound()) == {"bound": 1}


def test_an_asynchronous_handler_is_refused_and_leaves_nothing_behind(metrics):
    """It would never run."""

    class Asynchronous(MetricsCollector):
        turns = measure.counter("turns", on=TurnFinished)

        @on(TurnFinished)
        async def finished(self, event): ...

    collector = Asynchronous()
    with pytest.raises(ListenerError, match=r"Asynchronous\.finished is asynchronous"):
        metrics.collect(collector)
    assert metrics.health().listeners == []
    with pytest.raises(DefinitionError, match="is not registered"):
        collector.counter("turns")


def test_listeners_are_called_by_their_names_in_health(metrics):
    """Declared ones by the collector's, the others by the method's."""
    metrics.collect(Mixed())
    names = [each.listener.rpartition("test_styles.")[2] for each in metrics.health().listeners]
    assert names[:2] == ["Mixed", "Decorated.finished"]
