"""Frames: records in a file that others may read while it is written.

====== =====================================================
bytes  content
====== =====================================================
4      mark: where a reader finds its way again after damage
4      length of what follows the check
4      CRC-32 of all that follows
1      what it is
n      its content
====== =====================================================

Numbers are little-endian. A frame whose check fails is skipped and counted: nothing else is lost with it. One that is
not whole at the end of the file is about to be written, or was being written when its writer died.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_BYTES", "Reading", "frame"]

_MARK: Final = b"\xf5\x9dPM"
_HEAD: Final = struct.Struct("<4sII")
_SIZE: Final = _HEAD.size

MOST_BYTES: Final = 2**22
"""So long may one frame be: a length beyond it is damage."""

_IN_VAIN: Final = 16
"""So many times the bytes of a file are checked at most for frames that turn out to be none."""

_AT_FIRST: Final = 2**20


def frame(what: int, content: bytes) -> bytes:
    """Give the bytes of one frame."""
    body = b"%c%b" % (what, content)
    return b"%b%b" % (_HEAD.pack(_MARK, len(body), crc32(body)), body)


class Reading:
    """Reads the frames of one file as it grows.

    Takes time in proportion to the bytes, whatever they are: where marks stand close together and say long lengths,
    whole frames between them may be skipped too.

    :ivar damaged: stretches of bytes that were no frames.
    """

    __slots__ = ("_in_damage", "_in_vain", "_rest", "damaged")

    def __init__(self) -> None:
        self._rest = b""
        self._in_damage = False
        self._in_vain = _AT_FIRST  # bytes that may still be checked for nothing
        self.damaged = 0

    def feed(self, data: bytes, take: Callable[[bytes], object]) -> None:
        """Give the frames to ``take`` that have become whole with more bytes of the file: what it is, and its content.

        :param take: must not raise.
        """
        self._in_vain += _IN_VAIN * len(data)
        data = self._rest + data
        at, size, last = 0, len(data), len(data) - _SIZE
        unpack, check_of = _HEAD.unpack_from, crc32
        while at <= last:
            mark, length, check = unpack(data, at)
            if mark == _MARK and 0 < length <= MOST_BYTES:
                end = at + _SIZE + length
                if end > size:
                    # Not whole yet; or its length is what was damaged, and whole ones follow.
                    following = self._next_whole(data, at + 1)
                    if following is None:
                        break
                    self._count()
                    at = following
                    continue
                body = data[at + _SIZE : end]
                if check_of(body) == check:
                    self._in_damage = False
                    at = end
                    take(body)
                    continue
                at = self._after(at, end) - 1
            at = self._skip(data, at)
        self._rest = data[at:]

    def _skip(self, data: bytes, at: int) -> int:
        """Give where the next mark may be."""
        self._count()
        found = data.find(_MARK, at + 1)
        return found if found >= 0 else max(at + 1, len(data) - len(_MARK) + 1)

    def _after(self, at: int, end: int) -> int:
        """Give where to go on after what looked like a frame from ``at`` to ``end`` and failed its check."""
        self._in_vain -= end - at
        return at + 1 if self._in_vain >= 0 else end

    def _count(self) -> None:
        if not self._in_damage:
            self._in_damage = True
            self.damaged += 1

    def _next_whole(self, data: bytes, at: int) -> int | None:
        """Give where a frame with a good check begins, if there is one."""
        while (at := data.find(_MARK, at)) >= 0 and at + _SIZE <= len(data):
            _, length, check = _HEAD.unpack_from(data, at)
            end = at + _SIZE + length
            if not 0 < length <= MOST_BYTES or end > len(data):
                at += 1
            elif crc32(data[at + _SIZE : end]) == check:
                return at
            else:
                at = self._after(at, end)
        return None
