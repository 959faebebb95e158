"""Folder: where the files of a spool are, and how much of them."""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import DefinitionError
from polymeter.exporters.spool.holds import Hold, Holds

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "Entry", "Folder", "NoRoomError", "checked_folder"]

_SUFFIX: Final = ".spool"
_UNFINISHED: Final = ".spool-new"
_AT_ONCE: Final = 3600.0
"""Seconds after which a file that nobody has finished is removed: its writer was killed."""


class NoRoomError(Exception):
    """What is to be kept does not fit, even with nothing else there that could go."""


class Bounds(NamedTuple):
    """How much may wait.

    :ivar max_bytes: of all files together.
    :ivar max_age: seconds.
    :ivar max_files: how many.
    """

    max_bytes: int
    max_age: float
    max_files: int


class Entry(NamedTuple):
    """A file that is there; they sort by age, the oldest first.

    :ivar written_at: nanoseconds since 1970.
    :ivar name: of the file.
    :ivar size: bytes.
    """

    written_at: int
    name: str
    size: int


class Folder:
    """The files of one kind of exporter in a folder. Others in there are nobody's business here."""

    def __init__(self, path: Path, kind: str, bounds: Bounds) -> None:
        """Touch nothing yet.

        :param kind: what file names begin with.
        """
        self.path = path
        self.bounds = bounds
        self._kind = f"{kind}-"
        self._holds = Holds()
        self._spent: set[str] = set()

    def entries(self) -> list[Entry]:
        """Give what is there, held by somebody or not, the oldest first.

        :raises OSError: if the folder cannot be read; a folder that is not there is empty.
        """
        found: list[Entry] = []
        try:
            names = os.listdir(self.path)  # noqa: PTH208 - an iterator could be left open
        except FileNotFoundError:
            return found
        for name in names:
            if not name.startswith(self._kind) or name in self._spent:
                continue
            path = self.path / name
            with suppress(FileNotFoundError):  # its holder has removed it just now
                seen = path.lstat()
                if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.getuid():
                    continue
                if name.endswith(_SUFFIX):
                    found.append(Entry(seen.st_mtime_ns, name, seen.st_size))
                elif name.endswith(_UNFINISHED) and time.time() - seen.st_mtime > _AT_ONCE:
                    path.unlink()
        return sorted(found)

    def take(self, entry: Entry) -> Hold | None:
        """Hold one of them; ``None`` if its process lives, or somebody else is at it.

        :raises OSError: if that cannot be found out.
        """
        return self._holds.take(self.path / entry.name)

    def remove(self, hold: Hold) -> None:
        """Remove a file that is done with, and let go of it.

        :raises OSError: if that cannot be done. This process does not look at it again then; others will.
        """
        try:
            hold.remove()
        except OSError:
            self._spent.add(hold.path.name)
            raise

    def make_room(self, size: int, name: str) -> Iterator[str]:
        """Remove the oldest files that nobody holds until there is room for one more; give the reason for each.

        :param size: bytes of the new one.
        :param name: of the new one, which replaces the one that has it now.
        :raises NoRoomError: if there is none all the same.
        :raises OSError: if the folder cannot be read.
        """
        entries = [each for each in self.entries() if each.name != name]
        total, number = sum(each.size for each in entries) + size, len(entries) + 1
        for entry in entries:
            if total <= self.bounds.max_bytes and number <= self.bounds.max_files:
                return
            hold = self.take(entry)
            if hold is not None:
                reason = "bytes" if total > self.bounds.max_bytes else "number"
                self.remove(hold)
                total, number = total - entry.size, number - 1
                yield reason
        if total > self.bounds.max_bytes or number > self.bounds.max_files:
            raise NoRoomError

    def new_name(self) -> str:
        """Give a name for a file that no other process has."""
        return f"{self._kind}{time.time_ns():020d}-{secrets.token_hex(8)}{_SUFFIX}"

    def put(self, content: bytes, name: str, holds: Holds, *, fsync: bool) -> Hold:
        """Write a file and hold it; whoever looks sees the one before or this one, never a part.

        :raises OSError: if that cannot be done; the one before stays then.
        """
        path = self.path / name
        made = path.with_suffix(f".{threading.get_ident()}{_UNFINISHED}")
        with suppress(FileNotFoundError):
            made.unlink()  # an export was interrupted
        try:
            hold = holds.make(made)
        except FileNotFoundError:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            hold = holds.make(made)
        try:
            hold.write(content, fsync=fsync)
            made.rename(path)
            hold.path = path
        except BaseException:
            hold.discard()
            raise
        return hold


def checked_folder(folder: str | os.PathLike[str]) -> Path:
    """Give the absolute path of a folder that is there, or could be made.

    :raises DefinitionError: for what cannot be a folder.
    """
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a spool needs the path of a folder, not {folder!r}"
        raise DefinitionError(message)
    path = Path(folder).absolute()  # the process may change its folder
    for each in (path, *path.parents):
        with suppress(OSError):  # not there, or not to be looked at: seen when something is to be written
            if not stat.S_ISDIR(each.stat().st_mode):
                message = f"the spool cannot be in {str(path)!r}: {str(each)!r} is a file; name a folder"
                raise DefinitionError(message)
            break
    return path
