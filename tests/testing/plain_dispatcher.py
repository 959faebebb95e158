"""A dispatcher of somebody else's make: the shortest that keeps the contract."""

from __future__ import annotations

import itertools
from contextlib import suppress

from polymeter import Subscription
from polymeter.events import StoppableEvent
from polymeter.events.listener import checked_listener


class PlainEmitter:
    def __init__(self, dispatcher, event_type):
        self._dispatcher, self._event_type = dispatcher, event_type

    @property
    def listening(self):
        return any(issubclass(self._event_type, event_type) for event_type, _ in self._dispatcher.in_order())

    def __call__(self, event):
        self._dispatcher.dispatch(event)


class PlainDispatcher:
    """It neither counts nor holds back, and finds out for each event who hears it."""

    def __init__(self):
        self._numbers = itertools.count()
        self._listeners = {}  # changed by single calls into C: no lock, for nobody to meet again
        self._emitters = {}

    def in_order(self):
        """Give event class and listener, as they are called."""
        return [each for _, each in sorted(self._listeners.copy().items(), key=lambda item: item[0])]

    def dispatch(self, event):
        for event_type, listener in self.in_order():
            if isinstance(event, StoppableEvent) and event.is_propagation_stopped:
                break
            if isinstance(event, event_type):
                self.call(listener, event)
        return event

    def call(self, listener, event):
        with suppress(Exception):
            listener(event)

    def add_listener(self, event_type, listener, priority=0):
        checked_listener(listener, event_type)
        place = (-priority, next(self._numbers))
        self._listeners[place] = (event_type, listener)
        return Subscription(lambda: self._listeners.pop(place))

    def emitter(self, event_type):
        return self._emitters.setdefault(event_type, PlainEmitter(self, event_type))
