"""Bad events: those that lack what was promised, or say nonsense."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from polymeter.testing.contracts.collector.base import CollectorTests, MakeRegistry, Wired, adds_up, health_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BadEvents"]

_LONG = 3600.0
_IN_A_ROW = 10


class _Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *_: object) -> NoReturn:
        raise RuntimeError

    for _name in ("float", "int", "index", "bool", "len", "iter", "hash", "eq", "lt", "str", "repr", "add", "truediv"):
        locals()[f"__{_name}__"] = _refuse
    __getattr__ = _refuse


_NONSENSE: Final[dict[str, Any]] = {
    "none": None,
    "nan": math.nan,
    "infinite": math.inf,
    "negative": -1,
    "text": "nonsense",
    "list": [],
    "hostile": _Hostile(),
}


class BadEvents(CollectorTests):
    """They never raise into whoever dispatched, are never lost in silence, and spoil nothing for those after them."""

    @pytest.fixture
    def wired(self, make_registry: MakeRegistry) -> Wired:
        """Give a new collector, wired to a dispatcher as it is in production."""
        return self.wire(make_registry, on_error="isolate")

    def test_an_event_without_its_fields_is_counted(self, wired: Wired) -> None:
        """As a record, as one that was refused, or as a failure of the listener."""
        for event in self.make_events():
            before = self._accounted(wired)
            wired.events.dispatch(event)
            after = self._accounted(wired)
            empty = _without_fields(event)
            if after > before and empty is not None:
                wired.events.dispatch(empty)
                assert self._accounted(wired) > after, f"an empty {type(event).__name__} left no trace"

    @pytest.mark.parametrize("nonsense", list(_NONSENSE))
    def test_nonsense_in_any_field_raises_nothing(self, wired: Wired, nonsense: str) -> None:
        """Nor does reading the registry afterwards."""
        for event in self.make_events():
            for bad in _spoilt(event, _NONSENSE[nonsense]):
                assert wired.events.dispatch(bad) is bad
        wired.registry.snapshot()

    def test_after_bad_events_good_ones_mean_the_same(self, wired: Wired, make_registry: MakeRegistry) -> None:
        """Once what was held back meanwhile, a listener or a reading, has had its time."""
        good = self.wire(make_registry)
        good.dispatch(self.make_events())
        for event in self.make_events():
            for nonsense in _NONSENSE.values():
                for bad in (*_spoilt(event, nonsense), _without_fields(event)):
                    wired.dispatch([bad] * _IN_A_ROW if bad is not None else [])
        before = wired.figures
        wired.clock.advance(_LONG)
        wired.dispatch(self.make_events())
        expected = {name: figure for name, figure in good.figures.items() if adds_up(name)}
        after = wired.figures
        added = {name: after.get(name, 0) - before.get(name, 0) for name in expected}
        assert added == pytest.approx(expected, rel=1e-6)

    @staticmethod
    def _accounted(wired: Wired) -> int:
        listeners = wired.events.health()
        return health_of(wired.registry).records + sum(each.failed + each.quarantined for each in listeners)


def _without_fields(event: Any) -> Any:
    """Give an event of the same class that was never filled in; ``None`` if there can be none."""
    make: Any = type(event).__new__
    try:
        return make(event.__class__)
    except TypeError:
        return None


def _spoilt(event: Any, nonsense: Any) -> Iterator[Any]:
    """Give copies of ``event`` in which each field in turn, and at last all of them, is ``nonsense``."""
    names = _fields_of(event)
    for each in (*([name] for name in names), names):
        replace: Callable[..., Any] | None = getattr(event, "_replace", None)  # of a named tuple
        if replace is not None:
            yield replace(**dict.fromkeys(each, nonsense))
            continue
        spoilt = copy.copy(event)
        for name in each:
            object.__setattr__(spoilt, name, nonsense)  # frozen ones too
        yield spoilt


def _fields_of(event: Any) -> list[str]:
    if dataclasses.is_dataclass(event):
        return [field.name for field in dataclasses.fields(event)]
    return [*getattr(event, "_fields", getattr(event, "__dict__", ()))]
