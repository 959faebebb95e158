"""From declarations to code: one straight-line function per event class.

For ``turns = counter("chat.turns", on=TurnFinished, tags=("model",))`` and a timer with the same tags it is::

    def listen(event):
        if watched0:
            key = guard0(event)
        else:
            try:
                key = key0(event)
            except Exception:
                key = failed0()
        if key is not None:
            if watched0_1:
                v1 = guard0_1(event)
            else:
                try:
                    v1 = event.duration_ms
                except Exception:
                    v1 = failed0_1()
            append0((key, v1))
            if len(waiting0) >= 512:
                drain0()

All metrics of an event that share their tags share one row. Nothing is looked up and nothing computed while the event
is on its way. The source is kept for tracebacks.
"""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any

from polymeter.clock import SYSTEM_CLOCK
from polymeter.collectors.exemplars import note_into, reading_of
from polymeter.collectors.guard import Guard
from polymeter.collectors.immediate import rows_of
from polymeter.collectors.paths import declared, getter, is_always_text, is_flag
from polymeter.contracts import CanKeepExemplars, CanKeepTime
from polymeter.data.kind import Kind
from polymeter.data.layout import Column, RowLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.collectors.exemplars import Origin
    from polymeter.collectors.measure import Measure
    from polymeter.collectors.paths import Getter
    from polymeter.contracts import CanStoreMetrics

__all__ = ["compiled"]


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
    functions: list[str] = []
    lines = ["def listen(event):"]
    for number, group in enumerate(groups):
        lines += group.source(number, event_type, names)
        functions += group.functions
    filename = f"<polymeter: {owner} on {event_type.__qualname__}>"
    source = "\n".join([*functions, *lines]) + "\n"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - made above of checked identifiers and nothing else
    listen: Callable[[Any], None] = names["listen"]
    listen.__module__, _, listen.__qualname__ = owner.rpartition(".")
    return listen


class _Group:
    """The measures of one event class that share their tags: one row for all of them.

    :ivar functions: each reading once more, as a function: what a guard calls.
    """

    def __init__(self, measures: list[Measure], registry: CanStoreMetrics) -> None:
        self.functions: list[str] = []
        self._measures = measures
        self._registry = registry

    def source(self, number: int, event_type: type, names: dict[str, Any]) -> list[str]:
        """Give the lines for this group; what they refer to goes into ``names``."""
        tags = self._measures[0].tags
        flags = tuple(at for at, (_, tag) in enumerate(tags) if is_flag(event_type, tag))
        key_lines, key = _key_source(number, event_type, tags, flags, names)
        valued = [each for each in self._measures if each.value is not None or each.when is not None]
        places = {id(each): place for place, each in enumerate(valued, 1)}
        # A reading is of the time of its event; sums and distributions keep time in some registries only.
        is_timed = isinstance(self._registry, CanKeepTime) or any(
            each.definition.kind is Kind.GAUGE for each in self._measures
        )
        columns = (Column(each.definition.kind, each.definition.name, places.get(id(each))) for each in self._measures)
        layout = RowLayout(tuple(name for name, _ in tags), flags, tuple(columns), is_timed)
        rows = rows_of(self._registry, layout)
        names |= {f"append{number}": rows.append, f"waiting{number}": rows.waiting, f"drain{number}": rows.drain}
        row = ["key", *(f"v{place}" for place in range(1, len(valued) + 1))]
        lines = self._guarded("key", str(number), [*key_lines, f"key = {key}"], names, self._measures)
        lines.append("    if key is not None:")
        for place, measure in enumerate(valued, 1):
            reading = _value_source(measure, f"v{place}", f"{number}_{place}", names)
            lines += _indented(self._guarded(f"v{place}", f"{number}_{place}", reading, names, [measure]))
        if is_timed:
            names |= {f"now{number}": rows.now, f"sequence{number}": rows.next_sequence}
            lines += _time_source(event_type, number)
            row += ["at", f"sequence{number}()"]
        lines += [
            f"        append{number}(({', '.join(row)},))",
            f"        if len(waiting{number}) >= {rows.limit}:",
            f"            drain{number}()",
        ]
        return lines + self._exemplar_source(number, layout, places, names)

    def _exemplar_source(
        self, number: int, layout: RowLayout, places: dict[int, int], names: dict[str, Any]
    ) -> list[str]:
        """Give the lines that note where the values came from; none if nobody declares it, or nobody keeps it."""
        if not isinstance(self._registry, CanKeepExemplars):
            return []
        by_origin: dict[Origin, list[Measure]] = {}
        for each in self._measures:
            if each.exemplar is not None:
                by_origin.setdefault(each.exemplar, []).append(each)
        lines: list[str] = []
        noted = 0
        for origin, measures in by_origin.items():
            target = f"x{number}_{noted}"
            reading = reading_of(origin, target, names)
            lines += _indented(self._guarded(target, target, reading, names, measures, "refuse_exemplar"))
            lines.append(f"        if {target} is not None:")
            for measure in measures:
                note = f"note{number}_{noted}"
                names[note] = note_into(self._registry, measure.definition, layout, self._refusing("refuse_exemplar"))
                noted += 1
                place = places.get(id(measure))
                if place is None:
                    lines.append(f"            {note}(event, key, 1, {target})")
                else:
                    lines.append(f"            if v{place} is not None:")
                    lines.append(f"                {note}(event, key, v{place}, {target})")
        return lines

    def _guarded(  # noqa: PLR0917 - what is read, by which name, for whom
        self,
        target: str,
        suffix: str,
        reading: list[str],
        names: dict[str, Any],
        measures: list[Measure],
        refuse: str = "reject",
    ) -> list[str]:
        """Give the lines that read something, by itself: what fails in it fails ``measures`` alone.

        :param refuse: name of the registry's method that counts a failure, for a metric and a reason.
        """
        self.functions += [f"def read{suffix}(event):", *_indented(reading), f"    return {target}", "", ""]
        watched = f"watched{suffix}"

        def watch(*, is_wanted: bool) -> None:
            names[watched] = is_wanted

        guard = Guard(
            lambda event: names[f"read{suffix}"](event),  # noqa: PLW0108 - it is compiled later
            [each.definition.name for each in measures],
            self._refusing(refuse),
            watch,
            getattr(self._registry, "clock", SYSTEM_CLOCK),
        )
        names |= {watched: False, f"guard{suffix}": guard.read, f"failed{suffix}": guard.failed}
        return _indented(
            [
                f"if {watched}:",
                f"    {target} = guard{suffix}(event)",
                "else:",
                "    try:",
                *_indented(_indented(reading)),
                "    except Exception:",
                f"        {target} = failed{suffix}()",
            ]
        )

    def _refusing(self, verb: str) -> Callable[[str, str], object]:
        def refuse(name: str, reason: str) -> None:
            count = getattr(self._registry, verb, None)
            if count is not None:
                count(name, reason)

        return refuse


def _key_source(
    number: int, event_type: type, tags: tuple[tuple[str, Any], ...], flags: tuple[int, ...], names: dict[str, Any]
) -> tuple[list[str], str]:
    """Give the lines that read the tags, and the expression of the key."""
    lines: list[str] = []
    parts: list[str] = []
    classes: list[str] = []
    for at, (_, tag) in enumerate(tags):
        expression = _read(tag, f"t{number}_{at}", names)
        # True, 1 and 1.0 are one key to a dict, but not one tag value: where they may meet, the class is in the key.
        if at in flags or is_always_text(event_type, tag):
            parts.append(expression)
        else:
            lines.append(f"k{at} = {expression}")
            parts.append(f"k{at}")
            classes.append(f"k{at}.__class__")
    parts += classes
    return lines, f"({', '.join(parts)},)" if parts else "()"


def _value_source(measure: Measure, target: str, suffix: str, names: dict[str, Any]) -> list[str]:
    """Give the lines that read the value of a measure; ``None`` if there is nothing to record."""
    if measure.value is None:
        lines = [f"{target} = 1"]
    elif callable(measure.value):
        names[f"value{suffix}"] = measure.value
        lines = [f"{target} = value{suffix}(event)"]
    else:
        first, *rest = measure.value.split(".")
        lines = [f"{target} = event.{first}"]
        indent = ""
        for step in rest:
            lines.append(f"{indent}if {target} is not None:")
            indent += "    "
            lines.append(f"{indent}{target} = {target}.{step}")
    if measure.when is None:
        return lines
    names[f"when{suffix}"] = measure.when
    return [f"{target} = None", f"if when{suffix}(event):", *_indented(lines)]


def _time_source(event_type: type, number: int) -> list[str]:
    if "at" not in declared(event_type):
        return [f"        at = now{number}()"]
    # A time that cannot be read is one that is not said.
    reading = [
        "try:",
        "    at = event.at",
        "except Exception:",
        "    at = None",
        "if at is None:",
        f"    at = now{number}()",
    ]
    return _indented(_indented(reading))


def _read(source: object, name: str, names: dict[str, Any]) -> str:
    """Give the expression that reads a tag; a callable, or a path that may end early, is called by ``name``."""
    if isinstance(source, str) and "." not in source:
        return f"event.{source}"
    reads: Getter = getter(source)
    names[name] = reads
    return f"{name}(event)"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
