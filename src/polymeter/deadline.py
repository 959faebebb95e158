"""Deadline: by when something has to be done, and the word to give up earlier."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from polymeter.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["DEFAULT_SECONDS", "Deadline", "current_deadline"]

DEFAULT_SECONDS: Final = 10.0
"""What one export may take, retries and waits included, where nobody says otherwise."""


class Deadline:
    """Has so many seconds, from now on.

    An exporter asks :func:`current_deadline`, gives its socket :attr:`left` seconds, and waits between two tries by
    :meth:`wait`. Whoever cancels the deadline ends that wait at once.
    """

    __slots__ = ("_clock", "_ends_at", "_going")

    def __init__(self, seconds: float = DEFAULT_SECONDS, clock: Clock = SYSTEM_CLOCK) -> None:
        """:param seconds: >= 0."""
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds
        # Taken until it is cancelled. Not an Event: that has a lock inside, which a signal handler that cancels what
        # it has interrupted would wait for.
        self._going = threading.Lock()
        self._going.acquire()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody said to give up."""
        return not self._going.locked()

    @property
    def left(self) -> float:
        """Seconds that are left; 0 if it is over or cancelled."""
        return 0.0 if self.is_cancelled else max(0.0, self._ends_at - self._clock.monotonic())

    @property
    def late(self) -> float:
        """Seconds for which it has been over; 0 before."""
        return max(0.0, self._clock.monotonic() - self._ends_at)

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return self.left <= 0

    def wait(self, seconds: float) -> bool:
        """Let ``seconds`` pass, or what is left; tell whether there is time for another try afterwards."""
        if self._clock.wait(self._going, min(seconds, self.left)):
            self._release()  # for others who wait
        return not self.is_over

    def cancel(self) -> None:
        """Say to give up; harmless to repeat."""
        self._release()

    def _release(self) -> None:
        try:
            self._going.release()
        except RuntimeError:  # somebody was faster
            return

    @contextmanager
    def active(self) -> Generator[None]:
        """Make this the deadline of a block, in this thread or task."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Deadline | None] = ContextVar("polymeter_deadline", default=None)


def current_deadline() -> Deadline:
    """Give the deadline of this thread or task; a new one of :data:`DEFAULT_SECONDS` if there is none."""
    deadline = _current.get()
    return Deadline() if deadline is None else deadline
