"""Ticker: a thread that does something every so often, until it is told to end."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ticker"]

_LAST_STEPS: Final = 0.05


class Ticker:
    """Calls ``work`` every ``seconds`` of real time: a clock that a test holds still must not hold the thread.

    :ivar is_ending: whether it has been told to end.
    """

    def __init__(self, seconds: float, work: Callable[[Ticker], object]) -> None:
        """:param work: called with this ticker; must not raise."""
        from queue import Empty, SimpleQueue

        self.is_ending = self._is_done = False
        self._seconds = min(seconds, threading.TIMEOUT_MAX)
        self._work = work
        # Its own put() may interrupt another one, in a signal handler; an Event has a lock inside that may not.
        self._words: SimpleQueue[None] = SimpleQueue()
        self._silence = Empty
        self._thread = threading.Thread(target=self._run, name="polymeter-pump", daemon=True)

    def start(self) -> None:
        """Start the thread, unless it has been told to end: then it ends at once.

        :raises RuntimeError: if no thread can be started.
        """
        self._thread.start()

    def wake(self) -> None:
        """Have it work now; harmless to repeat, from wherever."""
        if self._words.empty():
            self._words.put(None)

    def end(self) -> None:
        """Tell the thread to end; harmless to repeat, and before it has been started."""
        self.is_ending = True
        self._words.put(None)

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, at most so many seconds; not if it is the one that calls."""
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            # A signal handler that has interrupted a join of a thread that has ended waits for that join, in vain.
            self._thread.join(_LAST_STEPS if self._is_done else seconds)

    def _run(self) -> None:
        while not self.is_ending:
            with suppress(self._silence):
                self._words.get(timeout=self._seconds)
            if not self.is_ending:
                self._work(self)
        self._is_done = True
