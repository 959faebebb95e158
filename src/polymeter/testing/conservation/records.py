"""How many records were made on each registry, counted where they are made.

A record is made by whoever calls a verb of a registry or of a series, or what ``recorder_at()`` gave; a row of a
compiled collector makes one for each of its values. What a registry and its series call of each other on the way is
that same record: told by the code that calls.
"""

from __future__ import annotations

import functools
import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from polymeter.data.kind import Kind
from polymeter.registries import AggregatingRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.registries.null import NullSeries
from polymeter.testing.conservation.patches import caller, codes_of
from polymeter.testing.conservation.rows import CountedRows
from polymeter.testing.conservation.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

    from polymeter.data.layout import RowLayout
    from polymeter.registries import RegistryHealth
    from polymeter.testing.conservation.patches import Method, Patches

__all__ = ["RecordCounts"]

_VERBS: Final = ("counter", "gauge", "up_down", "histogram", "timer")
_SERIES_VERBS: Final = ("add", "set", "record", "record_at")
_ON_NULL: Final = frozenset(getattr(NullSeries, verb).__code__ for verb in _SERIES_VERBS[:3])
_MOST_KEPT: Final = 500


class RecordCounts:
    """The records of every registry that is made while this counts."""

    def __init__(self, patches: Patches, classes: Iterable[type]) -> None:
        """Begin to count for registries of ``classes``."""
        self._patches = patches
        self._watched: dict[int, _Watched] = {}
        self._broken: list[str] = []
        # Series do not say whose they are: whoever gave one was asked for it. Some cannot be referred to weakly.
        self._owners: WeakKeyDictionary[Any, _Watched] = WeakKeyDictionary()
        self._kept: dict[int, tuple[object, _Watched]] = {}
        self._series_types: set[type] = set()
        self._values: set[type] = {NullSeries}
        self._inside: set[CodeType] = set(codes_of(NullSeries))
        self._rows: dict[int, CountedRows] = {}
        for each in _known_series_types():
            self._watch_series(each)
        for each in classes:
            self._inside.update(codes_of(each))
            patches.wrap(each, "__init__", self._around_init)
            patches.wrap(each, "clear", self._around_clear)
            patches.wrap(each, "reject", self._around_reject)
            patches.wrap(each, "bind", self._around_bind)
            patches.wrap(each, "recorder_at", self._around_recorder_at)
            patches.wrap(each, "rows", self._around_rows)
            for verb in _VERBS:
                patches.wrap(each, verb, self._around_verb)

    def complaints(self) -> list[str]:
        """Give a sentence for each registry whose records do not add up."""
        return [*self._broken, *(each for watched in list(self._watched.values()) for each in watched.complaints())]

    # -- registries

    def _around_init(self, original: Method) -> Method:
        @functools.wraps(original)
        def init(registry: Any, *args: Any, **kwargs: Any) -> None:
            original(registry, *args, **kwargs)
            self._watched[id(registry)] = _Watched(registry)
            if len(self._watched) > _MOST_KEPT:  # the first one is hardly used any more
                first = self._watched.pop(next(iter(self._watched)))
                self._broken += first.complaints()

        return init

    def _around_verb(self, original: Method) -> Method:
        @functools.wraps(original)
        def verb(registry: Any, *args: Any, **kwargs: Any) -> Any:
            watched = self._watched.get(id(registry))
            if watched is None or caller().f_code in self._inside:
                return original(registry, *args, **kwargs)
            watched.tally.begin()
            touched = original(registry, *args, **kwargs)
            watched.tally.end()
            self._belongs(touched, watched)
            return touched

        return verb

    def _around_bind(self, original: Method) -> Method:
        @functools.wraps(original)
        def bind(registry: Any, *args: Any, **kwargs: Any) -> Any:
            series = original(registry, *args, **kwargs)
            watched = self._watched.get(id(registry))
            if watched is not None:
                self._belongs(series, watched)
            return series

        return bind

    def _around_recorder_at(self, original: Method) -> Method:
        @functools.wraps(original)
        def recorder_at(registry: Any, *args: Any, **kwargs: Any) -> Any:
            record = original(registry, *args, **kwargs)
            watched = self._watched.get(id(registry))
            if watched is None or caller().f_code in self._inside:
                return record
            begin, end = watched.tally.begin, watched.tally.end
            if isinstance(record, MethodType):  # of a series, which would count it too
                record = MethodType(inspect.unwrap(record.__func__), record.__self__)

            def counted(value: float, at: float | None = None) -> None:
                begin()
                record(value, at)
                end()

            return counted

        return recorder_at

    def _around_rows(self, original: Method) -> Method:
        @functools.wraps(original)
        def rows(registry: Any, layout: RowLayout, /) -> Any:
            given = original(registry, layout)
            watched = self._watched.get(id(registry))
            if watched is None:
                return given
            return self._rows.setdefault(id(given), CountedRows(given, layout, watched.tally))

        return rows

    def _around_reject(self, original: Method) -> Method:
        @functools.wraps(original)
        def reject(registry: Any, *args: Any, **kwargs: Any) -> Any:
            watched = self._watched.get(id(registry))
            if watched is None or not self._is_a_record_of_its_own(caller(), registry):
                return original(registry, *args, **kwargs)
            watched.tally.begin()
            given = original(registry, *args, **kwargs)
            watched.tally.end()
            return given

        return reject

    def _is_a_record_of_its_own(self, frame: FrameType | None, registry: object) -> bool:
        """Tell whether a refusal is made from outside, or on a null series from outside: nothing else counts those."""
        outermost: CodeType | None = None
        own = codes_of(type(registry))
        while frame is not None and (frame.f_code in self._inside or frame.f_code in own or _is_ours(frame)):
            outermost = frame.f_code
            frame = frame.f_back
        return outermost is None or outermost in _ON_NULL

    def _around_clear(self, original: Method) -> Method:
        @functools.wraps(original)
        def clear(registry: Any, *args: Any, **kwargs: Any) -> Any:
            watched = self._watched.get(id(registry))
            if watched is None:
                return original(registry, *args, **kwargs)
            watched.clears.begin()
            ended_before = watched.tally.ended()
            try:
                return original(registry, *args, **kwargs)
            finally:
                watched.tally.start_anew(ended_before)
                watched.clears.end()

        return clear

    # -- series

    def _belongs(self, series: object, watched: _Watched) -> None:
        """Remember whose ``series`` is, and count what is recorded on it from now on."""
        cls = type(series)
        if cls in self._values:
            return
        if cls not in self._series_types and not self._watch_series(cls):
            self._values.add(cls)
            return
        try:
            if self._owners.get(series) is not watched:
                self._owners[series] = watched
        except TypeError:  # it cannot be referred to weakly
            self._kept[id(series)] = (series, watched)

    def _watch_series(self, cls: type) -> bool:
        if not all(hasattr(cls, verb) for verb in _SERIES_VERBS[:3]):
            return False  # a point, that nothing can be recorded on
        self._inside.update(codes_of(cls))
        for each in cls.__mro__:
            for verb in _SERIES_VERBS:
                if verb in vars(each):
                    self._patches.wrap(each, verb, self._around_series_verb)
        self._series_types.add(cls)
        return True

    def _owner_of(self, series: Any) -> _Watched | None:
        try:
            watched = self._owners.get(series)
        except TypeError:
            watched = None
        return watched or self._kept.get(id(series), (None, None))[1]

    def _around_series_verb(self, original: Method) -> Method:
        @functools.wraps(original)
        def verb(series: Any, *args: Any, **kwargs: Any) -> Any:
            watched = self._owner_of(series)
            if watched is None or caller().f_code in self._inside:
                return original(series, *args, **kwargs)
            watched.tally.begin()
            given = original(series, *args, **kwargs)
            watched.tally.end()
            return given

        return verb


class _Watched:
    """One registry, and the records that were made on it."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.tally, self.clears = Tally(), Tally()

    def complaints(self) -> list[str]:
        """Give a sentence if the records do not add up; none while the registry is being cleared."""
        ask = getattr(self._registry, "health", None)
        clears = self.clears.most()  # read first: one that begins later is seen below
        if ask is None or self.clears.least() != clears:
            return []
        least = self.tally.least()
        health: RegistryHealth = ask()
        most = self.tally.most()
        accounted = health.applied + health.invalid + health.denied
        if least <= accounted <= most or self.clears.most() != clears:
            return []
        name = type(self._registry).__qualname__
        made = most if least == most else f"{least} to {most}"
        figures = f"applied {health.applied} + invalid {health.invalid} + denied {health.denied} = {accounted}"
        return [f"{name}: {made} records were made, but {figures}; invalid by metric: {dict(health.invalid_by)}"]


def _is_ours(frame: FrameType) -> bool:
    """Tell whether a frame is of a room where records are kept; a composite is outside of its members."""
    module = str(frame.f_globals.get("__name__"))
    return module.startswith("polymeter.registries.") and not module.startswith("polymeter.registries.composite")


@functools.cache
def _known_series_types() -> frozenset[type]:
    """Give the types of the series of our registries; those of others are met on the way."""
    registries = (AggregatingRegistry(), InMemoryRegistry(), WindowedRegistry())
    series: list[object] = [each.bind(kind, f"a.{kind}") for each in registries for kind in Kind]
    return frozenset(map(type, series))
