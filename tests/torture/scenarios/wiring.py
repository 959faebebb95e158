"""Listeners and collectors come and go while six threads dispatch, and some listeners raise: both laws are exact."""

from __future__ import annotations

import functools
import itertools
import math
import random
import time
from dataclasses import dataclass

from polymeter import Metrics
from polymeter.clock import Clock
from polymeter.collectors import MetricsCollector, measure
from polymeter.events import StoppableEvent
from tests.torture.alarm import alarm
from tests.torture.ledger import Tally
from tests.torture.load import Until, in_threads, switching_every

THREADS = 6
SWITCH_INTERVAL = 1e-5
SPEED = 500  # clock seconds in one real second: a quarantine of one second is over in two milliseconds
POISON = (math.nan, math.inf, -1, "1", None, 10**400)


@dataclass(slots=True)
class Ping:
    n: int


class Pong(Ping):
    """Heard by those who listen to its base too."""


@dataclass(slots=True, kw_only=True)
class Halting(StoppableEvent):
    n: int


class Rare:
    """Only listened to for moments."""


class Pings(MetricsCollector):
    """Stays."""

    pings = measure.counter("torture.pings", on=Ping)
    numbers = measure.histogram("torture.numbers", on=Ping, value="n")


class Passing(MetricsCollector):
    """Comes and goes."""

    rares = measure.counter("torture.rares", on=Rare)
    passing = measure.counter("torture.passing", on=Ping)


class Listener:
    """Keeps its own account.

    :ivar fails: the share of events that it raises on.
    """

    def __init__(self, fails=0.0):
        self.fails = fails
        self.handled, self.failed = Tally(), Tally()

    def __call__(self, event):
        if random.random() < self.fails:
            self.failed.add()
            raise ValueError
        self.handled.add()


class Steady(Listener):
    """Told apart by its class in the dispatcher's account, as are the others."""


class Flaky(Listener):
    pass


class Hopeless(Listener):
    pass


class Last(Listener):
    pass


class Stopper(Listener):
    """Keeps every third event from those after it."""

    def __call__(self, event):
        if event.n % 3 == 0:
            event.stop_propagation()
            self.failed.add()
        else:
            self.handled.add()


class Chain:
    """A facade, its listeners, and what was put into it."""

    def __init__(self):
        clock = Clock(monotonic=lambda: time.perf_counter() * SPEED)
        self.metrics = Metrics(clock=clock).collect(Pings())
        self.events, self.registry = self.metrics.events, self.metrics.registry
        self.rare = self.events.emitter(Rare)
        self.target = self.registry.bind("timer", "torture.target_ms")
        self.of_pings = [Steady(), Flaky(0.3), Hopeless(1)]
        self.stopper, self.last = Stopper(), Last()
        for listener in self.of_pings:
            self.events.add_listener(Ping, listener)
        self.events.add_listener(Halting, self.last)
        self.events.add_listener(Halting, self.stopper, priority=1)
        self.pings, self.halts, self.good, self.poison = Tally(), Tally(), Tally(), Tally()

    def use(self, until):
        """Dispatch and record, poison too."""
        for n in itertools.takewhile(lambda _: until, itertools.count()):
            self.events.dispatch((Ping, Pong)[n % 2](n % 8))
            self.pings.add()
            self.events.dispatch(Halting(n=n))
            self.halts.add()
            if self.rare.listening:
                self.rare(Rare())
            self.target.record(n)
            self.good.add()
            self.registry.counter("torture.target", {"n": n % 4})
            self.good.add()
            self.target.record(POISON[n % len(POISON)])
            self.poison.add()
            self.registry.counter("torture.target", None, POISON[n % len(POISON)])
            self.poison.add()

    def rewire(self, until):
        """Add and remove."""
        while until:
            self.rewire_once()
            self.metrics.health()

    def rewire_once(self):
        """Add a collector and a listener, dispatch, and remove them."""
        collector = Passing()
        self.metrics.collect(collector)
        subscription = self.events.add_listener(random.choice([Ping, Rare, object]), Listener(0.5), random.randrange(3))
        self.rare(Rare())
        subscription.cancel()
        self.metrics.remove(collector)


def run(ledger, seconds):
    """Load, then compare the dispatcher's and the registry's accounts with our own."""
    until = Until(seconds)
    chain = Chain()
    use, rewire = functools.partial(chain.use, until), functools.partial(chain.rewire, until)
    with switching_every(SWITCH_INTERVAL), alarm(chain.rewire_once), ledger.noting():
        in_threads(*[use] * THREADS, rewire, beside=rewire)
    compare_deliveries(ledger, chain)
    compare_records(ledger, chain)
    ledger.notes["dispatched"] = chain.pings.value + chain.halts.value


def compare_deliveries(ledger, chain):
    """See the dispatcher's law for each listener that stayed."""
    health = {each.listener.rpartition(".")[2]: each for each in chain.events.health()}
    ledger.expect("listeners at the end", 6, len(chain.events.health()))
    ledger.expect("listening to what nobody hears", False, chain.rare.listening)
    for listener in (*chain.of_pings, chain.last):
        name = type(listener).__name__
        meant = chain.halts if listener is chain.last else chain.pings
        ledger.expect(f"{name}: deliveries", meant.value, health[name].deliveries)
        ledger.expect(f"{name}: handled", listener.handled.value, health[name].handled)
        ledger.expect(f"{name}: failed", listener.failed.value, health[name].failed)
    ledger.expect("kept from the last", chain.stopper.failed.value, health["Last"].stopped)
    ledger.expect("held back at some time", True, health["Hopeless"].quarantined > 0)


def compare_records(ledger, chain):
    """See the registry's law."""
    pings, good, poison = chain.pings.value, chain.good.value, chain.poison.value
    passing = chain.registry.total("torture.passing") + chain.registry.total("torture.rares")
    account = chain.registry.health()
    ledger.expect("pings that were counted", pings, chain.registry.total("torture.pings"))
    ledger.expect("numbers that were observed", pings, chain.registry.get("torture.numbers").count)
    ledger.expect("records applied", good + 2 * pings + passing, account.applied)
    ledger.expect("records refused", poison, account.invalid)
    ledger.expect("records", account.applied + poison, account.records)
