"""Time, passed in rather than looked up, so that a test can hold it still."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock:
    """Two readings of time: ``wall`` places things, ``monotonic`` measures them.

    :param wall: Unix seconds. May be stepped by the operating system, so never subtract two of them.
    :param monotonic: seconds from an arbitrary origin. Never goes back; only differences mean anything.
    """

    __slots__ = ("monotonic", "wall")

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.wall = wall
        self.monotonic = monotonic

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass on this clock; the system clock really waits."""
        time.sleep(max(0.0, seconds))

    def wait(self, lock: threading.Lock, seconds: float) -> bool:
        """Take ``lock``, waiting at most ``seconds``; tell whether that came about. The system clock really waits."""
        return lock.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))


SYSTEM_CLOCK = Clock()
"""The clock of the machine: what everything uses unless another one is given."""
