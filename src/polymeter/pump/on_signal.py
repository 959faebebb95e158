"""OnSignal: a last export when a signal ends the process, where somebody asked for it."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

__all__ = ["OnSignal"]


class OnSignal:
    """Does ``work`` when one of ``signals`` arrives, and then what would have happened without it.

    That is the handler that was there before; where there was none, the signal ends the process as it always does, with
    the exit status of a signal. Handlers are inherited by forked children, and so is this one.
    """

    def __init__(self, signals: Sequence[int], work: Callable[[], object]) -> None:
        """Install the handlers.

        :param work: called in the main thread, wherever it is just then; has to be safe there, and limited in time.
        :raises DefinitionError: for a signal that cannot be handled, or on another thread than the main one.
        """
        if threading.current_thread() is not threading.main_thread():
            message = "on_signal() sets signal handlers, which Python allows on the main thread only: call it there"
            raise DefinitionError(message)
        self._work = work
        self._before: dict[int, Any] = {}
        for number in signals:
            try:
                self._before[number] = signal.signal(number, self._handle)
            except (OSError, ValueError, TypeError) as error:
                self.undo()
                message = f"on_signal({number!r}): this signal cannot be handled ({error})"
                raise DefinitionError(message) from None

    def undo(self) -> None:
        """Put back what was there before, unless somebody else has put something in our place since."""
        for number, before in self._before.items():
            try:
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, signal.SIG_DFL if before is None else before)
            except ValueError:  # not on the main thread: ours stays, and does nothing but what was there before
                continue
        self._work = _nothing

    def _handle(self, number: int, frame: FrameType | None) -> None:
        try:
            self._work()
        finally:
            before = self._before.get(number)
            if callable(before):
                before(number, frame)
            elif before != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)


def _nothing() -> None: ...
