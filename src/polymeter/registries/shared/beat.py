"""Beat: a thread that publishes every so often, as long as there is something to publish."""

from __future__ import annotations

import os
import time
from _thread import start_new_thread
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
        self._running: list[object] = []
        self._process = os.getpid()

    def start(self) -> None:
        """Start the thread, unless it runs. Takes no lock that a record could be made under."""
        if self._process != os.getpid():
            self._process, self._running = os.getpid(), []
        mine = object()
        self._running.append(mine)
        if self._running[0] is not mine:
            self._running.remove(mine)
            return
        try:
            start_new_thread(self._run, (mine,))
        except RuntimeError:  # at the end of the process, or there are too many; what is recorded is published at exit
            self._running.remove(mine)
            self._rest()

    def stop(self) -> None:
        """Have the thread end at its next beat."""
        self._running.clear()

    def _run(self, mine: object) -> None:
        idle, pause = 0, self._seconds
        while True:
            time.sleep(pause)
            if mine not in self._running:
                return
            began = time.thread_time()
            idle = 0 if self._work() else idle + 1
            pause = max(self._seconds, (time.thread_time() - began) / _SHARE)
            if idle >= _IDLE:
                self.stop()
                self._rest()  # before the last look: what is recorded from now on starts another one
                self._work()
                return
