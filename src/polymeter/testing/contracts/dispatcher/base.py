"""What the parts of the dispatcher's contract share: the fixtures, the abilities, and events to dispatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from polymeter.events.event import Event, StoppableEvent
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.abilities import leave_out_what_does_not_apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanDispatchEvents

__all__ = ["Closed", "DispatcherTests", "Happened", "HappenedAgain", "Other", "Refusable", "Refused", "saying"]

WordT = TypeVar("WordT")


@dataclass(slots=True, kw_only=True)
class Happened(Event):
    """An event."""

    number: int = 0


@dataclass(slots=True, kw_only=True)
class HappenedAgain(Happened):
    """One that derives from it."""


@dataclass(slots=True, kw_only=True)
class Other(Event):
    """One that does not."""


@dataclass(slots=True, kw_only=True)
class Refusable(StoppableEvent):
    """One that can be stopped."""

    number: int = 0


@dataclass(slots=True, kw_only=True)
class Refused(Refusable):
    """One that derives from it."""


class Closed:
    """An event that is no ``Event``: any class can be one."""


def saying(word: WordT, heard: list[WordT]) -> Callable[[object], None]:
    """Give a listener that adds ``word`` to ``heard``, whatever the event."""

    def say(_: object) -> None:
        heard.append(word)

    return say


class DispatcherTests:
    """The fixtures of a dispatcher's tests, and what it declares.

    :cvar hears_nobody: it has no listeners and never will, like what is current where nobody collects.
    :cvar isolates: a listener's ``Exception`` stays there. If not, it reaches whoever dispatched.
    :cvar counts_deliveries: ``health()`` gives a :class:`~polymeter.events.ListenerHealth`, or the like, per listener.
    :cvar holds_back: a listener that fails again and again is left alone for a time, then tried with one event.
    """

    hears_nobody: ClassVar[bool] = False
    isolates: ClassVar[bool] = True
    counts_deliveries: ClassVar[bool] = True
    holds_back: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.make_dispatcher is not DispatcherTests.make_dispatcher:
            leave_out_what_does_not_apply(cls)

    def make_dispatcher(self, clock: ManualClock) -> CanDispatchEvents:
        """Give a new dispatcher without listeners, that takes its time from ``clock`` if it needs any."""
        del clock
        message = f"{type(self).__name__}: override make_dispatcher(clock) to say how one is made"
        raise NotImplementedError(message)

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock that the dispatcher has to use."""
        return ManualClock()

    @pytest.fixture
    def dispatcher(self, clock: ManualClock) -> CanDispatchEvents:
        """Give a new dispatcher."""
        return self.make_dispatcher(clock)
