"""The connection that is kept between two requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.forking import after_fork

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.exporters.http.line import Line

__all__ = ["KeptLines"]

_IDLE: Final = 60.0
"""Seconds after which an idle connection is not used again: firewalls forget them without a word."""


class KeptLines:
    """All connections of a transport: at most one that is idle, and each in use by one thread.

    No lock: a signal handler that exports could wait for it in vain. To pop from a list and to append to it are one
    step each. A forked child closes its copies, which its parent does not notice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: set[Line] = set()
        self._idle: list[tuple[Line, float]] = []
        after_fork(self)

    def add(self, line: Line) -> None:
        """Take note of a new one."""
        self._open.add(line)

    def take(self) -> Line | None:
        """Give the idle one for use, if there is one that can still be used."""
        while self._idle:
            try:
                line, since = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if self._clock.monotonic() - since < _IDLE and not line.is_stale:
                return line
            self.drop(line)
        return None

    def keep(self, line: Line) -> None:
        """Take one back after use."""
        if self._idle:
            self.drop(line)
        else:
            self._idle.append((line, self._clock.monotonic()))

    def drop(self, line: Line) -> None:
        """Close one."""
        line.close()
        self._open.discard(line)

    def close(self) -> None:
        """Close the idle one."""
        while self._idle:
            self.drop(self._idle.pop()[0])

    def after_fork_in_child(self) -> None:
        """Leave all of them to the parent."""
        for line in self._open:
            line.close()
        self._open = set()
        self._idle = []

    def __del__(self) -> None:
        self.close()
