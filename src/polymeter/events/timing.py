"""The vocabulary of timed and counted code: a call, a block, a generator, whatever has a beginning and an end.

One start and exactly one end for each, however it ends::

    TimedStarted
    TimedCompleted(outcome)

A completion repeats what the start said, so a listener needs no memory. ``Counted`` says that something ended without
saying how long it took; ``LongTasksSampled`` says what is running now.

No event carries an argument or a result of what was called, unless the tags that were asked for do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from polymeter.events.event import Event
from polymeter.events.inference import Outcome  # noqa: TC001 - collectors read the types of fields

__all__ = ["Counted", "LongTasksSampled", "TagPairs", "TimedCompleted", "TimedStarted", "TimingEvent"]

TagPairs: TypeAlias = tuple[tuple[str, str | int | float | bool], ...]
"""Tags as an event carries them: pairs of name and value, so that they can be compared and hashed."""


@dataclass(slots=True, kw_only=True)
class TimingEvent(Event):
    """What every event of this vocabulary says.

    :ivar name: what is timed or counted: the name of its metric.
    :ivar tags: its dimensions that are known at the start.
    """

    name: str
    tags: TagPairs = ()


@dataclass(slots=True, kw_only=True)
class TimedStarted(TimingEvent):
    """Something that is timed began. It is only made if somebody listens to it."""


@dataclass(slots=True, kw_only=True)
class TimedCompleted(TimingEvent):
    """Something that is timed ended; ``at`` is its end.

    :ivar outcome: ``ok``; ``error``: an exception left it; ``cancelled``: a cancellation, or another exception that is
        no ``Exception``, did; ``abandoned``: whoever used it closed or dropped it before its end.
    :ivar duration_ms: milliseconds since it began.
    :ivar error_type: of an error: name of the exception's class.
    :ivar is_start_told: whether its start was dispatched too: then it counted as active until now.
    """

    outcome: Outcome
    duration_ms: float
    error_type: str | None = None
    is_start_told: bool = False


@dataclass(slots=True, kw_only=True)
class Counted(TimingEvent):
    """Something that is counted ended; ``at`` is its end.

    :ivar outcome: how, in the words of :class:`TimedCompleted`.
    :ivar error_type: of an error: name of the exception's class.
    """

    outcome: Outcome
    error_type: str | None = None


@dataclass(slots=True, kw_only=True)
class LongTasksSampled(TimingEvent):
    """What runs now under one name and one set of tags. All zero once, when the last one has ended.

    :ivar active: how many run.
    :ivar longest_ms: milliseconds since the oldest of them began.
    :ivar total_ms: milliseconds since they began, added up.
    """

    active: int
    longest_ms: float
    total_ms: float
