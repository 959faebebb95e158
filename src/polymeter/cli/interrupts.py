"""Ctrl-C in two steps: the first asks for an end, the second one is an end."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

__all__ = ["Interrupts", "heard_interrupts"]


class Interrupts:
    """Whether an end was asked for.

    A plain attribute that is polled: a handler that sets a ``threading.Event`` would hang if it interrupted that
    event's own ``wait``.
    """

    def __init__(self) -> None:
        self.asked = False

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """Note the first one, and let the next one raise ``KeyboardInterrupt``."""
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def heard_interrupts() -> Generator[Interrupts]:
    """Hear Ctrl-C for a block. Where signals cannot be heard, or are to be ignored, all stays as it is."""
    interrupts = Interrupts()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in {signal.SIG_IGN, None}:
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts.hear)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
