"""How many events were meant for each listener, counted where they are dispatched."""

from __future__ import annotations

import functools
from collections import defaultdict
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from polymeter.subscription import Subscription
from polymeter.testing.conservation.patches import caller, code_of
from polymeter.testing.conservation.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from polymeter.events.listener import ListenerHealth
    from polymeter.testing.conservation.patches import Method, Patches

__all__ = ["DeliveryCounts"]

_MOST_KEPT: Final = 500


class DeliveryCounts:
    """The deliveries of every dispatcher that is made while this counts."""

    def __init__(self, patches: Patches, classes: Iterable[type]) -> None:
        """Begin to count for dispatchers of ``classes``."""
        self._watched: dict[int, _Watched] = {}
        self._broken: list[str] = []
        # The code of each `dispatch`, and of those that override it: what these pass on is the same event.
        self._overriding: defaultdict[CodeType, set[CodeType]] = defaultdict(set)
        for each in classes:
            methods = [vars(base).get("dispatch") for base in each.__mro__]
            codes = [code_of(method) for method in methods if isinstance(method, FunctionType)]
            for place, code in enumerate(codes):
                self._overriding[code].update(codes[:place])
            patches.wrap(each, "__init__", self._around_init)
            patches.wrap(each, "add_listener", self._around_add_listener)
            patches.wrap(each, "dispatch", self._around_dispatch)

    def complaints(self) -> list[str]:
        """Give a sentence for each listener whose deliveries do not add up."""
        return [*self._broken, *(each for watched in list(self._watched.values()) for each in watched.complaints())]

    def _around_init(self, original: Method) -> Method:
        @functools.wraps(original)
        def init(dispatcher: Any, *args: Any, **kwargs: Any) -> None:
            original(dispatcher, *args, **kwargs)
            self._watched[id(dispatcher)] = _Watched(dispatcher)
            if len(self._watched) > _MOST_KEPT:  # the first one is hardly used any more
                first = self._watched.pop(next(iter(self._watched)))
                self._broken += first.complaints()
                first.is_over = True

        return init

    def _around_add_listener(self, original: Method) -> Method:
        @functools.wraps(original)
        def add_listener(
            dispatcher: Any, event_type: type, listener: object, *args: Any, **kwargs: Any
        ) -> Subscription:
            watched = self._watched.get(id(dispatcher))
            if watched is None:
                subscription: Subscription = original(dispatcher, event_type, listener, *args, **kwargs)
                return subscription
            registered = _Registered(event_type, listener)
            with watched.changing(registered):
                subscription = original(dispatcher, event_type, listener, *args, **kwargs)
                registered.is_certain = True
            return Subscription(functools.partial(self._cancel, watched, registered, subscription))

        return add_listener

    def _cancel(self, watched: _Watched, registered: _Registered, subscription: Subscription) -> None:
        self._broken += watched.complaints()  # afterwards nobody tells
        registered.is_certain = False
        with watched.changing(registered):
            subscription.cancel()

    def _around_dispatch(self, original: Method) -> Method:
        overriding = self._overriding[code_of(original)]

        @functools.wraps(original)
        def dispatch(dispatcher: Any, event: Any) -> Any:
            watched = self._watched.get(id(dispatcher))
            if watched is None or caller().f_code in overriding:
                return original(dispatcher, event)
            on_its_way = _OnItsWay(event.__class__)
            watched.on_their_way[id(on_its_way)] = on_its_way  # before looking who is there: see `changing`
            try:
                certain = on_its_way.meant_for(watched.registered.values())
                given_back = original(dispatcher, event)
            finally:
                watched.on_their_way.pop(id(on_its_way), None)
            for each in certain:
                if each.is_certain:
                    each.tally.end()
            return given_back

        return dispatch


class _Registered:
    """A listener.

    :ivar is_certain: whether an event that is dispatched now goes to it; not while it comes or goes.
    """

    __slots__ = ("event", "event_type", "is_certain", "listener", "tally")

    def __init__(self, event_type: type, listener: object) -> None:
        self.event_type = event_type
        self.event = getattr(event_type, "__qualname__", repr(event_type))
        self.listener = _name_of(listener)
        self.is_certain = False
        self.tally = Tally()


class _OnItsWay:
    """An event that is being dispatched."""

    __slots__ = ("_event_type",)

    def __init__(self, event_type: type) -> None:
        self._event_type = event_type

    def meant_for(self, registered: Iterable[_Registered]) -> list[_Registered]:
        """Count a delivery that begins for each of ``registered`` who listens; give those who certainly get it."""
        certain: list[_Registered] = []
        for each in list(registered):
            if _is_a(self._event_type, each.event_type):
                each.tally.begin()
                if each.is_certain:
                    certain.append(each)
        return certain


class _Watched:
    """One dispatcher, with who listens to it and what is on its way there.

    :ivar is_over: whether nothing is counted for it any more.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self.registered: dict[int, _Registered] = {}
        self.on_their_way: dict[int, _OnItsWay] = {}
        self.is_over = False
        self._changes = Tally()

    def changing(self, registered: _Registered) -> _Changing:
        """Give the block in which ``registered`` comes or goes."""
        return _Changing(self, registered, self._changes)

    def complaints(self) -> list[str]:
        """Give a sentence for each listener whose deliveries do not add up; none while listeners come or go."""
        ask = getattr(self._dispatcher, "health", None)
        changes = self._changes.most()  # read first: one that begins later is seen below
        if ask is None or self.is_over or self._changes.least() != changes:
            return []
        counted = list(self.registered.values())
        least = _summed((each.event, each.listener, each.tally.least()) for each in counted)
        health: list[ListenerHealth] = ask()
        most = _summed((each.event, each.listener, each.tally.most()) for each in counted)
        if self._changes.most() != changes:
            return []
        said: defaultdict[tuple[str, str], list[ListenerHealth]] = defaultdict(list)
        for each in health:
            said[each.event, each.listener].append(each)
        name = type(self._dispatcher).__qualname__
        complaints: list[str] = []
        for key in {**said, **most}:
            accounted = sum(map(_accounted, said[key]))
            if not least[key] <= accounted <= most[key]:
                event, listener = key
                meant = most[key] if least[key] == most[key] else f"{least[key]} to {most[key]}"
                complaints.append(
                    f"{name}: {listener} on {event} was meant to hear {meant} events, but {_figures(said[key])}"
                )
        return complaints


class _Changing:
    """A listener comes or goes. Events that are on their way meanwhile may go to it, or not.

    Each side first says that it is there and then looks for the other: whichever is first, one of them sees it.
    """

    __slots__ = ("_changes", "_registered", "_watched")

    def __init__(self, watched: _Watched, registered: _Registered, changes: Tally) -> None:
        self._watched = watched
        self._registered = registered
        self._changes = changes

    def __enter__(self) -> None:
        self._changes.begin()
        self._watched.registered[id(self._registered)] = self._registered
        for event in list(self._watched.on_their_way.values()):
            event.meant_for([self._registered])

    def __exit__(self, *_: object) -> None:
        if not self._registered.is_certain:  # it has gone, or was refused
            self._watched.registered.pop(id(self._registered), None)
        self._changes.end()


def _is_a(event_type: type, listened_to: type) -> bool:
    try:
        return issubclass(event_type, listened_to)
    except RecursionError:  # the event that is as deep as this one goes nowhere
        raise
    except Exception:  # noqa: BLE001 - what is no class that can be listened to: about to be refused
        return False


def _summed(counts: Iterable[tuple[str, str, int]]) -> defaultdict[tuple[str, str], int]:
    """Add up by event and listener: there may be several of the same name."""
    summed: defaultdict[tuple[str, str], int] = defaultdict(int)
    for event, listener, count in counts:
        summed[event, listener] += count
    return summed


def _accounted(health: ListenerHealth) -> int:
    return health.handled + health.failed + health.quarantined + health.stopped


def _figures(of: list[ListenerHealth]) -> str:
    if not of:
        return "health() does not know it"
    parts = ("handled", "failed", "quarantined", "stopped")
    figures = " + ".join(f"{part} {sum(getattr(each, part) for each in of)}" for part in parts)
    return f"{figures} = {sum(map(_accounted, of))}"


def _name_of(listener: object) -> str:
    """Give the qualified name of a callable, as ``health()`` does."""
    if isinstance(listener, functools.partial):
        return _name_of(listener.func)
    owner = getattr(listener, "__module__", None) or type(listener).__module__
    return f"{owner}.{getattr(listener, '__qualname__', type(listener).__qualname__)}"
