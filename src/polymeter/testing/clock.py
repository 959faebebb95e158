"""A clock that moves only when a test says so."""

from __future__ import annotations

import threading

from polymeter.clock import Clock

__all__ = ["ManualClock"]


class ManualClock(Clock):
    """A clock that stands still until it is told to move; thread-safe.

    ``sleep`` returns at once and moves the clock by what was asked for, so code that waits runs at full speed
    and still measures the time it asked for. With ``stepped=True`` each ``sleep`` first waits (for real) for
    one ``step()``: a test can then let a server on another thread go on exactly when its client is ready, and
    no reading depends on which thread was faster.

    :param start: Unix seconds that ``wall`` reads at first; ``monotonic`` starts at 0.
    :param stepped: make every ``sleep`` wait for a ``step()``.
    :param patience: real seconds that a stepped ``sleep`` waits before it gives up with ``TimeoutError``.
    """

    __slots__ = ("_elapsed", "_lock", "_patience", "_permits", "_start")

    def __init__(self, start: float = 1_700_000_000.0, *, stepped: bool = False, patience: float = 30.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._permits = threading.Semaphore(0) if stepped else None
        self._patience = patience
        super().__init__(wall=self._read_wall, monotonic=self._read_monotonic)

    def _read_wall(self) -> float:
        return self._start + self._elapsed

    def _read_monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both readings forward by ``seconds`` (>= 0)."""
        if seconds < 0:
            message = f"a clock cannot be advanced by {seconds} s; to step the wall clock back use set_wall()"
            raise ValueError(message)
        with self._lock:
            self._elapsed += seconds

    def set_wall(self, unix_seconds: float) -> None:
        """Step the wall clock, as an operating system may; ``monotonic`` does not move."""
        with self._lock:
            self._start = unix_seconds - self._elapsed

    def step(self, times: int = 1) -> None:
        """Let ``times`` calls of ``sleep`` go on (a stepped clock only)."""
        if self._permits is None:
            message = "only a stepped clock waits for steps: ManualClock(stepped=True)"
            raise ValueError(message)
        self._permits.release(times)

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass on this clock without waiting for them (stepped: after one ``step()``)."""
        if seconds <= 0:
            return
        if self._permits is not None and not self._permits.acquire(timeout=self._patience):
            message = f"nobody called step() within {self._patience} s"
            raise TimeoutError(message)
        self.advance(seconds)

    def wait(self, lock: threading.Lock, seconds: float) -> bool:
        """Take ``lock`` if it is free; else let ``seconds`` pass on this clock, and look again."""
        if lock.acquire(blocking=False):
            return True
        self.sleep(seconds)
        return lock.acquire(blocking=False)
