"""EventDispatcher: passes each event to those who listen to its class."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.events.event import StoppableEvent
from polymeter.events.listener import ListenerEntry, ListenerHealth, Losses, checked_listener, name_of
from polymeter.forking import after_fork
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import Listener

__all__ = ["Emitter", "EventDispatcher"]

EventT = TypeVar("EventT")

_Entries: TypeAlias = tuple[ListenerEntry, ...]

_MOST: Final = 4096  # classes and listeners made on the fly must not fill the memory
_OTHERS: Final = ("__other__", "__other__")

_in_order = attrgetter("rank")


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

    There is no lock in here: a signal handler, a finaliser or a forked child may meet any of it half done. What is true
    stands in ``_registered`` alone, changed by single calls into C. All else is worked out from it, by whoever changes
    it or needs it first, and worked out again if it has changed meanwhile.
    """

    def __init__(self, *, on_error: Literal["isolate", "raise"] = "isolate", clock: Clock = SYSTEM_CLOCK) -> None:
        """:param on_error: ``raise`` passes a listener's exception on to whoever dispatched (for tests)."""
        self.on_error = on_error
        self.clock = clock
        self._registered: list[ListenerEntry] = []  # in the order of adding
        # Replaced at every change. Whoever works a plan out takes the plans first, so none of them is ever outdated.
        self._plans: dict[type, tuple[_Entries, bool]] = {}
        self._emitters: dict[type, Emitter[Any]] = {}
        self._losses: dict[tuple[str, str], Losses] = {}
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
        losses = self._losses_of((name_of(listener), event_type.__qualname__))
        entry = ListenerEntry(event_type, listener, priority, self.clock, losses)
        subscription = Subscription(lambda: self._remove(entry))
        try:
            self._registered.append(entry)
            self._plans = {}
            self._tell_emitters()
        except BaseException:  # of a signal handler, or of the class when asked what derives from it
            self._remove(entry)  # nobody else could
            raise
        return subscription

    def emitter(self, event_type: type[EventT]) -> Emitter[EventT]:
        """Give the emitter of ``event_type``; the same one each time."""
        emitter = self._emitters.get(event_type)
        if emitter is None:
            made = Emitter(event_type, self.dispatch, listening=bool(self._plan(event_type)[0]))
            emitter = self._emitters.setdefault(event_type, made)  # one of several threads wins, or a finaliser
            self._tell(emitter)  # listeners that came meanwhile
        return emitter

    def health(self) -> list[ListenerHealth]:
        """Give what became of the deliveries to each listener, in the order in which they are called."""
        return [entry.health() for entry in sorted(self._registered, key=_in_order)]

    def losses(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Give, by listener and event, how often it failed and was held back; of removed listeners too."""
        counts = {key: (each.failed.value, each.held_back.value) for key, each in self._losses.copy().items()}
        return {key: lost for key, lost in counts.items() if any(lost)}

    def _losses_of(self, key: tuple[str, str]) -> Losses:
        if len(self._losses) >= _MOST and key not in self._losses:
            key = _OTHERS
        return self._losses.setdefault(key, Losses())

    def _remove(self, entry: ListenerEntry) -> None:
        try:
            self._registered.remove(entry)
        except ValueError:  # a signal handler came before it was added
            return
        finally:
            self._plans = {}
        self._tell_emitters()

    def _tell_emitters(self) -> None:
        for emitter in list(self._emitters.values()):
            self._tell(emitter)

    def _tell(self, emitter: Emitter[Any]) -> None:
        """Bring ``listening`` up to date, also if listeners change meanwhile, here or on another thread."""
        while True:
            plans = self._plans
            listening = bool(self._plan(emitter.event_type)[0])
            # Nothing is called between the test and the change, so that no other thread comes in between: a listener
            # that was added meanwhile must not be told away, not even for a moment.
            if plans is self._plans:
                emitter.listening = listening
                return

    def _plan(self, event_type: type) -> tuple[_Entries, bool]:
        plans = self._plans
        in_order = sorted(self._registered, key=_in_order)  # stable: among equals the first one added comes first
        entries = tuple(entry for entry in in_order if issubclass(event_type, entry.event_type))
        plan = (entries, issubclass(event_type, StoppableEvent))
        if len(plans) < _MOST:
            plans[event_type] = plan
        return plan

    def after_fork_in_child(self) -> None:
        """Count from zero: what the parent's listeners did is the parent's to report."""
        for losses in list(self._losses.values()):
            losses.start_anew()
        for entry in list(self._registered):
            entry.start_anew()
