"""Courier: the one thread that talks to Redis, every so often and whenever somebody waits for an answer."""

from __future__ import annotations

import threading
import time
from _thread import start_new_thread
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST_PAUSE", "Courier", "Ticket"]

LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts, at most, while Redis does not do what it is asked to."""

_FIRST_PAUSE: Final = 0.1
_SHARE: Final = 0.05


class Ticket:
    """Somebody who waits until what was recorded before has been told, and what there is has been read.

    :ivar wants_view: whether he wants to read.
    :ivar is_late: whether he has given up.
    """

    __slots__ = ("_done", "_then", "is_late", "wants_view")

    def __init__(self, *, wants_view: bool, then: Callable[[], object] | None = None) -> None:
        """:param then: called when it is done, on the courier's thread."""
        self.wants_view = wants_view
        self.is_late = False
        self._then = then
        self._done = threading.Lock()  # taken until it is done: no Event, whose lock a signal handler might meet again
        self._done.acquire()

    def done(self) -> None:
        """Say that it is done."""
        self._done.release()
        if self._then is not None:
            self._then()

    def wait(self, seconds: float) -> bool:
        """Wait until it is done, at most so long; tell whether it is."""
        done = self._done.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX)))
        self.is_late = not done
        return done


class Courier:
    """Calls ``work`` every ``seconds``, and at once for a ticket, on a thread that no exit waits for.

    After a failure it pauses longer and longer, up to 5 seconds, unless somebody asks. What takes long is done more
    rarely: by itself it takes 5 % of a CPU at most.

    :ivar is_failing: whether the last attempt failed.
    """

    def __init__(self, seconds: float, work: Callable[[bool], bool]) -> None:
        """Make one that does not run yet.

        :param work: is told whether somebody wants to read; tells whether all went well. Must not raise.
        """
        from queue import Empty, SimpleQueue

        self.is_failing = self.is_ending = False
        self._seconds = min(seconds, threading.TIMEOUT_MAX)
        self._work = work
        self._tickets: deque[Ticket] = deque()
        self._words: SimpleQueue[None] = SimpleQueue()
        self._silence = Empty
        self._running: list[object] = []
        self._ended = threading.Lock()
        self._identity = 0

    def start(self) -> None:
        """Start the thread, unless it runs. Takes no lock that a record could be made under."""
        mine = object()
        self._running.append(mine)
        if self._running[0] is not mine:
            self._running.remove(mine)
            return
        self._ended.acquire(blocking=False)
        try:
            start_new_thread(self._begin, ())
        except RuntimeError:  # at the end of the process, or there are too many
            self._running.clear()

    def _begin(self) -> None:
        """Start the thread that everybody can see; this here takes locks, and so runs on a thread of its own."""
        try:
            threading.Thread(target=self._run, name="polymeter-redis", daemon=True).start()
        except RuntimeError:  # as above
            self.is_failing = True
            self._running.clear()
            self._answer(len(self._tickets))

    @property
    def is_running(self) -> bool:
        """Whether there is a thread."""
        return bool(self._running)

    @property
    def is_this_thread(self) -> bool:
        """Whether it is the courier who asks."""
        return threading.get_ident() == self._identity

    @property
    def is_behind(self) -> bool:
        """Whether somebody has given up waiting for what is being done now."""
        return any(ticket.is_late for ticket in self._tickets.copy())

    def ask(self, ticket: Ticket) -> None:
        """Have it done for a ticket as soon as possible."""
        self._tickets.append(ticket)
        self._words.put(None)

    def end(self, seconds: float) -> None:
        """Have the thread end, and wait for that, at most so long."""
        self.is_ending = True
        self._words.put(None)
        if self._running and not self.is_this_thread and self._ended.acquire(timeout=max(0.0, seconds)):
            self._ended.release()

    def _run(self) -> None:
        self._identity = threading.get_ident()
        pause = self._seconds
        while not self.is_ending:
            if not self._tickets:
                with suppress(self._silence):
                    self._words.get(timeout=pause)
            while not self._words.empty():
                self._words.get()
            if self.is_ending:
                break
            asking, began = list(self._tickets), time.thread_time()
            self.is_failing = not self._work(any(ticket.wants_view for ticket in asking))
            if self.is_failing:
                pause = min(max(pause * 2, _FIRST_PAUSE), LONGEST_PAUSE)
            else:
                pause = max(self._seconds, (time.thread_time() - began) / _SHARE)
            self._answer(len(asking))
        self._answer(len(self._tickets))
        self._running.clear()
        self._identity = 0
        self._ended.release()

    def _answer(self, tickets: int) -> None:
        for _ in range(tickets):
            self._tickets.popleft().done()
