"""Starts without a stop: those of one event, in one task or thread."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, final

__all__ = ["Start", "Starts"]


class Start(NamedTuple):
    """A start without a stop.

    :ivar at: reading of the monotonic clock.
    :ivar opener: the block that ends it; ``None``: it was started by hand.
    :ivar process: the process that started it: a copy in a forked child is told to nobody.
    """

    at: float
    opener: object
    process: object


@final
class Starts:
    """The starts of one task or thread, the newest last.

    :ivar lost: how many fell out at the other end.
    """

    __slots__ = ("lost", "open", "where")

    def __init__(self, where: str) -> None:
        self.open: deque[Start] = deque()
        self.lost = 0
        self.where = where

    def add(self, start: Start, most: int) -> None:
        """Keep a start; if there are ``most`` already, the oldest falls out."""
        if len(self.open) >= most:
            self.open.popleft()
            self.lost += 1
        self.open.append(start)

    def take(self, opener: object) -> Start | None:
        """Take out the last start of a block; ``None`` if there is none."""
        for start in reversed(self.open.copy()):
            if start.opener is opener:
                try:
                    self.open.remove(start)
                except ValueError:  # somebody else was faster
                    continue
                return start
        return None
