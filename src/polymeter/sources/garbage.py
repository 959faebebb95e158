"""GarbageSource: what Python's cyclic garbage collector did, and how long the program stood still for it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

from polymeter.clock import SYSTEM_CLOCK
from polymeter.events.runtime import GarbageCollected, GarbageCounts, GarbageSampled
from polymeter.forking import after_fork
from polymeter.sources.growth import Growth
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents

__all__ = ["GarbageSource"]

_NOTHING: Final = GarbageCounts()


class GarbageSource:
    """Tells a :class:`~polymeter.events.runtime.GarbageCollected` for each collection, and totals before each snapshot.

    The totals (:class:`~polymeter.events.runtime.GarbageSampled`) are the interpreter's own, so they are exact, also
    for what happened before this was watched. In a forked child they begin at zero.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        """Make one.

        :param clock: measures the pauses; left out: the clock of the dispatcher that hears of them.
        """
        self._clock = clock

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events`` of collections. While nobody listens, no event is made of them."""
        clock: Clock = getattr(events, "clock", SYSTEM_CLOCK) if self._clock is None else self._clock
        watch = _Watch(events, clock.monotonic)
        gc.callbacks.append(watch)

        def remove() -> None:
            if watch in gc.callbacks:  # somebody may have cleared the list
                gc.callbacks.remove(watch)

        return Subscription(remove)

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` the totals of now; while nobody listens, nothing counts as told."""
        sampled = events.emitter(GarbageSampled)
        if not sampled.listening:
            return
        with _GROWTH.told(events) as told:
            if told is None:
                return
            totals = _FORKED.own_counts()
            last, told.last = told.last or [], totals
            for generation, total in enumerate(totals):
                before = last[generation] if generation < len(last) else _NOTHING
                sampled(GarbageSampled(generation=generation, total=total, added=_minus(total, before)))


class _Watch:
    """What ``gc`` calls before and after each collection, for one install. There is one collection at a time."""

    def __init__(self, events: CanDispatchEvents, now: Callable[[], float]) -> None:
        self.events = events
        self._now = now
        self._collected = events.emitter(GarbageCollected)
        self._began: float | None = None

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = self._now() if self._collected.listening else None
        elif self._began is not None:
            duration = self._now() - self._began
            self._began = None
            if self._is_first():
                self._collected(
                    GarbageCollected(
                        generation=info["generation"],
                        duration_ms=duration * 1000,
                        collected=info["collected"],
                        uncollectable=info["uncollectable"],
                    )
                )

    def _is_first(self) -> bool:
        """Tell whether it is for this one to tell, of several installs on the same dispatcher."""
        same = (each for each in gc.callbacks if isinstance(each, _Watch) and each.events is self.events)
        return next(same, None) is self


def _counts() -> list[GarbageCounts]:
    """Give the interpreter's totals by generation; none where it counts something else (PyPy)."""
    found: list[dict[str, int]] = gc.get_stats()
    if not isinstance(found, list):
        return []
    return [GarbageCounts(each["collections"], each["collected"], each["uncollectable"]) for each in found]


def _minus(now: GarbageCounts, before: GarbageCounts) -> GarbageCounts:
    return GarbageCounts(
        max(0, now.collections - before.collections),
        max(0, now.collected - before.collected),
        max(0, now.uncollectable - before.uncollectable),
    )


class _Forked:
    """What the interpreter had counted before this process was forked: that is the parent's."""

    def __init__(self) -> None:
        self._before: list[GarbageCounts] = []
        after_fork(self)

    def after_fork_in_child(self) -> None:
        self._before = _counts()

    def own_counts(self) -> list[GarbageCounts]:
        """Give the totals of this process alone."""
        counts = _counts()
        before = self._before or [_NOTHING] * len(counts)
        return [_minus(now, old) for now, old in zip(counts, before, strict=True)]


_FORKED: Final = _Forked()
_GROWTH: Final[Growth[list[GarbageCounts]]] = Growth()
