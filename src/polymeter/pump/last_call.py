"""LastCall: work at the interpreter's exit, on a thread that the exit need not wait for."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LastCall"]

# https://github.com/python/cpython/issues/113964: these start no thread once the main thread has come to its end.
_NO_THREAD_AT_EXIT: Final = (3, 12) <= sys.version_info < (3, 12, 3)


class LastCall:
    """Does ``work`` when the interpreter exits, and has the exit wait a limited time.

    The thread is started then. Python 3.12.0 to 3.12.2 cannot do that, there :meth:`stand_by` starts it, to wait for
    the exit; in a child that was forked after that, which does not have it, the work is done without a limit.
    """

    def __init__(self, prepare: Callable[[], object], work: Callable[[], object], seconds: float) -> None:
        """Register with the interpreter.

        :param prepare: called by the exit itself: in a busy program it takes a while until another thread has its turn.
        :param seconds: how long the exit waits for ``work`` at most.
        """
        self._prepare = prepare
        self._work = work
        self._seconds = seconds
        self._is_off = False
        self._thread: threading.Thread | None = None
        self._go = threading.Lock()  # taken until the thread is to go on; see Ticker
        self._go.acquire()
        # Finalisers run newest first, and all of them where the first one ever was registered: a plain exit hook could
        # come before those that end open streams, and miss what they still have to say.
        self._finalizer = weakref.finalize(_PROCESS, self._exit)

    def stand_by(self) -> None:
        """Start the thread now, where that is not possible later."""
        if _NO_THREAD_AT_EXIT:
            self._start()

    def call_off(self) -> None:
        """Do nothing at exit; harmless to repeat."""
        self._finalizer.detach()
        self._is_off = True
        thread = self._thread
        self._release()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._seconds)

    def _exit(self) -> None:
        self._prepare()
        self._release()  # before the thread starts: among many it would have to wait for its turn once more
        thread = self._thread
        if thread is None or not thread.is_alive():
            thread = self._start()
        if thread is None:
            self._work()
        else:
            thread.join(self._seconds)

    def _start(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name="polymeter-pump-exit", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be had
            return None
        self._thread = thread
        return thread

    def _release(self) -> None:
        try:
            self._go.release()
        except RuntimeError:  # it was released before
            return

    def _run(self) -> None:
        self._go.acquire()
        if not self._is_off:
            self._work()


class _Process:
    """Lives as long as the process."""


_PROCESS: Final = _Process()
