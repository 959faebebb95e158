"""Timeline: what the picture of a stopwatch shows, before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.timing.stopwatch.event import CHILD
from polymeter.timing.stopwatch.section import OWN, ROOT

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.event import StopwatchEvent
    from polymeter.timing.stopwatch.period import StopwatchPeriod
    from polymeter.timing.stopwatch.section import StopwatchSection

__all__ = ["Bar", "Group", "Line", "Timeline", "timeline_of"]

_MOST_LANES: Final = 12


class Bar(NamedTuple):
    """A period, in milliseconds since the beginning of the picture; not rounded."""

    began: float
    ended: float
    period: StopwatchPeriod
    is_running: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An event.

    :ivar lanes: its bars, so that those of one lane do not overlap; more than twelve at once share the last one.
    :ivar total: milliseconds, all periods added up.
    """

    event: StopwatchEvent
    lanes: list[list[Bar]]
    total: float


@dataclass(frozen=True, slots=True)
class Group:
    """A section.

    :ivar own: how long it was open.
    """

    name: str
    depth: int
    own: Line | None
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture.

    :ivar span: milliseconds from its left end to its right; above 0.
    :ivar categories: in the order in which they came.
    :ivar dropped: periods that are no longer kept.
    """

    groups: list[Group]
    span: float
    categories: list[str]
    dropped: int


def timeline_of(shown: list[StopwatchSection]) -> Timeline:
    """Give what there is to draw."""
    sections = [section for section in shown if section.has_begun]
    left = min([section.monotonic_origin for section in sections], default=0.0)
    groups = [group for group in (_group(section, left) for section in sections) if group.lines or group.own]
    lines = [line for group in groups for line in group.lines]
    bars = [
        bar for group in groups for line in [*group.lines, group.own] if line for lane in line.lanes for bar in lane
    ]
    return Timeline(
        groups,
        max([bar.ended for bar in bars], default=0.0) or 1.0,
        list(dict.fromkeys(line.event.category for line in lines)),
        sum(line.event.dropped for line in lines),
    )


def _group(section: StopwatchSection, left: float) -> Group:
    offset = (section.monotonic_origin - left) * 1000.0
    events = section.events
    own = events.pop(OWN, None)
    events.pop(CHILD, None)
    path = section.path
    return Group(
        path[-1] if path else ROOT,
        len(path),
        None if own is None else _line(own, offset),
        [_line(event, offset) for event in events.values()],
    )


def _line(event: StopwatchEvent, offset: float) -> Line:
    ended, running = event.periods, event.running_periods()
    bars = [Bar(offset + each.began, offset + each.ended, each, is_running=False) for each in ended]
    bars += [Bar(offset + each.began, offset + each.ended, each, is_running=True) for each in running]
    return Line(event, _lanes(sorted(bars, key=lambda bar: (bar.began, -bar.ended))), event.duration)


def _lanes(bars: list[Bar]) -> list[list[Bar]]:
    lanes: list[list[Bar]] = []
    for bar in bars:
        free = next((lane for lane in lanes if lane[-1].ended <= bar.began), None)
        if free is None and len(lanes) >= _MOST_LANES:
            free = lanes[-1]
        if free is None:
            lanes.append([bar])
        else:
            free.append(bar)
    return lanes
