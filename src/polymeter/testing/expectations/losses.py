"""Losses: what came to nothing in a block: events that nobody hears, refused records, listeners that failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from polymeter.counting import AtomicCount
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics

__all__ = ["Losses"]


class Losses:
    """What comes to nothing from now on. :meth:`stop` ends it; the answers are those of that moment."""

    def __init__(self, registry: CanStoreMetrics | None, events: CanDispatchEvents | None) -> None:
        """Begin to note which events are dispatched, and what was lost before."""
        self._registry = registry
        self._events = events
        self._seen: dict[type, AtomicCount] = {}
        self._refused = self._refused_so_far()
        self._failed = self._failed_so_far()
        self._subscription = Subscription(int)
        if events is not None:
            self._subscription = events.add_listener(object, self._note, sys.maxsize)  # before anybody can stop it

    def stop(self) -> None:
        """Stop noting."""
        self._subscription.cancel()

    def any(self) -> bool:
        """Tell whether an event was dispatched or anything was lost."""
        return bool(self._seen or self.refused() or self.failed())

    def unheard(self) -> list[str]:
        """Give the classes of the events for which there is no listener, other than those who hear everything."""
        seen = list(self._seen.items())  # other threads may go on
        return sorted(f"{each.__qualname__}: {count.value}" for each, count in seen if not self._is_heard(each))

    def refused(self) -> list[str]:
        """Give the records that were refused as invalid, or denied by a filter, by metric and reason."""
        more = _more(self._refused_so_far(), self._refused)
        return [f"{metric}: {count} ({reason})" for (metric, reason), count in sorted(more.items())]

    def failed(self) -> list[str]:
        """Give the listeners that failed, with their last error."""
        now = self._failed_so_far()
        last = {(each.listener, each.event): each.last_error for each in _health(self._events, [])}
        return [
            f"{listener} on {event}: {count} ({last.get((listener, event))})"
            for (listener, event), count in sorted(_more(now, self._failed).items())
        ]

    def _note(self, event: object) -> None:
        self._seen.setdefault(event.__class__, AtomicCount()).add()

    def _is_heard(self, event_type: type) -> bool:
        health = _health(self._events, None)
        if health is None:
            return self._events is None or self._events.emitter(event_type).listening
        listened_to = {each.event for each in health}
        return any(each.__qualname__ in listened_to for each in event_type.__mro__ if each is not object)

    def _refused_so_far(self) -> dict[tuple[str, str], int]:
        health = _health(self._registry, None)
        refused: Mapping[tuple[str, str], int] = getattr(health, "invalid_by", {})
        denied: Mapping[str, int] = getattr(health, "denied_by", {})
        return {**refused, **{(metric, "denied by a filter"): count for metric, count in denied.items()}}

    def _failed_so_far(self) -> dict[tuple[str, str], int]:
        failed: dict[tuple[str, str], int] = {}
        for each in _health(self._events, []):
            key = (each.listener, each.event)
            failed[key] = failed.get(key, 0) + each.failed
        return failed


def _more(now: dict[tuple[str, str], int], before: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: count - before.get(key, 0) for key, count in now.items() if count > before.get(key, 0)}


def _health(thing: object, otherwise: Any) -> Any:
    """Give the health of something that may be of the user's own make, and need not have any."""
    ask = getattr(thing, "health", None)
    return otherwise if ask is None else ask()
