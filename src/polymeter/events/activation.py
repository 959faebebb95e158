"""Which dispatcher is current: for libraries that must not depend on anybody's wiring."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from polymeter.errors import NotActiveError
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Generator

    from polymeter.contracts import CanDispatchEvents, CanEmit, Listener

__all__ = ["NULL_DISPATCHER", "NullDispatcher", "activate", "active", "current", "emitter"]

EventT = TypeVar("EventT")


class _NullEmitter:
    """Nobody listens here, ever."""

    __slots__ = ()

    @property
    def listening(self) -> bool:
        return False

    def __call__(self, event: object, /) -> None: ...


class NullDispatcher:
    """What is current where nobody collects: takes events and forgets them."""

    __slots__ = ()

    def dispatch(self, event: EventT, /) -> EventT:
        """Give ``event`` back."""
        return event

    def add_listener(self, event_type: type[EventT], listener: Listener[EventT], priority: int = 0) -> Subscription:
        """Refuse: a listener added here would never hear anything.

        :raises NotActiveError: always.
        """
        del listener, priority
        message = (
            f"no dispatcher is active here, so nobody would ever hear {event_type.__qualname__}: "
            "use `with metrics.active():`, metrics.activate(), or pass a dispatcher"
        )
        raise NotActiveError(message)

    def emitter(self, event_type: type[EventT]) -> CanEmit[EventT]:
        """Give an emitter that nobody listens to."""
        del event_type
        return _NULL_EMITTER


_NULL_EMITTER: Final = _NullEmitter()
NULL_DISPATCHER: Final = NullDispatcher()

_in_context: Final[ContextVar[CanDispatchEvents | None]] = ContextVar("polymeter_dispatcher", default=None)


class _Activation:
    """One call of ``activate``: one dispatcher may be activated several times."""

    __slots__ = ("events",)

    def __init__(self, events: CanDispatchEvents) -> None:
        self.events = events


_of_process: list[_Activation] = [_Activation(NULL_DISPATCHER)]


def current() -> CanDispatchEvents:
    """Give the dispatcher of this context, else that of the process, else one that does nothing."""
    events = _in_context.get()
    return _of_process[-1].events if events is None else events


@contextmanager
def active(events: CanDispatchEvents) -> Generator[CanDispatchEvents]:
    """Make ``events`` current in this context (this task, or this thread) for the block."""
    token = _in_context.set(events)
    try:
        yield events
    finally:
        _in_context.reset(token)


def activate(events: CanDispatchEvents) -> Subscription:
    """Make ``events`` current for the process wherever no context says otherwise; the last one activated wins."""
    activation = _Activation(events)
    _of_process.append(activation)
    return Subscription(lambda: _of_process.remove(activation))


class _CurrentEmitter(Generic[EventT]):
    """The emitter of whatever dispatcher is current when it is asked."""

    __slots__ = ("_event_type",)

    def __init__(self, event_type: type[EventT]) -> None:
        self._event_type = event_type

    @property
    def listening(self) -> bool:
        """Whether anybody would hear an event of exactly this class, here and now."""
        return current().emitter(self._event_type).listening

    def __call__(self, event: EventT, /) -> None:
        """Dispatch ``event`` to the current dispatcher."""
        current().dispatch(event)


def emitter(event_type: type[EventT]) -> CanEmit[EventT]:
    """Give an emitter for module level: it follows the current dispatcher at the price of a context look-up."""
    return _CurrentEmitter[Any](event_type)
