"""timed: how long code takes, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, overload

from polymeter.events.activation import current
from polymeter.events.event import current_unit_of_work
from polymeter.events.timing import TimedCompleted
from polymeter.timing.following import PLAIN, follow
from polymeter.timing.instrument import Instrument
from polymeter.timing.runs import PROCESS, TimedRun
from polymeter.timing.wrapping import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.timing.naming import TagsOrCallable

__all__ = ["Timing", "timed"]

AnyT = TypeVar("AnyT")

_make: Final = object.__new__


class Timing(Instrument):
    """What :func:`timed` gives when it is told something: a decorator and a context manager.

    :param long_task: whether :class:`~polymeter.timing.LongTasks` tells what runs of it.
    """

    word: ClassVar[str] = "timed"

    def __init__(
        self,
        name: str | None = None,
        *,
        tags: TagsOrCallable | None = None,
        events: CanDispatchEvents | None = None,
        clock: Clock | None = None,
        long_task: bool = False,
    ) -> None:
        super().__init__(name, tags=tags, events=events, clock=clock)
        self._is_long = long_task

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> TimedRun | None:
        """Begin a run for a call with these arguments; ``None`` if nobody wants to know. Never raises."""
        target = self.target()
        if not (target.completed.listening or target.started.listening or self._is_long):
            return None
        return TimedRun(target, self.name or "", self.tags_of(args, kwargs), is_long=self._is_long)

    def around(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Give a plain function around ``function``: what is known by now is not looked up at each call."""
        thorough = plain(self, function)
        if self._is_long or self._tags_of is not None:
            return thorough
        name, tags, fixed, here, process = self.name or "", self._tags, self._fixed, self._here, PROCESS

        def call(*args: Any, **kwargs: Any) -> Any:
            if fixed is None:  # as here.find(), written out
                events, target = current(), here.target
                if target.events is not events:
                    target = here.take(events)
            else:
                target = fixed
            if target.started.listening:
                return thorough(*args, **kwargs)
            if not target.completed.listening:
                return function(*args, **kwargs)
            token = process.token
            unit_of_work = current_unit_of_work()
            began = target.monotonic()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                TimedRun(target, name, tags, began=began, token=token).failed(error)
                raise
            duration_ms = (target.monotonic() - began) * 1000.0
            if type(result) not in PLAIN:
                return follow(result, TimedRun(target, name, tags, began=began, token=token))
            if token is process.token:  # else this is a copy in a forked child
                # As calling the class would, in a quarter of the time.
                event = _make(TimedCompleted)
                event.at = target.wall()
                event.unit_of_work = unit_of_work
                event.name = name
                event.tags = tags
                event.outcome = "ok"
                event.duration_ms = duration_ms
                event.error_type = None
                event.is_start_told = False
                target.dispatch(event)
            return result

        return call


@overload
def timed(
    name: str | None = None,
    /,
    *,
    tags: TagsOrCallable | None = None,
    events: CanDispatchEvents | None = None,
    clock: Clock | None = None,
    long_task: bool = False,
) -> Timing: ...
@overload
def timed(function: AnyT, /) -> AnyT: ...
def timed(
    what: Any = None,
    /,
    *,
    tags: TagsOrCallable | None = None,
    events: CanDispatchEvents | None = None,
    clock: Clock | None = None,
    long_task: bool = False,
) -> Any:
    """Time what is decorated, or a block, and tell how it ends.

    ::

        @timed                                        # called after the function: shop.orders.place
        def place(order): ...

        @timed("orders.place_ms", tags={"shop": "north"})
        async def place(order): ...

        with timed("orders.pack_ms"):
            ...

    Each run dispatches one :class:`~polymeter.events.timing.TimedCompleted`, of which a
    :class:`~polymeter.collectors.TimingMetricsCollector` makes metrics; where nobody listens nothing is made. Timed is
    what the callable really does: a coroutine until it is done, a generator from its first ``next`` to its end, a
    context manager by its block, a class by its methods or its blocks, a function that gives back one of these until
    that is done.

    :param what: the name, or what is decorated. A name that ends in ``_ms`` or ``_seconds`` says its unit; one without
        such an end is in milliseconds.
    :param tags: a mapping, or a callable that takes the arguments of each call and gives one.
    :param events: who is told; ``None``: the dispatcher that is current when a run begins.
    :param clock: ``None``: that of the dispatcher.
    :param long_task: whether :class:`~polymeter.timing.LongTasks` tells what runs of it.
    :raises DefinitionError: for what cannot be timed, and for names and tags that cannot work.
    """
    name = what if what is None or isinstance(what, str) else None
    timing = Timing(name, tags=tags, events=events, clock=clock, long_task=long_task)
    return timing if what is name else timing(what)
