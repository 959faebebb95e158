"""LastCall: work at the end of the process, on a thread that the end need not wait for."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LastCall"]

# https://github.com/python/cpython/issues/113964: these start no thread once the main thread has come to its end.
_NO_THREAD_AT_EXIT: Final = (3, 12) <= sys.version_info < (3, 12, 3)

_THEIR_OWN_ENDS: Final = ("multiprocessing", "billiard")
"""Libraries whose children leave without telling the interpreter; billiard is that of Celery."""

_BEFORE_ITS_QUEUES: Final = 20
"""Priority among what a child of ``multiprocessing`` does at its end: its queues are still open then."""


class LastCall:
    """Does ``work`` when the process ends, and has the end wait a limited time.

    The thread is started then. Python 3.12.0 to 3.12.2 cannot do that, there :meth:`stand_by` starts it, to wait for
    the exit; in a child that was forked after that, which does not have it, the work is done without a limit.

    Children of ``multiprocessing``, workers of its pools and of ``concurrent.futures`` among them, leave without
    telling the interpreter; they have a list of their own of what to do at the end. Those of Celery leave without
    looking at that list, but not without a signal of Celery's. A uvicorn that was told to end by a signal kills itself
    by that signal, once it has shut down: the last call comes between.
    """

    def __init__(self, prepare: Callable[[], object], work: Callable[[], object], seconds: float) -> None:
        """Register with the interpreter.

        :param prepare: called by the exit itself: in a busy program it takes a while until another thread has its turn.
        :param work: called once or, in a process that goes on after it was called, more often.
        :param seconds: how long the exit waits for ``work`` at most.
        """
        self._prepare = prepare
        self._work = work
        self._seconds = seconds
        self._is_off = False
        self._thread: threading.Thread | None = None
        self._go = threading.Lock()  # taken until the thread is to go on
        self._go.acquire()
        # Finalisers run newest first, and all of them where the first one ever was registered: a plain exit hook could
        # come before those that end open streams, and miss what they still have to say.
        self._finalizer = weakref.finalize(_PROCESS, self.now)
        self._children_ends: list[Any] = []
        self.tell_multiprocessing()

    def tell_multiprocessing(self) -> None:
        """Register with ``multiprocessing`` too, if it is there: now, and again in each child that it starts.

        A child forgets what was registered before it began; what it does at its beginning it remembers.
        """
        for library in _THEIR_OWN_ENDS:
            util = sys.modules.get(f"{library}.util")
            if util is not None and not self._is_off:
                util.register_after_fork(self, LastCall._register_in_child)
        if any(map(_is_child_of, _THEIR_OWN_ENDS)):
            self._register_in_child()
        self.tell_servers()

    def tell_servers(self) -> None:
        """Have those servers tell us of their end that are there by now and leave by ways of their own."""
        if self._is_off:
            return
        if self not in _told_by_servers:
            _told_by_servers.append(self)  # children inherit it
        # A module that another thread is importing may not have everything yet; then the next time.
        signals = sys.modules.get("celery.signals")
        shutdown = getattr(signals, "worker_process_shutdown", None)
        if shutdown is not None and signals not in _telling:
            _telling.append(signals)
            shutdown.connect(_tell_all)
        uvicorn = sys.modules.get("uvicorn.server")
        server = getattr(uvicorn, "Server", None)
        if server is not None and uvicorn not in _telling:
            _telling.append(uvicorn)
            _tell_at_shutdown(server)

    def _register_in_child(self) -> None:
        for library in _THEIR_OWN_ENDS:
            util = sys.modules.get(f"{library}.util")
            if util is not None and not self._is_off and _is_child_of(library):
                end = util.Finalize(None, self.now, exitpriority=_BEFORE_ITS_QUEUES)
                self._children_ends.append(end)

    def stand_by(self) -> None:
        """Start the thread now, where that is not possible later."""
        if _NO_THREAD_AT_EXIT:
            self._start()

    def call_off(self) -> None:
        """Do nothing at exit; harmless to repeat."""
        self._finalizer.detach()
        self._is_off = True
        while self._children_ends:
            self._children_ends.pop().cancel()
        if self in _told_by_servers:
            _told_by_servers.remove(self)
        thread = self._thread
        self._release()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._seconds)

    def now(self) -> None:
        """Do the work, on a thread that is waited for a limited time."""
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


_told_by_servers: list[LastCall] = []
_telling: list[Any] = []
"""Modules of servers that tell us."""


def _tell_all(**_: object) -> None:
    for last_call in reversed(_told_by_servers.copy()):  # the newest first, as at the end of any process
        last_call.now()


def _tell_at_shutdown(server: Any) -> None:
    """Wrap the method by which a uvicorn shuts down: nobody is asked any more once it has killed itself."""
    import asyncio
    import functools

    shut_down = server.shutdown

    @functools.wraps(shut_down)
    async def shutdown(self: Any, *args: Any, **options: Any) -> None:
        try:
            await shut_down(self, *args, **options)
        finally:
            if getattr(self, "_captured_signals", None):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, _tell_all)  # some of the work may need the loop

    server.shutdown = shutdown


def _is_child_of(library: str) -> bool:
    process = sys.modules.get(f"{library}.process")
    if process is None:
        return False
    if hasattr(process, "parent_process"):
        return process.parent_process() is not None
    return getattr(process.current_process(), "_parent_pid", None) is not None  # billiard


class _Process:
    """Lives as long as the process."""


_PROCESS: Final = _Process()
