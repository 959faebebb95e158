"""laws(): what was dispatched and recorded, counted from outside and held against health().

Here dispatchers and registries are broken on purpose: a law that nothing can break would say nothing.
"""

from __future__ import annotations

import dataclasses
import gc
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from polymeter import Metrics, Subscription
from polymeter.collectors import MetricsCollector, measure, on
from polymeter.data import Kind
from polymeter.errors import ListenerError
from polymeter.events import Event, EventDispatcher, StoppableEvent
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock, laws
from polymeter.testing.contracts.registry.base import record, record_on
from polymeter.testing.contracts.registry.together import together

OURS = (AggregatingRegistry, InMemoryRegistry, WindowedRegistry)
each_of_ours = pytest.mark.parametrize("registry_class", OURS)


@pytest.fixture
def both_laws_hold():
    """Stand in for the fixture that watches every other test: here the laws do not hold."""


@dataclass(slots=True, kw_only=True)
class Turn(Event):
    model: object = "m"
    ms: float | None = 5.0


@dataclass(slots=True, kw_only=True)
class Refused(StoppableEvent):
    pass


class Turns(MetricsCollector):
    turns = measure.counter("turns", on=Turn, tags=("model",))
    wait = measure.timer("wait", on=Turn, value="ms", tags=("model",))
    last = measure.gauge("last", on=Turn, value="ms")

    @on(Turn)
    def by_hand(self, event):
        self.counter("by_hand")


def listen(_event): ...


def fail(_event):
    raise ValueError


def said_of(work, *classes):
    """Run ``work`` in a block; give what the end of the block says, empty if the laws hold."""
    try:
        with laws(*classes):
            work()
    except AssertionError as error:
        return str(error)
    return ""


# -- deliveries


def dispatch_everything(dispatcher_class):
    """Dispatch 20 events, of which a listener handles some, fails on some, and is kept from the rest; give it."""
    clock = ManualClock()
    dispatcher = dispatcher_class(clock=clock)
    dispatcher.add_listener(StoppableEvent, lambda event: event.stop_propagation(), 1)
    works = []

    def sometimes(_event):
        if not works:
            raise ValueError

    dispatcher.add_listener(Event, sometimes)
    for number in range(10):
        dispatcher.dispatch(Turn())
        dispatcher.dispatch(Refused())
        if number == 8:
            clock.advance(1)
            works.append(None)
    return dispatcher


def forgetful(what):
    """Give a class whose ``health()`` has lost one of the four counts."""

    class Forgetful(EventDispatcher):
        def health(self):
            return [dataclasses.replace(each, **{what: 0}) for each in super().health()]

    return Forgetful


def test_our_dispatcher_keeps_the_law_whatever_becomes_of_the_deliveries():
    dispatchers = []
    assert said_of(lambda: dispatchers.append(dispatch_everything(EventDispatcher))) == ""
    counted = dispatchers[0].health()[1]
    assert (counted.handled, counted.failed, counted.quarantined, counted.stopped) == (1, 5, 4, 10)


@pytest.mark.parametrize("what", ["handled", "failed", "quarantined", "stopped"])
def test_a_dispatcher_that_forgets_one_of_the_counts_breaks_it(what):
    said = said_of(lambda: dispatch_everything(forgetful(what)))
    assert "sometimes on Event was meant to hear 20 events, but handled " in said
    assert f"{what} 0" in said


def test_a_dispatcher_that_does_not_count_breaks_it():
    """Where it should count, not where it says what it counted."""

    class Careless(EventDispatcher):
        def add_listener(self, *args):
            subscription = super().add_listener(*args)
            self._registered[-1].count_handled = lambda: None
            return subscription

    assert "was meant to hear 20 events, but handled 0 + failed 5" in said_of(lambda: dispatch_everything(Careless))


def test_the_message_shows_the_figures():
    def work():
        dispatcher = forgetful("handled")()
        dispatcher.add_listener(Turn, listen)
        dispatcher.dispatch(Turn())
        dispatcher.dispatch(Refused())

    assert said_of(work) == (
        f"forgetful.<locals>.Forgetful: {__name__}.listen on Turn was meant to hear 1 events, "
        "but handled 0 + failed 0 + quarantined 0 + stopped 0 = 0"
    )


def test_a_dispatcher_that_does_not_deliver_breaks_it():
    """It is counted who an event is meant for, not who got it."""

    class Deaf(EventDispatcher):
        def dispatch(self, event):
            return event if isinstance(event, Refused) else super().dispatch(event)

    def work():
        dispatcher = Deaf()
        dispatcher.add_listener(object, listen)
        dispatcher.dispatch(Turn())
        dispatcher.dispatch(Refused())

    assert "listen on object was meant to hear 2 events, but handled 1" in said_of(work, Deaf)


def test_a_dispatcher_that_delivers_twice_breaks_it():
    class Stammering(EventDispatcher):
        def dispatch(self, event):
            super().dispatch(event)
            return super().dispatch(event)

    def work():
        dispatcher = Stammering()
        dispatcher.add_listener(Turn, listen)
        dispatcher.emitter(Turn)(Turn())

    assert "was meant to hear 1 events, but handled 2" in said_of(work, Stammering)


def test_what_a_removed_listener_heard_is_looked_at_when_it_goes():
    """Afterwards nobody tells."""

    def work():
        dispatcher = forgetful("failed")()
        with dispatcher.add_listener(Turn, fail):
            dispatcher.dispatch(Turn())
        assert dispatcher.health() == []

    assert "fail on Turn was meant to hear 1 events" in said_of(work)


def test_a_listener_that_health_leaves_out_breaks_it():
    class Discreet(EventDispatcher):
        def health(self):
            return []

    def work():
        dispatcher = Discreet()
        dispatcher.add_listener(Turn, listen)
        dispatcher.dispatch(Turn())

    assert "was meant to hear 1 events, but health() does not know it" in said_of(work)


def test_a_dispatcher_of_your_own_is_watched_if_it_is_named():
    """It needs no more than the contract and a ``health()``."""

    class Mine:
        def __init__(self):
            self.listeners = []

        def add_listener(self, event_type, listener, priority=0):
            self.listeners.append((event_type, listener))
            return Subscription(lambda: self.listeners.remove((event_type, listener)))

        def dispatch(self, event):
            for event_type, listener in self.listeners:
                if isinstance(event, event_type):
                    listener(event)
            return event

        def health(self):
            counts = {"handled": 1, "failed": 0, "quarantined": 0, "stopped": 0}
            return [SimpleNamespace(event="Turn", listener=f"{__name__}.listen", **counts) for _ in self.listeners]

    def work(times):
        mine = Mine()
        mine.add_listener(Turn, listen)
        for _ in range(times):
            mine.dispatch(Turn())

    assert said_of(lambda: work(1), Mine) == ""
    assert "Mine: " in said_of(lambda: work(2), Mine)
    assert said_of(lambda: work(2)) == ""


def test_a_delivery_that_was_cut_short_may_count_or_not():
    """Nobody can say from outside how far it came."""

    def work():
        dispatcher = EventDispatcher(on_error="raise")
        for listener in (listen, fail, listen):
            dispatcher.add_listener(Turn, listener)
        with pytest.raises(ValueError):  # noqa: PT011 - it is the listener's
            dispatcher.dispatch(Turn())
        dispatcher.dispatch(Refused())

    assert said_of(work) == ""


def test_listeners_that_come_and_go_while_events_are_on_their_way_break_nothing():
    """On the way of that very event, and from other threads."""

    def work():
        dispatcher = EventDispatcher()

        def add_and_remove(_event):
            with dispatcher.add_listener(object, listen):
                dispatcher.dispatch(Refused())

        dispatcher.add_listener(Turn, add_and_remove)

        def run(_thread):
            for _ in range(100):
                with dispatcher.add_listener(Turn, listen):
                    dispatcher.dispatch(Turn())

        together(run, 4)
        with pytest.raises(ListenerError):
            dispatcher.add_listener("Turn", listen)

    assert said_of(work) == ""


def test_a_listener_that_dispatches_for_ever_breaks_nothing():
    """However deep that goes."""

    def work():
        dispatcher = EventDispatcher()
        dispatcher.add_listener(Turn, dispatcher.dispatch)
        dispatcher.dispatch(Turn())

    assert said_of(work) == ""


# -- records


def miscounting(registry_class, applied):
    """Give a class whose ``health()`` makes something else of the number of records that count."""

    class Miscounting(registry_class):
        def health(self):
            health = super().health()
            return dataclasses.replace(health, applied=applied(health.applied))

    return Miscounting


def none_of(_count):
    return 0


def record_in_every_way(registry, wrong=float("nan")):
    """Make records that count and some that do not: by the verbs, on series, and of events; give the registry."""
    metrics = Metrics(registry=registry).collect(Turns())
    for kind in Kind:
        for _ in range(3):
            record(registry, kind, f"verb.{kind}", 1)
            record_on(registry.bind(kind, f"bound.{kind}"), kind, 1)
        record(registry, kind, f"verb.{kind}", wrong)
        record_on(registry.bind(kind, f"bound.{kind}"), kind, wrong)
    for _ in range(5):
        metrics.events.dispatch(Turn())
    metrics.events.dispatch(Turn(ms=None))  # no record of `wait` and `last`
    metrics.events.dispatch(Turn(ms=wrong))
    metrics.events.dispatch(Turn(model=wrong))
    for series in (registry.counter("", None), registry.bind("counter", "x", {"tag": wrong})):
        series.add()
        series.add()
    registry.bind("counter", "bound.counter").set(1)
    return registry


@each_of_ours
def test_our_registries_keep_the_law_whatever_becomes_of_the_records(registry_class):
    registries = []
    assert said_of(lambda: registries.append(record_in_every_way(registry_class()))) == ""
    assert registries[0].health().applied > 50
    assert registries[0].health().invalid > 15


@each_of_ours
def test_a_registry_that_forgets_a_record_breaks_it(registry_class):
    forgetful = miscounting(registry_class, lambda count: count - 1)
    said = said_of(lambda: record_in_every_way(forgetful()))
    assert "Miscounting: " in said
    assert "records were made, but applied " in said


def test_a_record_that_is_lost_before_it_counts_breaks_it():
    """Wherever that happens."""

    def work():
        series = AggregatingRegistry().bind("counter", "calls")
        for _ in range(3):
            series.add()
        series.pending.pop()
        assert series.value == 2

    assert "3 records were made, but applied 2" in said_of(work)


@each_of_ours
@pytest.mark.parametrize("kind", list(Kind), ids=str)
@pytest.mark.parametrize("way", ["verb", "bound"])
def test_each_record_counts_whichever_way_it_is_made(registry_class, kind, way):
    """One is enough to be missed."""
    empty = miscounting(registry_class, none_of)

    def work():
        registry = empty()
        if way == "verb":
            record(registry, kind, "metric", 1)
        else:
            record_on(registry.bind(kind, "metric"), kind, 1)

    assert said_of(work) == (
        f"{empty.__qualname__}: 1 records were made, but applied 0 + invalid 0 + denied 0 = 0; invalid by metric: {{}}"
    )


@each_of_ours
def test_each_value_of_an_event_counts(registry_class):
    """Those of declared metrics, and what handlers record; a value of None is no record."""

    def work(*events):
        metrics = Metrics(registry=miscounting(registry_class, none_of)()).collect(Turns())
        for event in events:
            metrics.events.dispatch(event)

    assert ": 4 records were made" in said_of(lambda: work(Turn()))
    assert ": 6 records were made" in said_of(lambda: work(Turn(), Turn(ms=None)))


@each_of_ours
def test_a_registry_that_forgets_what_it_refused_breaks_it(registry_class):
    class Uncritical(registry_class):
        def reject(self, name, reason):
            if reason != "nan":
                super().reject(name, reason)

    assert "records were made, but" in said_of(lambda: record_in_every_way(Uncritical()))


@each_of_ours
def test_a_registry_that_counts_twice_breaks_it(registry_class):
    vain = miscounting(registry_class, lambda count: 2 * count)
    assert "1 records were made, but applied 2" in said_of(lambda: vain().counter("calls"))


@each_of_ours
def test_after_a_clear_counts_begin_anew(registry_class):
    """On both sides."""

    def work(registry):
        series = registry.bind("counter", "calls")
        for _ in range(5):
            series.add()
            registry.counter("calls", increment=-1)
        registry.clear()
        series.add()
        registry.counter("calls", increment=-1)

    forgetful = miscounting(registry_class, none_of)
    assert said_of(lambda: work(registry_class())) == ""
    assert "2 records were made, but applied 0 + invalid 1" in said_of(lambda: work(forgetful()))


@each_of_ours
def test_records_that_are_on_their_way_into_a_clear_may_count_or_not(registry_class):
    """Nobody can say from outside which was first."""

    def work():
        registry = registry_class()

        def run(thread):
            series = registry.bind("counter", "calls", {"thread": thread})
            for number in range(200):
                series.add()
                registry.counter("calls")
                if number % 50 == thread:
                    registry.clear()

        together(run, 4)

    assert said_of(work) == ""


@each_of_ours
def test_what_finalisers_record_counts_too(registry_class):
    """Also in the middle of another record."""

    def work():
        registry = registry_class()

        class Counted:
            def __init__(self):
                self.myself = self

            def __del__(self):
                registry.counter("ended")

        thresholds = gc.get_threshold()
        gc.set_threshold(10)
        try:
            for _ in range(300):
                Counted()
                registry.histogram("made", 1)
        finally:
            gc.set_threshold(*thresholds)
        gc.collect()
        assert registry.total("ended") == 300

    assert said_of(work) == ""


def test_of_a_composite_each_member_keeps_the_law_by_itself():
    """What reaches one of them and not the other is missed there."""
    assert said_of(lambda: record_in_every_way(CompositeRegistry(*(each() for each in OURS)))) == ""
    forgetful = miscounting(InMemoryRegistry, none_of)
    said = said_of(lambda: record_in_every_way(CompositeRegistry(AggregatingRegistry(), forgetful())))
    assert "Miscounting: " in said
    assert "AggregatingRegistry: " not in said


def test_a_registry_of_your_own_is_watched_if_it_is_named():
    """With the series that it gives."""

    class Series:
        __slots__ = ("owner",)

        def __init__(self, owner):
            self.owner = owner

        def add(self, amount=1, /):
            self.owner.counter("bound", None, amount)

        set = record = add

    class Mine:
        def __init__(self, lost=0):
            self.count = -lost

        def counter(self, name, tags=None, increment=1, *, at=None):
            self.count += 1
            return Series(self)

        gauge = up_down = histogram = timer = counter

        def bind(self, kind, name, tags=None):
            return Series(self)

        def health(self):
            return SimpleNamespace(applied=self.count, invalid=0, denied=0, invalid_by={})

    def work(lost):
        mine = Mine(lost)
        mine.counter("calls").add()
        mine.bind("counter", "calls").add()

    assert said_of(lambda: work(0), Mine) == ""
    assert "Mine: 3 records were made, but applied 2" in said_of(lambda: work(1), Mine)
    assert said_of(lambda: work(1)) == ""


# -- the block


def test_what_was_made_before_the_block_is_not_watched():
    """Its counts did not begin with it."""
    metrics = Metrics(EventDispatcher(), AggregatingRegistry()).collect(Turns())
    metrics.events.dispatch(Turn())
    assert said_of(lambda: metrics.events.dispatch(Turn())) == ""


def test_the_laws_can_be_looked_at_within_the_block():
    with laws() as both:
        metrics = Metrics().collect(Turns())
        metrics.events.dispatch(Turn())
        both.check()
        assert both.complaints() == []


def test_a_block_that_raises_raises_just_that():
    """Not what is wrong besides."""
    with pytest.raises(KeyError, match="mine"), laws():
        raise KeyError(*["mine" for _ in [dispatch_everything(forgetful("handled"))]])


def test_blocks_may_be_nested():
    """What is made in the inner one is watched by both."""
    forgetful = miscounting(AggregatingRegistry, none_of)
    of_inner = []
    of_outer = said_of(lambda: of_inner.append(said_of(lambda: forgetful().counter("calls"))))
    assert of_inner == [of_outer]
    assert "1 records were made" in of_outer
    assert said_of(lambda: said_of(lambda: [record_in_every_way(each()) for each in OURS])) == ""


def test_afterwards_everything_is_as_it_was():
    """No method is another one."""
    classes = (EventDispatcher, *OURS, *(type(each().bind(kind, "x")) for each in OURS for kind in Kind))
    before = [dict(vars(base)) for each in classes for base in each.__mro__]
    assert said_of(lambda: dispatch_everything(forgetful("handled"))) != ""
    assert said_of(lambda: record_in_every_way(WindowedRegistry())) == ""
    assert [dict(vars(base)) for each in classes for base in each.__mro__] == before


def test_a_great_many_are_all_looked_at():
    """Those that are let go of to save memory, just before that."""

    def work():
        miscounting(InMemoryRegistry, none_of)().counter("calls")
        dispatch_everything(forgetful("handled"))
        for _ in range(600):
            InMemoryRegistry().counter("calls")
            EventDispatcher().dispatch(Turn())

    said = said_of(work)
    assert "Miscounting: 1 records were made" in said
    assert "was meant to hear 20 events" in said
