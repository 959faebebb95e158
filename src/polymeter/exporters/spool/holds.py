"""Files that are held: open here, and locked against all others for as long as that lasts."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter import locks
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Hold", "Holds"]

_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How files of others are opened: what is a link or a pipe keeps nobody waiting."""

_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


class Hold:
    """One file.

    :ivar path: its name; it may have been moved there.
    """

    __slots__ = ("_file", "_holds", "path")

    def __init__(self, path: Path, holds: set[Hold]) -> None:
        """Hold nothing yet."""
        self.path = path
        self._holds = holds
        self._file = -1
        holds.add(self)  # before it is open: so that a child that is forked just then knows of it

    def open(self, flags: int) -> bool:
        """Open and lock it; tell whether nobody else holds it, and it is still the file of that name.

        :raises OSError: if it cannot be opened, or the file system has no locks.
        """
        with locks.opening:
            self._file = os.open(self.path, flags, 0o600)
        return locks.lock_alone(self._file) and self.is_in_place

    @property
    def is_in_place(self) -> bool:
        """Whether the name is that of the file which is open.

        :raises OSError: if that cannot be found out.
        """
        try:
            seen, mine = os.lstat(self.path), self.seen
        except FileNotFoundError:
            return False
        return (seen.st_ino, seen.st_dev) == (mine.st_ino, mine.st_dev)

    @property
    def seen(self) -> os.stat_result:
        """What the system says of the open file."""
        return os.fstat(self._file)

    def read(self) -> bytes:
        """Give all of it.

        :raises OSError: if it cannot be read.
        """
        parts: list[bytes] = []
        at, size = 0, self.seen.st_size
        while at < size and (part := os.pread(self._file, size - at, at)):
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def write(self, content: bytes, *, fsync: bool) -> None:
        """Write all of it.

        :raises OSError: if that cannot be done.
        """
        left = memoryview(content)
        while left:
            left = left[os.write(self._file, left) :]
        if fsync:
            os.fsync(self._file)

    def remove(self) -> None:
        """Remove the file, if it is still there, and let go.

        :raises OSError: if that cannot be done.
        """
        try:
            if self.is_in_place:
                self.path.unlink()
        finally:
            self.let_go()

    def discard(self) -> None:
        """Remove what nobody is to find, if that can be done, and let go."""
        if self._file >= 0:
            with suppress(OSError):
                self.path.unlink()
        self.let_go()

    def let_go(self) -> None:
        """Leave the file to others; harmless to repeat."""
        file, self._file = self._file, -1
        self._holds.discard(self)
        if file >= 0:
            with suppress(OSError):
                os.close(file)


class Holds:
    """All files that one exporter holds. In a forked child it holds none: they are the parent's."""

    def __init__(self) -> None:
        """Hold none."""
        self._open: set[Hold] = set()
        after_fork(self)

    def take(self, path: Path) -> Hold | None:
        """Hold a file that is there; ``None`` if somebody else does, or it is gone.

        :raises OSError: if it cannot be opened, or the file system has no locks.
        """
        hold = Hold(path, self._open)
        is_held = False
        try:
            is_held = hold.open(_READ)
        except FileNotFoundError:
            return None
        finally:
            if not is_held:
                hold.let_go()
        return hold if is_held else None

    def make(self, path: Path) -> Hold:
        """Make a file that this process holds before anybody can find it.

        :raises OSError: if that cannot be done.
        """
        hold = Hold(path, self._open)
        is_held = False
        try:
            is_held = hold.open(_MAKE)
        finally:
            if not is_held:
                hold.discard()
        if not is_held:
            raise BlockingIOError
        return hold

    def all(self) -> list[Hold]:
        """Give all of them."""
        return list(self._open)

    def let_go(self) -> None:
        """Leave all of them to others."""
        for hold in self.all():
            hold.let_go()

    def after_fork_in_child(self) -> None:
        """Close the copies: else the parent's files would be held for as long as the child lives."""
        self.let_go()

    def __del__(self) -> None:
        self.let_go()
