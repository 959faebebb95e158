"""Lanes: jobs that may hang, each on a thread that nobody has to wait for."""

from __future__ import annotations

import sys
import threading
import time
from _thread import start_new_thread
from collections import deque
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from queue import SimpleQueue
    from types import FrameType

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
    if lane is not None and not left:
        lane.end()
    return not left


def _taken(done: SimpleQueue[None], seconds: float) -> int:
    from queue import Empty

    try:
        done.get(timeout=seconds)
    except Empty:
        return 0
    return 1


_without_locks: ContextVar[bool] = ContextVar("polymeter_without_locks", default=False)
"""Whether somebody waits for us who may be holding the lock that ``Thread.start()`` takes."""

_AT_THE_BOTTOM: Final = frozenset({"_bootstrap", "_bootstrap_inner", "run"})


def _interrupts_threading() -> bool:
    """Tell whether this is a signal handler or a finaliser that has come in the middle of the module ``threading``.

    It starts threads under a lock. Then a thread can only be started without it, and has no name.
    """
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        code = frame.f_code
        if code.co_filename == threading.__file__ and code.co_name not in _AT_THE_BOTTOM:
            return True
        frame = frame.f_back
    return False


class _Lane:
    """One thread. A job that another lane has taken meanwhile is not done twice: taking one is one call into C."""

    def __init__(self, waiting: deque[Callable[[], object]], done: SimpleQueue[None]) -> None:
        self._waiting = waiting
        self._done = done
        self._since = time.monotonic()
        self._is_over = False
        self._thread: threading.Thread | None = None

    @property
    def is_held_up(self) -> bool:
        """Whether its job takes long; then it does no other."""
        if time.monotonic() - self._since < SLOW:
            return False
        self._is_over = True
        return True

    def start(self) -> bool:
        """Begin; tell whether a thread could be had."""
        context = copy_context()
        try:
            if _without_locks.get() or _interrupts_threading():
                context.run(lambda: _without_locks.set(True))
                start_new_thread(context.run, (self._run_alone,))
            else:
                name = "polymeter-pump-export"
                thread = threading.Thread(target=context.run, args=(self._run_alone,), name=name, daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:
            return False
        return True

    def end(self) -> None:
        """Wait for the thread, which has nothing left to do."""
        if self._thread is not None:
            self._thread.join(SLOW)

    def _run_alone(self) -> None:
        """Do so on a thread of its own: what is no ``Exception`` is meant for nobody else there, and ends nothing."""
        while True:
            try:
                return self.run()
            except BaseException:  # noqa: BLE001, S112 - else Python would write a traceback into the host's errors
                continue

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
