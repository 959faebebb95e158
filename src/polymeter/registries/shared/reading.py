"""Reading what writers have published: of each file only what is new since the last time."""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polymeter.data.packing import Identity
from polymeter.data.records import definition_of, parted
from polymeter.frames import Reading
from polymeter.locks import is_free
from polymeter.registries.shared import slot

if TYPE_CHECKING:
    from pathlib import Path

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.packing import Place


__all__ = ["End", "Identities", "Published"]

_MOST_IDENTITIES: Final = 200_000
_AT_ONCE: Final = 2**20
_HOW: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
"""How files are opened: what is a link or a pipe keeps nobody waiting."""


class Identities(dict[bytes, Identity]):
    """Identities that were unpacked before, by their bytes."""

    def learn(self, packed: bytes, types: bytes) -> None:
        """Unpack one.

        :raises Exception: if it is none.
        """
        if len(self) >= _MOST_IDENTITIES:
            self.clear()
        self[packed] = Identity(packed, types.decode())

    def of(self, packed: bytes) -> Identity:
        """Give one, with tags that are texts if it has been forgotten what they were."""
        known = self.get(packed)
        if known is None:
            known = self[packed] = Identity(packed)
        return known


class End(NamedTuple):
    """The end of a series: its identity, where its last state is, and whether it was forgotten by order."""

    identity: bytes
    last: Place
    by_order: bool


class Published:
    """A file of frames, read as it grows.

    :ivar header: what its first frame says; empty: it has none yet.
    :ivar states: identity -> where the last state of a series is, in the bytes of its frame.
    :ivar ends: number -> the end of a series.
    :ivar new_ends: those that were read since somebody emptied this list.
    :ivar ended: identity without tags -> where the state is of what forgotten series of the metric had counted.
    :ivar said: definitions that were read since somebody emptied this list.
    :ivar changed: identities whose state is another one since somebody emptied this set.
    :ivar is_alive: whether its writer was alive when it was read last.
    :ivar is_foreign: whether it is of another version, and not ours to count or to remove.

    What is interrupted while it takes in bytes is done again from the beginning of the file.
    """

    def __init__(self, path: Path, identities: Identities) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self.states: dict[bytes, Place] = {}
        self.ends: dict[int, End] = {}
        self.new_ends: list[End] = []
        self.ended: dict[bytes, Place] = {}
        self.said: list[MetricDefinition] = []
        self.changed: set[bytes] = set()
        self.is_alive = True
        self.is_foreign = False
        self.inode = 0
        self._identities = identities
        self._file = -1
        self._at = 0
        self._is_whole = True  # whether all bytes before that place have been taken in
        self._frames = Reading()
        self._nonsense = 0
        self._damaged_before = 0  # in files that stood here before
        self._most_damaged = 0

    @property
    def damaged(self) -> int:
        """Records that could not be read and were skipped; it never falls."""
        self._most_damaged = max(
            self._most_damaged, self._damaged_before + self._nonsense + self._frames.damaged + self.is_foreign
        )
        return self._most_damaged

    def refresh(self) -> bool:
        """Read what is new; tell whether the file is there.

        :raises OSError: if it cannot be read.
        """
        if not (self._is_whole and self._is_open_and_in_place()) and not self._open():
            return False
        is_alive = True
        # Asked before reading: of a dead writer everything is read then. A writer may put another file in the place
        # of the one that is open here, whose lock is gone then.
        while is_free(self._file):
            if self._is_open_and_in_place():
                is_alive = False
                break
            if not self._open():
                return False
        while data := os.pread(self._file, _AT_ONCE, self._at):
            self._is_whole = False
            self._at += len(data)
            self._frames.feed(data, self._take)
            self._is_whole = True
        self.is_alive = is_alive  # not before: what cannot be read to its end is not folded
        return True

    @property
    def is_left(self) -> bool:
        """Whether nobody holds the file that was read last, wherever it is now.

        :raises OSError: if it cannot be asked.
        """
        return self._file < 0 or is_free(self._file)

    def is_of(self, epoch: int) -> bool:
        """Tell whether what is in it counts in an epoch. It does if all that says so was damaged."""
        said: int = self.header.get("epoch", epoch)
        return said == epoch

    def _is_open_and_in_place(self) -> bool:
        if self._file < 0:
            return False
        try:
            seen = self.path.stat()
        except FileNotFoundError:
            return False
        return seen.st_ino == self.inode and seen.st_size >= self._at

    def _open(self) -> bool:
        """Begin with the file that is there now: everything in it is new, and what it does not have is gone."""
        try:
            file = os.open(self.path, _HOW)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link: not ours
                return False
            raise
        seen, frames, inode = os.fstat(file), Reading(), self.inode
        if not stat.S_ISREG(seen.st_mode):
            os.close(file)
            return False
        self.close()
        self.changed.update(self.states)
        before = self.damaged
        # From here on nothing is called: a signal handler that raises comes before all of it, or after.
        if seen.st_ino != inode:  # else the same damage is about to be met again
            self._damaged_before = before
        self._nonsense = 0
        self._file, self.inode, self._at, self._frames = file, seen.st_ino, 0, frames
        self.header, self.states, self.ends, self.ended = {}, {}, {}, {}
        self.is_alive, self.is_foreign, self._is_whole = True, False, True
        return True

    def _take(self, body: bytes) -> None:
        try:
            if body[0] == slot.STATE:  # as nearly always
                identity, types, at = parted(body, 1)
                if identity not in self._identities:
                    self._identities.learn(identity, body[types:at])
                self.states[identity] = (body, at)
                self.changed.add(identity)
            else:
                self._take_other(body)
        except Exception:  # noqa: BLE001 - good bytes of bad sense
            self._nonsense += 1

    def _take_other(self, body: bytes) -> None:
        what = body[0]
        if what == slot.GONE:
            number, by_order, at = slot.end_of(body, 1)
            identity, place = self._series(body, at)
            if number not in self.ends:
                self.new_ends.append(End(identity, place, by_order))
            self.ends[number] = End(identity, place, by_order)
            self.states.pop(identity, None)
            self.changed.add(identity)
        elif what == slot.ENDED:
            identity, place = self._series(body, 1)
            self.ended[identity] = place
        elif what == slot.DEFINITION:
            self.said.append(definition_of(body[1:]))
        elif what == slot.HEADER:
            header = json.loads(body[1:])
            if header["version"] == slot.VERSION:
                self.header = header
            else:
                self.is_foreign = True

    def _series(self, body: bytes, at: int) -> tuple[bytes, Place]:
        identity, types, state = parted(body, at)
        if identity not in self._identities:
            self._identities.learn(identity, body[types:state])
        return identity, (body, state)

    def spoil(self, identity: bytes) -> None:
        """Count a state that cannot be unpacked, and forget it."""
        del self.states[identity]
        self._nonsense += 1

    def close(self) -> None:
        """Close the file; harmless to repeat."""
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                os.close(file)
