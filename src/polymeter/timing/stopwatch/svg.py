"""The timeline as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from polymeter.errors import DefinitionError
from polymeter.timing.stopwatch.axis import label_of, ticks
from polymeter.timing.stopwatch.svg_style import COLOURS, style
from polymeter.timing.stopwatch.svg_text import fitted, width_of
from polymeter.timing.stopwatch.timeline import timeline_of
from polymeter.timing.stopwatch.words import mebibytes, printable

if TYPE_CHECKING:
    from polymeter.timing.stopwatch.section import StopwatchSection
    from polymeter.timing.stopwatch.timeline import Bar, Group, Line, Timeline

__all__ = ["svg"]

_NARROWEST: Final = 480
_MARGIN: Final = 16
_INDENT: Final = 12
_LANE: Final = 12
_ROW: Final = 20
_HEADER: Final = 26
_TOTALS: Final = 78
_WIDEST_NAMES: Final = 0.3
_BAR: Final = 9
_THINNEST: Final = 1.5
_AXIS: Final = 24
_LEGEND: Final = 22
_SCREEN: Final = 700


def svg(sections: list[StopwatchSection], *, width: int = 1000) -> str:
    """Give the picture.

    :param width: in pixels.
    :raises DefinitionError: for a width below 480.
    """
    if not isinstance(width, int) or isinstance(width, bool) or width < _NARROWEST:
        message = f"to_svg: width={width!r}; use an int of {_NARROWEST} or more"
        raise DefinitionError(message)
    return _Drawing(timeline_of(sections), width).text()


class _Drawing:
    """One picture: names at the left, then what each took, then the bars."""

    def __init__(self, timeline: Timeline, width: int) -> None:
        self._timeline = timeline
        self._width = width
        self._colours = _colours_of(timeline.categories)
        names = [(group.depth + 1, line.event.name) for group in timeline.groups for line in group.lines]
        names += [(group.depth, group.name) for group in timeline.groups]
        widest = max([depth * _INDENT + width_of(printable(name)) for depth, name in names], default=0.0)
        self._names = min(max(widest, 80.0), width * _WIDEST_NAMES)
        self._left = _MARGIN + self._names + _TOTALS + 10
        self._scale = (width - _MARGIN - self._left) / timeline.span
        self._behind: list[str] = []
        self._before: list[str] = []
        self._y = float(_MARGIN)
        self._axis_at: list[float] = []
        self._is_striped = False

    def text(self) -> str:
        """Give all of it."""
        self._legend()
        above = self._y
        self._leave_room()
        for group in self._timeline.groups:
            self._group(group)
        if self._timeline.groups:
            below = self._y + 2
            self._leave_room()
            self._axis(above + _AXIS - 6, below)
        else:
            self._say(_MARGIN, self._y, "nothing measured")
        if self._timeline.dropped:
            self._y += 6
            self._say(_MARGIN, self._y, f"{self._timeline.dropped} earlier periods are no longer kept, and not shown")
            self._y += 12
        height = round(self._y + _MARGIN / 2)
        return "\n".join(
            [
                (
                    f'<svg xmlns="http://www.w3.org/2000/svg" class="pm-sw" width="{self._width}" height="{height}" '
                    f'viewBox="0 0 {self._width} {height}" role="img" aria-label="Timeline of a stopwatch">'
                ),
                f"<style>{style()}</style>",
                f'<rect class="bg" width="{self._width}" height="{height}"/>',
                *self._behind,
                *self._before,
                "</svg>\n",
            ]
        )

    def _legend(self) -> None:
        x = float(_MARGIN)
        for category in self._timeline.categories:
            shown = fitted(printable(category), 160)
            wide = width_of(shown) + 34
            if x + wide > self._width - _MARGIN and x > _MARGIN:
                x, self._y = float(_MARGIN), self._y + _LEGEND
            colour = self._colours[category]
            self._add(f'<rect class="{colour}" x="{_n(x)}" y="{_n(self._y + 1)}" width="10" height="10" rx="2"/>')
            self._say(x + 15, self._y + 10, shown)
            x += wide
        self._y += _LEGEND

    def _leave_room(self) -> None:
        """Leave room for what the axis says: above, below and on each screen between."""
        self._axis_at.append(self._y + _AXIS - 10)
        self._y += _AXIS

    def _axis(self, top: float, bottom: float) -> None:
        step, marks = ticks(self._timeline.span, (self._width - self._left) / 90)
        for mark in marks:
            x, said = self._left + mark * self._scale, label_of(mark, step)
            self._behind.append(f'<path class="g" d="M{_n(x)} {_n(top)}V{_n(bottom)}"/>')
            at = min(x, self._width - 4 - width_of(said) / 2)
            for y in self._axis_at:
                self._say(at, y, said, "m t")

    def _group(self, group: Group) -> None:
        self._y += 4
        x = _MARGIN + max(0, group.depth - 1) * _INDENT
        middle = self._y + _HEADER / 2
        self._add(
            f'<rect class="h" x="6" y="{_n(self._y + 2)}" width="{self._width - 12}" height="{_HEADER - 4}" rx="4"/>'
        )
        self._label(x, middle + 4, group.name, "s")
        if group.own is not None:
            self._total(group.own, middle + 4)
            for bar in [bar for lane in group.own.lanes for bar in lane]:
                self._bar(group.own, bar, middle - 3, 6, "own")
        self._y += _HEADER
        self._is_striped = False
        for line in group.lines:
            self._line(line, x + _INDENT)

    def _line(self, line: Line, x: float) -> None:
        if self._y - self._axis_at[-1] > _SCREEN:
            self._leave_room()
        high = max(_ROW, len(line.lanes) * _LANE + 8)
        if self._is_striped:
            self._behind.append(f'<rect class="z" x="6" y="{_n(self._y)}" width="{self._width - 12}" height="{high}"/>')
        self._is_striped = not self._is_striped
        self._label(x, self._y + 14, line.event.name, "")
        self._total(line, self._y + 14)
        for number, lane in enumerate(line.lanes):
            top = self._y + (high - len(line.lanes) * _LANE) / 2 + number * _LANE + (_LANE - _BAR) / 2
            for bar in lane:
                self._bar(line, bar, top, _BAR, self._colours[line.event.category])
        self._y += high

    def _label(self, x: float, y: float, name: str, kind: str) -> None:
        said = printable(name)
        self._say(x, y, fitted(said, _MARGIN + self._names - x), kind, title=said)

    def _total(self, line: Line, y: float) -> None:
        self._say(self._left - 10, y, f"{line.total:,} ms", "e t")

    def _bar(self, line: Line, bar: Bar, y: float, height: float, colour: str) -> None:
        x = self._left + bar.began * self._scale
        wide = max(_THINNEST, (bar.ended - bar.began) * self._scale)
        x = min(x, self._width - _MARGIN - wide)
        kind = f"{colour} r" if bar.is_running else colour
        self._add(
            f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(height)}" rx="2">'
            f"<title>{_hover(line, bar)}</title></rect>"
        )

    def _say(self, x: float, y: float, said: str, kind: str = "", title: str | None = None) -> None:
        inner = escape(said) if title in {None, said} else f"{escape(said)}<title>{escape(title or '')}</title>"
        classes = f' class="{kind}"' if kind else ""
        self._add(f'<text{classes} x="{_n(x)}" y="{_n(y)}">{inner}</text>')

    def _add(self, part: str) -> None:
        self._before.append(part)


def _hover(line: Line, bar: Bar) -> str:
    period = bar.period
    said = [
        f"{line.event.category}/{line.event.name}",
        f"{period.ended - period.began:,.1f} ms, from {bar.began:,.1f} to {bar.ended:,.1f} ms",
        period.where + (", still running" if bar.is_running else ""),
        mebibytes(period.memory),
    ]
    return escape("\n".join(printable(each) for each in said if each))


def _colours_of(categories: list[str]) -> dict[str, str]:
    """Give a colour to each of the first categories, and one to all others."""
    return {category: f"c{min(number, COLOURS - 1)}" for number, category in enumerate(categories)}


def _n(number: float) -> str:
    """Give a coordinate in as few digits as the eye needs."""
    return f"{number:.1f}".removesuffix(".0")
