"""Lanes: jobs that may hang, each on a thread that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from queue import SimpleQueue

__all__ = ["SLOW", "run_in_lanes"]

SLOW: Final = 0.05
"""Seconds after which a job no longer holds up those behind it: they get another thread."""

_LOOK: Final = 0.02


def run_in_lanes(jobs: Iterable[Callable[[], object]], seconds: float, *, waits: bool = True) -> bool:
    """Run ``jobs`` one after another on a thread; tell whether all are done.

    Whichever takes longer than :data:`SLOW` keeps its thread to itself, and the others go on with a new one: a program
    whose jobs are quick has one thread for as long as they take. Who is not done in time is left behind, and who has
    not begun does not begin.

    :param jobs: must not raise.
    :param seconds: that this takes at most, of real time: a clock of the host's may stand still.
    :param waits: whether to wait for those who take long; else they go on by themselves.
    """
    from queue import SimpleQueue

    waiting = deque(jobs)
    done: SimpleQueue[None] = SimpleQueue()
    left = len(waiting)
    until = time.monotonic() + seconds
    lane: _Lane | None = None
    while left and time.monotonic() < until:
        if lane is None or lane.is_held_up:
            if not (waiting or waits):
                break
            if waiting:
                lane = _Lane(waiting, done)
                if not lane.start():
                    lane.run()
        left -= _taken(done, _LOOK)
    waiting.clear()  # too late to begin
    return not left


def _taken(done: SimpleQueue[None], seconds: float) -> int:
    from queue import Empty

    try:
        done.get(timeout=seconds)
    except Empty:
        return 0
    return 1


class _Lane:
    """One thread. A job that another lane has taken meanwhile is not done twice: taking one is one call into C."""

    def __init__(self, waiting: deque[Callable[[], object]], done: SimpleQueue[None]) -> None:
        self._waiting = waiting
        self._done = done
        self._since = time.monotonic()
        self._is_over = False

    @property
    def is_held_up(self) -> bool:
        """Whether its job takes long; then it does no other."""
        if time.monotonic() - self._since < SLOW:
            return False
        self._is_over = True
        return True

    def start(self) -> bool:
        """Begin; tell whether a thread could be had."""
        thread = threading.Thread(
            target=copy_context().run, args=(self.run,), name="polymeter-pump-export", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return False
        return True

    def run(self) -> None:
        """Do one job after another."""
        while not self._is_over:
            self._since = time.monotonic()
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            try:
                job()
            finally:
                self._done.put(None)
