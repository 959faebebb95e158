"""From declarations to code: one straight-line function per event class.

For ``turns = counter("chat.turns", on=TurnFinished, tags=("model",))`` and a timer with the same tags it is::

    def listen(event):
        try:
            k0 = event.model
            slot = find0((k0,)) or make0((k0,), (k0,))
        except Exception:
            failed0()
        else:
            r0, r1, _, seen = slot
            r0(1)
            try:
                value = event.duration_ms
                if value is not None:
                    r1(value)
            except Exception:
                failed1()
            ...

All metrics of an event that share their tags share one look-up, which leads to a *slot*: one recorder for each of
them. A recorder of our own registries is the ``append`` of the series' pending list: nothing is computed while the
event is on its way. The source is kept for tracebacks.
"""

from __future__ import annotations

import functools
import linecache
from typing import TYPE_CHECKING, Any, Final

from polymeter.collectors.paths import declared, getter, is_always_text, is_flag
from polymeter.contracts import CanBuffer, CanKeepTime
from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.collectors.measure import Measure
    from polymeter.contracts import CanRecord, CanStoreMetrics

__all__ = ["compiled"]

_VERB: Final = {
    Kind.COUNTER: "add",
    Kind.UP_DOWN: "add",
    Kind.GAUGE: "set",
    Kind.HISTOGRAM: "record",
    Kind.TIMER: "record",
}
_MOST_SLOTS: Final = 10_000  # look-ups that are kept; the registry itself bounds the series
_SETTLE_AFTER: Final = 256  # events with the same tags, until what they left pending is drained


def compiled(measures: Iterable[Measure], registry: CanStoreMetrics, owner: str) -> dict[type, Callable[[Any], None]]:
    """Give, for each event class of ``measures``, the one listener that records all of them into ``registry``.

    :param owner: name of the collector: what the listeners are called in ``health()`` and in tracebacks.
    """
    groups: dict[type, dict[tuple[object, ...], list[Measure]]] = {}
    for each in measures:
        groups.setdefault(each.event_type, {}).setdefault(each.tags, []).append(each)
    return {
        event_type: _compile(event_type, [_Group(same, registry) for same in by_tags.values()], owner)
        for event_type, by_tags in groups.items()
    }


def _compile(event_type: type, groups: list[_Group], owner: str) -> Callable[[Any], None]:
    names: dict[str, Any] = {}
    lines = ["def listen(event):"]
    for number, group in enumerate(groups):
        lines += group.source(number, event_type, names)
    filename = f"<polymeter: {owner} on {event_type.__qualname__}>"
    source = "\n".join(lines) + "\n"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - made above of checked identifiers and nothing else
    listen: Callable[[Any], None] = names["listen"]
    listen.__module__, _, listen.__qualname__ = owner.rpartition(".")
    return listen


class _Group:
    """The measures of one event class that share their tags: their slots, and the code that fills them.

    A slot is a list: one recorder per measure, the series to drain from time to time, and the events seen since.
    """

    def __init__(self, measures: list[Measure], registry: CanStoreMetrics) -> None:
        self._measures = measures
        self._registry = registry
        self._slots: dict[object, list[Any]] = {}

    def source(self, number: int, event_type: type, names: dict[str, Any]) -> list[str]:
        """Give the lines for this group; what they refer to goes into ``names``."""
        tags = self._measures[0].tags
        flags = [at for at, (_, tag) in enumerate(tags) if is_flag(event_type, tag)]
        # True, 1 and 1.0 are one key to a dict, but not one tag value: where they may meet, the class is in the key.
        told_apart = [at for at, (_, tag) in enumerate(tags) if at not in flags and not is_always_text(event_type, tag)]
        values = [f"k{at}" for at in range(len(tags))]
        key = _tuple([*values, *(f"k{at}.__class__" for at in told_apart)])
        recorders = [f"r{at}" for at in range(len(self._measures))]
        names[f"find{number}"] = self._slots.get
        names[f"make{number}"] = functools.partial(self._make, flags)
        names[f"settle{number}"] = _settle
        names[f"failed{number}"] = self._failed
        lines = ["    try:"]
        lines += [f"        k{at} = {_read(tag, f't{number}_{at}', names)}" for at, (_, tag) in enumerate(tags)]
        lines += [
            f"        slot = find{number}({key}) or make{number}({key}, {_tuple(values)})",
            "    except Exception:",
            f"        failed{number}()",
            "    else:",
            f"        {', '.join(recorders)}, _, seen = slot",
        ]
        for at, measure in enumerate(self._measures):
            # A reading is of the time of its event; sums and distributions keep time in some registries only.
            is_timed = measure.definition.kind is Kind.GAUGE or isinstance(self._registry, CanKeepTime)
            time = (", event.at" if "at" in declared(event_type) else ", None") if is_timed else ""
            lines += _recording(measure, recorders[at], time, f"{number}_{at}", names)
            names[f"failed{number}_{at}"] = self._refusing(measure.definition.name)
        lines += [
            "        slot[-1] = seen = seen + 1",
            f"        if seen >= {_SETTLE_AFTER}:",
            f"            settle{number}(slot)",
        ]
        return lines

    def _make(self, flags: list[int], key: object, values: tuple[Any, ...]) -> list[Any]:
        if len(self._slots) >= _MOST_SLOTS:
            self._slots.clear()
        # A flag that came as 0 or 1 is the same series as False or True, whichever came first.
        plain = [bool(value) if at in flags and value in (0, 1) else value for at, value in enumerate(values)]
        tags = dict(zip((name for name, _ in self._measures[0].tags), plain, strict=True))
        slot: list[Any] = []
        slot += [*(self._first_time(slot, at, tags) for at in range(len(self._measures))), [], 0]
        self._slots[key] = slot
        return slot

    def _first_time(self, slot: list[Any], place: int, tags: dict[str, Any]) -> Callable[..., None]:
        """Give a recorder that makes its series with the first record: not every metric has a value in every event."""
        definition = self._measures[place].definition

        def record(value: Any, *at: Any) -> None:
            if isinstance(self._registry, CanKeepTime):
                slot[place] = self._registry.recorder_at(definition.kind, definition.name, tags)
                slot[place](value, *(at or (None,)))
                return
            series = self._registry.bind(definition.kind, definition.name, tags)
            if isinstance(series, CanBuffer):
                slot[-2].append(series)
            slot[place] = _recorder(series, definition.kind)
            slot[place](value, *at)

        return record

    def _failed(self) -> None:
        for measure in self._measures:
            self._refusing(measure.definition.name)()

    def _refusing(self, name: str) -> Callable[[], None]:
        def refuse() -> None:
            reject = getattr(self._registry, "reject", None)
            if reject is not None:
                reject(name, "getter")

        return refuse


def _recorder(series: CanRecord, kind: Kind) -> Callable[..., object]:
    if isinstance(series, CanBuffer):
        return series.recorder()
    if kind is Kind.GAUGE:
        return functools.partial(_set, series)
    recorder: Callable[..., object] = getattr(series, _VERB[kind])
    return recorder


def _set(series: CanRecord, value: float, at: float | None = None) -> None:
    series.set(value, at=at)


def _settle(slot: list[Any]) -> None:
    slot[-1] = 0
    for series in slot[-2]:
        series.drain()


def _recording(measure: Measure, recorder: str, time: str, suffix: str, names: dict[str, Any]) -> list[str]:
    """Give the lines that record one measure, by itself: what fails in it fails it alone."""
    if measure.value is None and measure.when is None:  # a counter of events
        return [f"        {recorder}(1{time})"]
    lines = ["        try:"]
    indent = " " * 12
    if measure.when is not None:
        names[f"when{suffix}"] = measure.when
        lines.append(f"{indent}if when{suffix}(event):")
        indent += "    "
    if measure.value is None:
        lines.append(f"{indent}{recorder}(1{time})")
    elif callable(measure.value):
        names[f"value{suffix}"] = measure.value
        lines.append(f"{indent}value = value{suffix}(event)")
        lines += [f"{indent}if value is not None:", f"{indent}    {recorder}(value{time})"]
    else:
        owner = "event"
        for step in measure.value.split("."):
            lines += [f"{indent}value = {owner}.{step}", f"{indent}if value is not None:"]
            owner = "value"
            indent += "    "
        lines.append(f"{indent}{recorder}(value{time})")
    return [*lines, "        except Exception:", f"            failed{suffix}()"]


def _read(source: object, name: str, names: dict[str, Any]) -> str:
    """Give the expression that reads a tag; a callable, or a path that may end early, is called by ``name``."""
    if isinstance(source, str) and "." not in source:
        return f"event.{source}"
    names[name] = getter(source)
    return f"{name}(event)"


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)},)" if items else "()"
