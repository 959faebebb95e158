"""What the contract of collectors notices: collectors that break one promise each."""

from __future__ import annotations

import inspect
import time
import weakref
from dataclasses import dataclass

import pytest

from polymeter import Subscription
from polymeter.collectors import MetricsCollector, on
from polymeter.events import Event
from polymeter.registries import AggregatingRegistry
from polymeter.testing.contracts.collectors import CollectorContract


@dataclass(slots=True, kw_only=True)
class Began(Event):
    number: int = 1


@dataclass(slots=True, kw_only=True)
class Ended(Event):
    number: int = 1
    ms: float = 5.0


class Sound(MetricsCollector):
    """What the broken ones would be, if they were not."""

    def register(self, events, registry):
        for name in ("began", "ended"):
            registry.define(name, "counter", help="Events.")
        return super().register(events, registry)

    @on(Began)
    def began(self, event):
        self.counter("began", {"odd": event.number % 2})

    @on(Ended)
    def ended(self, event):
        self.counter("ended", None, event.ms)


class Clinging(Sound):
    """Goes on listening."""

    def register(self, events, registry):
        super().register(events, registry)
        return Subscription(lambda: None)


class Final(Sound):
    """Can be registered once and never again."""

    was = False

    def register(self, events, registry):
        if self.was:
            raise RuntimeError
        self.was = True
        return super().register(events, registry)


class Lax:
    """Can be registered twice, and then records everything twice."""

    def register(self, events, registry):
        return events.add_listener(Event, lambda event: registry.counter("heard", {"number": event.number}))


class Selective(Sound):
    """Does not listen to something that it understands."""

    ended = None


class Hasty(Sound):
    """Records before anything has happened."""

    def register(self, events, registry):
        subscription = super().register(events, registry)
        registry.counter("began")
        return subscription


class Remembering(Sound):
    """Counts an end only if it saw the beginning."""

    def __init__(self):
        self.open = set()

    @on(Began)
    def began(self, event):
        self.open.add(event.number)

    @on(Ended)
    def ended(self, event):
        if event.number in self.open:
            self.open.discard(event.number)
            super().ended(event)


class Batching(Sound):
    """Keeps what it heard to itself until there is more."""

    def __init__(self):
        self.kept = []

    @on(Ended)
    def ended(self, event):
        self.kept.append(event)
        if len(self.kept) == 2:
            self.counter("ended", None, sum(each.ms for each in self.kept))
            self.kept.clear()


class Common(Sound):
    """Has one registry for all of its kind."""

    shared = None

    def register(self, events, registry):
        if self.shared is None:
            type(self).shared = registry
        return super().register(events, self.shared)


class Silent(Sound):
    """Passes over what it cannot read."""

    @on(Ended)
    def ended(self, event):
        if hasattr(event, "ms"):
            super().ended(event)


class Fragile(Sound):
    """Is never again what it was before its first bad event."""

    broken = False

    @on(Ended)
    def ended(self, event):
        if self.broken:
            return
        try:
            super().ended(event)
        except AttributeError:
            self.broken = True
            raise


class Mute(Sound):
    """Explains nothing."""

    def register(self, events, registry):
        return MetricsCollector.register(self, events, registry)


class Kept(Sound):
    """Is kept for ever."""

    all = []  # noqa: RUF012 - that is what is wrong with it

    def __init__(self):
        self.all.append(self)


class Untidy(Sound):
    """Leaves its listeners behind when it cannot be registered."""

    def register(self, events, registry):
        events.add_listener(Began, lambda _: None)
        return super().register(events, registry)


class Weak(Sound):
    """Lives no longer than somebody else keeps it."""

    def register(self, events, registry):
        itself = weakref.proxy(self)
        registry.define("ended", "counter", help="Events.")
        return events.add_listener(Ended, lambda event: registry.counter("ended", itself.tags(), event.ms))

    def tags(self):
        return None


class Racing(Sound):
    """Loses what two threads count at the same moment."""

    def __init__(self):
        self.sum = self.said = 0

    @on(Ended)
    def ended(self, event):
        before = self.sum
        time.sleep(0)
        self.sum = before + event.ms
        self.counter("ended", None, self.sum - self.said)
        self.said = self.sum


class Wrong(Sound):
    """Counts something else."""

    @on(Ended)
    def ended(self, event):
        self.counter("ended", None, event.ms + 1)


CASES = [
    (Clinging, "test_once_cancelled_it_records_nothing_more", {}),
    (Clinging, "test_once_cancelled_nothing_keeps_it", {}),
    (Final, "test_once_cancelled_it_can_be_registered_again", {}),
    (Lax, "test_it_is_registered_once", {}),
    (Selective, "test_it_listens_to_the_events_that_it_understands", {}),
    (Hasty, "test_it_listens_to_the_events_that_it_understands", {}),
    (Remembering, "test_any_split_of_the_events_gives_the_same_totals", {"writers": 2}),
    (Remembering, "test_any_cut_through_the_events_gives_the_same_totals", {}),
    (Remembering, "test_any_order_of_the_events_gives_the_same_totals", {}),
    (Batching, "test_any_split_of_the_events_gives_the_same_totals", {"writers": 1000}),
    (Common, "test_two_of_them_do_not_know_of_each_other", {}),
    (Common, "test_two_on_one_dispatcher_record_each_for_itself", {}),
    (Silent, "test_an_event_without_its_fields_is_counted", {}),
    (Fragile, "test_after_bad_events_good_ones_mean_the_same", {}),
    (Mute, "test_every_metric_is_explained", {}),
    (Kept, "test_once_cancelled_nothing_keeps_it", {}),
    (Weak, "test_it_goes_on_though_nobody_else_keeps_it", {}),
    (Untidy, "test_a_name_that_means_something_else_already_does_no_harm", {}),
    (Racing, "test_threads_that_dispatch_lose_nothing", {}),
    (Wrong, "test_its_events_become_metrics", {}),
]


def run(collector_class, test, case):
    """Run one test of the contract, with the arguments of one case, over a collector."""

    class Contract(CollectorContract):
        def make_collector(self):
            return collector_class()

        def make_events(self):
            return [Began(), Ended(ms=2.5), Began(number=2), Ended(number=2)]

        def expected_totals(self):
            return {"began": 2, "ended": 7.5}

    def make_registry(clock):
        return AggregatingRegistry(clock=clock)

    contract, method = Contract(), getattr(Contract(), test)
    wanted = list(inspect.signature(method).parameters)
    known = {"make_registry": make_registry, **case}
    if "wired" in wanted:
        on_error = "isolate" if "bad" in test or "without_its_fields" in test else "raise"
        known["wired"] = contract.wire(make_registry, on_error=on_error)
    method(**{name: known[name] for name in wanted})


@pytest.mark.parametrize(("broken", "test", "case"), CASES, ids=[f"{each[0].__name__}-{each[1]}" for each in CASES])
def test_it_is_noticed(broken, test, case):
    """By the test that is about it, and which a sound one passes."""
    run(Sound, test, case)
    with pytest.raises((Exception, pytest.fail.Exception)):
        run(broken, test, case)
