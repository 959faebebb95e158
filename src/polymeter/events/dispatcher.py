"""EventDispatcher: passes each event to those who listen to its class."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.events.event import StoppableEvent
from polymeter.events.listener import ListenerEntry, ListenerHealth, checked_listener
from polymeter.forking import after_fork
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import Listener

__all__ = ["Emitter", "EventDispatcher"]

EventT = TypeVar("EventT")

_Entries: TypeAlias = tuple[ListenerEntry, ...]

_MOST_PLANS = 4096  # classes made on the fly must not fill the memory


class Emitter(Generic[EventT]):
    """One event class of one dispatcher.

    :ivar listening: whether anybody would hear an event of exactly this class; kept up to date by the dispatcher.
    """

    __slots__ = ("__weakref__", "_dispatch", "event_type", "listening")

    def __init__(self, event_type: type[EventT], dispatch: Callable[[Any], object], *, listening: bool) -> None:
        self.event_type = event_type
        self.listening = listening
        self._dispatch = dispatch

    def __call__(self, event: EventT, /) -> None:
        """Dispatch ``event``."""
        self._dispatch(event)


class EventDispatcher:
    """Passes events to listeners, in the thread that dispatches.

    Listeners are found by class, base classes included (``object`` hears everything), highest priority first, then
    in the order in which they were added. Listeners may be added and removed at any time and from any thread, also
    while an event is on its way: that event still goes to those who were there when it was dispatched.

    An ``Exception`` in a listener stays there: it is counted, logged once a minute, and after five in a row the
    listener is held back for a while (1 s, doubling up to 60 s) and then tried again with one event.
    ``BaseException`` (``KeyboardInterrupt``, ``CancelledError``) always propagates.
    """

    def __init__(self, *, on_error: Literal["isolate", "raise"] = "isolate", clock: Clock = SYSTEM_CLOCK) -> None:
        """:param on_error: ``raise`` passes a listener's exception on to whoever dispatched (for tests)."""
        self.on_error = on_error
        self.clock = clock
        self._lock = threading.RLock()
        # Swapped as wholes, entries first: a reader that takes the plans first never keeps an outdated plan.
        self._entries: _Entries = ()
        self._plans: dict[type, tuple[_Entries, bool]] = {}
        self._emitters: dict[type, Emitter[Any]] = {}
        self._past_losses: dict[tuple[str, str], tuple[int, int]] = {}
        after_fork(self)

    def dispatch(self, event: EventT, /) -> EventT:
        """Pass ``event`` to every listener of its class and base classes, and give it back."""
        try:
            entries, stoppable = self._plans[event.__class__]
        except KeyError:
            entries, stoppable = self._plan(event.__class__)
        if stoppable:
            return self._dispatch_stoppable(event, entries)
        for entry in entries:
            try:
                entry.call(event)
            except BaseException as error:  # noqa: BLE001 - sorted out there
                self._failed(entry, error)
            else:
                entry.count_handled()
        return event

    def _dispatch_stoppable(self, event: EventT, entries: _Entries) -> EventT:
        for entry in entries:
            if event.is_propagation_stopped:  # type: ignore[attr-defined]  # the plan says that it is stoppable
                entry.stopped.add()
                continue
            try:
                entry.call(event)
            except BaseException as error:  # noqa: BLE001 - sorted out there
                self._failed(entry, error)
            else:
                entry.count_handled()
        return event

    def _failed(self, entry: ListenerEntry, error: BaseException) -> None:
        # Who wants to see every exception wants to see the sixth too.
        entry.failed_with(error, hold_back=self.on_error != "raise")
        if not isinstance(error, Exception) or (self.on_error == "raise" and not entry.is_held_back(error)):
            raise error

    def add_listener(self, event_type: type[EventT], listener: Listener[EventT], priority: int = 0) -> Subscription:
        """Call ``listener`` with each event of ``event_type`` or a class derived from it.

        :param priority: higher is called earlier; equals in the order of adding.
        :raises ListenerError: if it cannot be called with one event, or is asynchronous.
        """
        checked_listener(listener, event_type)
        entry = ListenerEntry(event_type, listener, priority, self.clock)
        # Stable: among equals the new one goes last.
        self._change(lambda entries: tuple(sorted((*entries, entry), key=lambda each: -each.priority)))
        return Subscription(lambda: self._remove(entry))

    def emitter(self, event_type: type[EventT]) -> Emitter[EventT]:
        """Give the emitter of ``event_type``; the same one each time."""
        emitter = self._emitters.get(event_type)
        if emitter is not None:  # the way of `polymeter.events.emitter`, once per event: no lock
            return emitter
        with self._lock:
            emitter = self._emitters.get(event_type)
            if emitter is None:
                listening = bool(self._plan(event_type)[0])
                emitter = self._emitters[event_type] = Emitter(event_type, self.dispatch, listening=listening)
            return emitter

    def health(self) -> list[ListenerHealth]:
        """Give what became of the deliveries to each listener."""
        return [entry.health() for entry in self._entries]

    def losses(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Give, by listener and event, how often it failed and was held back; of removed listeners too."""
        losses = dict(self._past_losses)
        for entry in self._entries:
            _add_losses(losses, entry.health())
        return losses

    def _remove(self, entry: ListenerEntry) -> None:
        health = entry.health()
        if len(self._past_losses) < _MOST_PLANS and entry in self._entries:
            _add_losses(self._past_losses, health)
        self._change(lambda entries: tuple(each for each in entries if each is not entry))

    def _change(self, changed: Callable[[_Entries], _Entries]) -> None:
        # The lock keeps other threads out, but lets in a finaliser or a signal handler of this one. What that has
        # changed meanwhile must not be lost: then all of it is done again.
        with self._lock:
            while True:
                before = self._entries
                after = changed(before)
                if self._entries is before:
                    break
            self._entries = after
            self._plans = {}
            self._tell_emitters()

    def _tell_emitters(self) -> None:
        told = None
        while told is not self._entries:
            told = self._entries
            for emitter in list(self._emitters.values()):
                emitter.listening = bool(self._plan(emitter.event_type)[0])

    def _plan(self, event_type: type) -> tuple[_Entries, bool]:
        plans = self._plans
        entries = tuple(entry for entry in self._entries if issubclass(event_type, entry.event_type))
        plan = (entries, issubclass(event_type, StoppableEvent))
        if len(plans) < _MOST_PLANS:
            plans[event_type] = plan
        return plan

    def after_fork_in_child(self) -> None:
        """Replace the lock, which another thread of the parent may have held, and count from zero."""
        self._lock = threading.RLock()
        self._past_losses = {}
        for entry in self._entries:
            entry.start_anew()


def _add_losses(losses: dict[tuple[str, str], tuple[int, int]], health: ListenerHealth) -> None:
    if health.failed or health.quarantined:
        failed, held_back = losses.get((health.listener, health.event), (0, 0))
        losses[health.listener, health.event] = (failed + health.failed, held_back + health.quarantined)
