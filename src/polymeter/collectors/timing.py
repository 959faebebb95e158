"""TimingMetricsCollector: timed and counted code as metrics, under the names that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.collectors.base import MetricsCollector
from polymeter.data.definition import Combine
from polymeter.data.kind import Kind
from polymeter.data.units import MILLISECONDS, NO_UNIT, Unit, unit_of
from polymeter.errors import DefinitionError
from polymeter.events.timing import Counted, LongTasksSampled, TimedCompleted, TimedStarted, TimingEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.contracts import CanStoreMetrics

__all__ = ["TimingMetricsCollector"]

_RUNNING: Final = (
    ("", Combine.SUM, "Started and not ended yet."),
    (".longest_ms", Combine.MAX, "Time since the oldest that runs now began."),
    (".total_ms", Combine.SUM, "Time since those that run now began, added up."),
)

_MOST: Final = 10_000  # series that are remembered with what records on them; the registry itself bounds the series


class TimingMetricsCollector(MetricsCollector):
    """What ``timed``, ``counted``, samples and ``LongTasks`` tell.

    * of what is timed, a Timer under its name, by its tags and ``outcome``;
    * of what is counted, a Counter under its name, by its tags and ``outcome``;
    * of long tasks, by their tags, gauges of now: ``<name>.running`` (how many), ``<name>.running.longest_ms`` and
      ``<name>.running.total_ms``; the name without its unit.

    :param error_type: whether errors are told apart by a tag ``error_type`` too; ``none`` where there was none.
    :param active: whether to keep how much is in flight, as an up-down counter ``<name>.active`` (the name without its
        unit) by the tags. Then each run tells its start as well, and costs about twice as much.
    """

    def __init__(self, *, error_type: bool = False, active: bool = False) -> None:
        self._has_error_type = error_type
        self._has_active = active

    def listeners(self) -> Mapping[type, Callable[[Any], None]]:
        """Give event class -> what is called with each event of it."""
        series = _Series(self.registry, has_error_type=self._has_error_type)
        heard: dict[type, Callable[[Any], None]] = {
            TimedCompleted: self._completed(series),
            Counted: series.counted,
            LongTasksSampled: series.sampled,
        }
        if self._has_active:
            heard[TimedStarted] = series.entered
        return heard

    def _completed(self, series: _Series) -> Callable[[TimedCompleted], None]:
        known, find, leave, has_active = series.timers.by_key, series.timer, series.left, self._has_active

        def completed(event: TimedCompleted) -> None:
            try:
                record = known[event.name, event.outcome, event.tags]
            except (KeyError, TypeError):
                record = find(event)
            record(event.duration_ms)
            if has_active and event.is_start_told:
                leave(event)

        return completed


class _Series:
    """The series of a registry, by the events that are recorded on them."""

    def __init__(self, registry: CanStoreMetrics, *, has_error_type: bool) -> None:
        self.timers, self._counters, self._levels = _Known(self._timer), _Known(self._counter), _Known(self._level)
        self._units: dict[str, Unit] = {}
        self._registry = registry
        self._has_error_type = has_error_type

    def timer(self, event: TimedCompleted) -> Callable[[float], object]:
        """Give what records on the timer of an event."""
        return self.timers.find(event, (event.name, event.outcome, event.tags), self._more_of(event))

    def counted(self, event: Counted) -> None:
        """Count an event."""
        self._counters.find(event, (event.name, event.outcome, event.tags), self._more_of(event))(1)

    def entered(self, event: TimedStarted) -> None:
        """Count one more that is in flight."""
        self._levels.find(event, (event.name, event.tags))(1)

    def left(self, event: TimedCompleted) -> None:
        """Count one less."""
        self._levels.find(event, (event.name, event.tags))(-1)

    def sampled(self, event: LongTasksSampled) -> None:
        """Set the gauges of what runs now."""
        base, tags = f"{_base_of(event.name)}.running", dict(event.tags)
        values = (event.active, event.longest_ms, event.total_ms)
        for value, (suffix, rule, text) in zip(values, _RUNNING, strict=True):
            self._define(base + suffix, Kind.GAUGE, text, rule)
            self._registry.gauge(base + suffix, value, tags, at=event.at)

    def _more_of(self, event: TimedCompleted | Counted) -> str | None:
        return event.error_type if self._has_error_type else None

    def _timer(self, event: TimedCompleted) -> Callable[[float], object]:
        unit = self._define(event.name, Kind.TIMER, "Time from start to end, by outcome.")
        record = self._registry.bind(Kind.TIMER, event.name, self._tags_of(event)).record
        if unit == MILLISECONDS:
            return record
        return lambda duration_ms: record(duration_ms * unit.denominator / (unit.numerator * 1000))

    def _counter(self, event: Counted) -> Callable[[float], object]:
        self._define(event.name, Kind.COUNTER, "Ends, by outcome.")
        return self._registry.bind(Kind.COUNTER, event.name, self._tags_of(event)).add

    def _level(self, event: TimingEvent) -> Callable[[float], object]:
        name = f"{_base_of(event.name)}.active"
        self._define(name, Kind.UP_DOWN, "Started and not ended yet.")
        return self._registry.bind(Kind.UP_DOWN, name, dict(event.tags)).add

    def _tags_of(self, event: TimedCompleted | Counted) -> dict[str, Any]:
        tags: dict[str, Any] = {**dict(event.tags), "outcome": event.outcome}
        if self._has_error_type:
            tags["error_type"] = event.error_type or "none"
        return tags

    def _define(self, name: str, kind: Kind, text: str, rule: Combine | None = None) -> Unit:
        """Say what a name means, unless somebody has said it already; give the unit in which its values come in."""
        unit = self._units.get(name)
        if unit is None:
            try:
                said = self._registry.define(name, kind)
                if said.help is None:
                    said = self._registry.define(name, kind, help=text, combine=rule)
                unit = said.resolved_unit
            except DefinitionError:  # it means something else there: what is recorded is refused, and counted
                unit = MILLISECONDS
            if len(self._units) >= _MOST:
                self._units.clear()
            self._units[name] = unit
        return unit


class _Known:
    """What records on the series of events that were seen before.

    :param make: gives what records on the series of an event.
    :ivar by_key: of events whose tags are texts and that are told apart by nothing else, by what tells them apart.
    """

    def __init__(self, make: Callable[[Any], Callable[[float], object]]) -> None:
        self.by_key: dict[Any, Callable[[float], object]] = {}
        self._others: dict[Any, Callable[[float], object]] = {}
        self._make = make

    def find(self, event: TimingEvent, key: tuple[Any, ...], more: str | None = None) -> Callable[[float], object]:
        """Give what records on the series of ``event``.

        :param key: what tells it apart, but that ``True``, 1 and 1.0 are one key to a dict and not one tag value.
        :param more: what else does.
        """
        kinds = tuple([type(value) for _, value in event.tags])
        known = self.by_key
        if more is not None or any(kind is not str for kind in kinds):
            known, key = self._others, (*key, kinds, more)
        try:
            record = known.get(key)
        except TypeError:  # tags of somebody's own make that have no hash: the registry says what it thinks of them
            return self._make(event)
        if record is None:
            record = self._make(event)
            if len(known) >= _MOST:
                known.clear()
            known[key] = record
        return record


def _base_of(name: str) -> str:
    """Give a name without the unit at its end."""
    if unit_of(name) == NO_UNIT:
        return name
    return name[: max(name.rfind("_"), name.rfind("."))] or name
