"""ThreadsSource: the threads that Python knows of."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from polymeter.events.runtime import ThreadsSampled

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["ThreadsSource"]


class ThreadsSource:
    """Tells a :class:`~polymeter.events.runtime.ThreadsSampled` before each snapshot."""

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` how many there are."""
        sampled = events.emitter(ThreadsSampled)
        if not sampled.listening:
            return
        threads = _threads()
        daemons = sum(thread.daemon for thread in threads)
        sampled(ThreadsSampled(daemons=daemons, others=len(threads) - daemons))


def _threads() -> list[threading.Thread]:
    # threading.enumerate() takes a lock that whoever waits for this snapshot may be holding: a signal handler that
    # exports may have come while a thread was being started. This copy is one call into C.
    active: dict[int, threading.Thread] | None = getattr(threading, "_active", None)
    return threading.enumerate() if active is None else list(active.values())
