"""Turns: who may deliver to one exporter, first come, first served."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Turns"]

_SHORTEST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.02


class Turns:
    """A queue without a lock: one that is taken with a time limit stays taken if a signal handler raises just then.

    Who enters has to leave, in a ``finally``.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[object, None] = {}

    def enter(self, token: object) -> None:
        """Queue up."""
        self._waiting[token] = None

    def leave(self, token: object) -> None:
        """End one's turn, or wait no more; harmless to repeat."""
        self._waiting.pop(token, None)

    def is_of(self, token: object) -> bool:
        """Tell whether it is this one's turn."""
        return next(iter(list(self._waiting)), None) is token

    def come(self, token: object, until: float) -> bool:
        """Wait for one's turn until ``until`` (of ``time.monotonic``); tell whether it came."""
        for pause in self._pauses(token, until):
            time.sleep(pause)
        return self.is_of(token)

    async def come_here(self, token: object, until: float) -> bool:
        """Do the same on an event loop."""
        import asyncio

        for pause in self._pauses(token, until):
            await asyncio.sleep(pause)
        return self.is_of(token)

    def _pauses(self, token: object, until: float) -> Generator[float]:
        pause = _SHORTEST_PAUSE
        while not self.is_of(token) and time.monotonic() < until:
            yield pause
            pause = min(2 * pause, _LONGEST_PAUSE)
