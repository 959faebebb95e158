"""deliveries = handled + failed + quarantined + stopped, against a truth of the test's own."""

from __future__ import annotations

from dataclasses import dataclass

from polymeter.counting import AtomicCount
from polymeter.events import Event, EventDispatcher, StoppableEvent
from polymeter.testing.contracts.registry.together import together

THREADS, EVENTS = 8, 1500


@dataclass(slots=True, kw_only=True)
class Plain(Event):
    number: int


@dataclass(slots=True, kw_only=True)
class Stoppable(StoppableEvent):
    number: int


class Truth:
    """A listener that keeps its own count of what it did."""

    def __init__(self, fails=lambda event: False, stops=lambda event: False):
        self.fails, self.stops = fails, stops
        self.returned, self.raised = AtomicCount(), AtomicCount()

    def __call__(self, event):
        if self.fails(event):
            self.raised.add()
            raise ValueError
        if self.stops(event):
            event.stop_propagation()
        self.returned.add()


def test_every_delivery_of_every_listener_is_accounted_for(clock):
    """From eight threads, with listeners that fail now and then, always, and stop events."""
    dispatcher = EventDispatcher(clock=clock)
    truths = {
        "steady": (Truth(), object, 9),
        "sometimes": (Truth(fails=lambda event: event.number % 7 == 0), Event, 5),
        "always": (Truth(fails=lambda event: True), Event, 5),
        "stops": (Truth(stops=lambda event: event.number % 3 == 0), StoppableEvent, 1),
        "late": (Truth(), Event, 0),
        "late and failing": (Truth(fails=lambda event: True), Stoppable, 0),
    }
    for truth, event_type, priority in truths.values():
        dispatcher.add_listener(event_type, truth, priority)

    def work(thread):
        for number in range(EVENTS):
            dispatcher.dispatch((Plain, Stoppable)[number % 2](number=number))
            if thread == 0 and number % 100 == 0:
                clock.advance(1.5)

    together(work, THREADS)
    health = dict(zip(truths, dispatcher.health(), strict=True))
    for name, (truth, event_type, _) in truths.items():
        counted = health[name]
        meant = THREADS * EVENTS // (2 if event_type in {Stoppable, StoppableEvent} else 1)
        assert counted.deliveries == meant, name
        assert (counted.handled, counted.failed) == (truth.returned.value, truth.raised.value), name
    stopped = THREADS * sum(number % 2 == 1 and number % 3 == 0 for number in range(EVENTS))
    assert (health["late"].stopped, health["late and failing"].stopped) == (stopped, stopped)
    assert (health["steady"].stopped, health["steady"].quarantined) == (0, 0)
    assert health["always"].quarantined > 0
