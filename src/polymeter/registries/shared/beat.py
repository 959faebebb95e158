"""Beat: a thread that publishes every so often, as long as there is something to publish."""

from __future__ import annotations

import os
import time
from _thread import TIMEOUT_MAX, LockType, allocate_lock, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Beat"]

_SHARE: Final = 0.02
"""Of one CPU: publishing that takes long is done more rarely."""

_IDLE: Final = 25
"""After so many beats without anything new the thread ends. The next record starts another one."""


class Beat:
    """Calls ``work`` every ``seconds``, less often if it takes more than 2 % of a CPU."""

    def __init__(self, seconds: float, work: Callable[[], bool], rest: Callable[[], object]) -> None:
        """Make one that does not run yet.

        :param work: tells whether there was anything to do; must not raise.
        :param rest: called when the thread is about to end, as there was nothing to do for a while: to have
            :meth:`start` called with the next record.
        """
        self._seconds = seconds
        self._work = work
        self._rest = rest
        self._running: list[LockType] = []
        self._process = os.getpid()

    def start(self) -> None:
        """Start the thread, unless it runs. Takes no lock that a record could be made under."""
        if self._process != os.getpid():
            self._process, self._running = os.getpid(), []
        mine = allocate_lock()  # taken until it is to stop
        mine.acquire()
        self._running.append(mine)
        if self._running[:1] != [mine]:
            self._forget(mine)
            return
        try:
            start_new_thread(self._run, (mine,))
        except RuntimeError:  # at the end of the process, or there are too many; what is recorded is published at exit
            self._forget(mine)
            self._rest()

    def _forget(self, mine: LockType) -> None:
        with suppress(ValueError):  # it was stopped meanwhile
            self._running.remove(mine)

    def stop(self) -> None:
        """Have the thread end at once, or after the work that it is at."""
        while self._running:
            try:
                self._running.pop().release()
            except IndexError:  # it has just ended
                return

    def _run(self, mine: LockType) -> None:
        try:
            self._go_on(mine)
        finally:  # also where something was raised into this thread: the next record must be able to start another one
            if mine in self._running:
                self._forget(mine)
                self._rest()

    def _go_on(self, mine: LockType) -> None:
        idle, pause = 0, self._seconds
        while True:
            if mine.acquire(timeout=min(pause, TIMEOUT_MAX)):
                return
            began = time.thread_time()
            idle = 0 if self._work() else idle + 1
            pause = max(self._seconds, (time.thread_time() - began) / _SHARE)
            if idle >= _IDLE:
                self.stop()
                self._rest()  # before the last look: what is recorded from now on starts another one
                self._work()
                return
