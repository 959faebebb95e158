"""Room 1, what happened: typed facts and the dispatcher that passes them on.

An event says what is true and nothing about who wants to know. Domain vocabularies are modules of their own
(``polymeter.events.inference``).
"""

from __future__ import annotations

from polymeter.events.activation import NullDispatcher, activate, active, current, emitter
from polymeter.events.dispatcher import Emitter, EventDispatcher
from polymeter.events.event import Event, StoppableEvent
from polymeter.events.listener import ListenerHealth

__all__ = [
    "Emitter",
    "Event",
    "EventDispatcher",
    "ListenerHealth",
    "NullDispatcher",
    "StoppableEvent",
    "activate",
    "active",
    "current",
    "emitter",
]
