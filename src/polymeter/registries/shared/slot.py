"""Slot: what one writer publishes, in a file that only it changes.

The file begins with a header; then come frames, each with everything that is known of one series, so the last one of a
series counts and a lost one is made good by the next. Before it grows to several times what is in it, the writer puts
a new file in its place.
"""

from __future__ import annotations

import errno
import json
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter import locks
from polymeter.frames import frame

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "DEFINITION",
    "ENDED",
    "GONE",
    "HEADER",
    "ORDER",
    "STATE",
    "Slot",
    "end_of",
    "gone",
    "header",
]

HEADER: Final = 1
"""JSON: the version, the writer, the run and its epoch."""

DEFINITION: Final = 2
"""JSON: what is said about a metric."""

STATE: Final = 3
"""A series: its identity and its state."""

GONE: Final = 4
"""A series that has ended: the number of that end among all of this writer, whether it was forgotten by order, and
then as of a series: its identity and its last state."""

ENDED: Final = 5
"""What forgotten series of a metric had counted: an identity without tags, and a state."""

ORDER: Final = 6
"""JSON: a number, a name and tags: what has them is forgotten."""

VERSION: Final = 1
_SPARE: Final = 2**16
_TIMES: Final = 3
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def header(**said: object) -> bytes:
    """Give the frame that a file begins with."""
    return frame(HEADER, json.dumps({"version": VERSION, **said}, separators=(",", ":")).encode())


_END: Final = struct.Struct("<Q?")


def gone(number: int, content: bytes, *, by_order: bool) -> bytes:
    """Give the content of a frame about the end of a series.

    :param content: as of :func:`~polymeter.data.records.joined`, with its last state.
    """
    return _END.pack(number, by_order) + content


def end_of(body: bytes, at: int) -> tuple[int, bool, int]:
    """Give the number of an end, whether it was by order, and where the content about the series begins."""
    number, by_order = _END.unpack_from(body, at)
    return number, by_order, at + _END.size


class Slot:
    """The writer's side of one file.

    :ivar size: bytes in the file.
    """

    def __init__(self, path: Path, head: bytes = b"") -> None:
        """Make the file and lock it; without a ``head`` :meth:`replace` makes it.

        :raises OSError: if that cannot be done.
        """
        self._path = path
        self._file = self._other = -1  # the other one is about to be in its place, or was
        self._torn = True
        self.size = self._fresh = 0
        if head:
            self._put(head)

    @property
    def wants_replacing(self) -> bool:
        """Whether most of the file is out of date, it has been removed, or a frame was not written to its end."""
        return self._torn or self.size > _SPARE + _TIMES * self._fresh or not self._is_in_place()

    def _is_in_place(self) -> bool:
        """Tell whether the file is there, with all that was put into it: some systems clean temporary files."""
        try:
            seen = self._path.stat()
        except OSError:
            return False
        return seen.st_size == self.size and self._is_path_of(self._file)

    def _is_path_of(self, file: int) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(file).st_ino
        except OSError:
            return False

    def append(self, frames: bytes) -> None:
        """Add frames.

        :raises OSError: if they cannot be written; what was there is still there, and :meth:`replace` mends the rest.
        """
        self._torn = True
        _write(self._file, frames)
        self.size += len(frames)
        self._torn = False

    def replace(self, content: bytes) -> None:
        """Put a new file in the place of this one.

        :param content: header and frames of everything.
        :raises OSError: if that cannot be done; this one stays then.
        """
        try:
            self._put(content)
        except OSError as error:
            if error.errno not in _NO_ROOM or self._file < 0 or self.size < _TIMES * len(content):
                raise
            # What is out of date takes the room. Who has read it knows it on, as long as this writer lives.
            self._path.unlink(missing_ok=True)
            os.ftruncate(self._file, 0)
            self._put(content)

    def _put(self, content: bytes) -> None:
        made = self._path.with_suffix(".new")
        self._keep_the_one_in_place()  # a signal handler may have raised in the middle of this
        self._torn = True
        with suppress(FileNotFoundError):
            made.unlink()
        with locks.opening:
            self._other = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # Locked before anybody can see it: who finds a slot without a lock takes its writer for dead.
            locks.lock_alone(self._other)
            _write(self._other, content)
            made.rename(self._path)
            self.size = self._fresh = len(content)
            self._torn = False
        finally:
            self._keep_the_one_in_place()
            if self._torn:
                with suppress(OSError):
                    made.unlink()

    def _keep_the_one_in_place(self) -> None:
        if self._other >= 0 and self._is_path_of(self._other):
            self._file, self._other = self._other, self._file
        self._close_other()

    def _close_other(self) -> None:
        file, self._other = self._other, -1
        if file >= 0:
            try:  # noqa: SIM105 - nothing may be called in between
                os.close(file)
            except OSError:
                pass

    def let_go(self) -> None:
        """Close the file: this is another process now, or the end of this one."""
        self._close_other()
        self._other, self._file = self._file, -1
        self._close_other()


def _write(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
