"""Place: the folder where the processes of one app meet, and who of them is alive.

====================  ================================================================================
file                  what it is
====================  ================================================================================
``presence``          the run, the epoch, and whose workers began it; every process of the app holds a shared lock on
                      it
``retired``           what the writers counted that are no more
``orders``            what was forgotten by order, lately: each writer does it too
``WRITER.slot``       what one writer has counted; it holds an exclusive lock on it for as long as it lives
====================  ================================================================================

Liveness is a lock, never a process id: see :mod:`~polymeter.locks`. A forked child shares the open
file of ``presence``, so an app whose first process ends is still the same run; that of a slot it closes, for it is not
the writer.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from zlib import crc32

from polymeter import locks
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.frames import Reading, frame
from polymeter.registries.shared import slot
from polymeter.registries.shared.program import SIZE, program

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CannotShareError", "Place", "Run", "checked_app", "default_directory"]

_MAGIC: Final = b"polymeter shared 1\n"
_ANY_MAGIC: Final = b"polymeter shared "
_RUN: Final = struct.Struct("<16sQ")
_PROGRAM_AT: Final = len(_MAGIC) + _RUN.size + 4
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.002
_AT_ONCE: Final = 60.0
_PRIVATE: Final = 0o700
_OURS: Final = frozenset({".slot", ".new", ".made"})
_MOST_ORDERS: Final = 100

Order: TypeAlias = "tuple[int, str, Tags]"
"""A number, a name and tags: what has them is forgotten."""


class CannotShareError(Exception):
    """Processes cannot meet in a place; the message says why."""


class Run(NamedTuple):
    """What all live processes of an app have in common.

    :ivar id: another one whenever an app starts while none of its processes lives.
    :ivar epoch: how often it has been cleared.
    """

    id: str
    epoch: int


def default_directory() -> Path:
    """Give where the apps of this user meet, unless they say otherwise: in memory where the system has a place for it.

    What is shared is worth nothing after a restart of the machine, so no disk has to be written.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a folder of this user alone is made in it, and checked
    base = memory if sys.platform == "linux" and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return base / f"polymeter-{os.getuid() if hasattr(os, 'getuid') else 'shared'}"


class Place:
    """One app's folder, entered by this process.

    :ivar path: the folder.
    :ivar user: who entered it.
    :ivar damaged: records that could not be read and were skipped, of those that are common to all.
    """

    def __init__(self, path: Path) -> None:
        """Enter: what no live process holds on to is swept away, and a new run begins.

        But for another worker of the same server (see :mod:`~polymeter.registries.shared.program`): the run goes on
        although no worker was there for a moment.

        :raises CannotShareError: if there is no folder that only this user can change, or it has no locks.
        """
        if not locks.are_there():
            message = "this system has no flock()"
            raise CannotShareError(message)
        self.path = path
        self.user = os.getuid()
        self._orders: list[Order] = []
        self._orders_seen: tuple[int, ...] = ()
        self._last_order = 0
        self.damaged = 0
        self._gates: dict[object, int] = {}
        self._unfinished: set[Path] = set()
        self._presence = -1
        self._left: Run | None = None
        self.enter()

    def enter(self) -> None:
        """Enter, also once more when the folder has been removed: it is still the same run then.

        :raises CannotShareError: as above; what was entered before stays entered then.
        """
        before, known = self._presence, self.run()
        try:
            _make(self.path)
            how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._presence = os.open(self.path / "presence", how, 0o600)
            self._lock(known)
        except BaseException as error:
            if self._presence != before:
                self.leave()
                self._presence = before
            if isinstance(error, OSError):
                raise CannotShareError(_said(error)) from error
            raise
        if before >= 0:
            os.close(before)

    def _lock(self, known: Run | None) -> None:
        with self.gate() as is_open:
            if not is_open:
                message = f"another process has held {self.path} locked for {_PATIENCE:g} s"
                raise CannotShareError(message)
            if locks.lock_alone(self._presence):  # nobody lives here, or this process is the first to come back
                mine = program()
                going_on = known or self._run_of(mine)
                if going_on is None:
                    self._sweep()
                self._write(going_on or Run(os.urandom(16).hex(), 0))
                if going_on is None:
                    os.pwrite(self._presence, mine or bytes(SIZE), _PROGRAM_AT)
            locks.lock_together(self._presence)
            said = os.pread(self._presence, len(_MAGIC), 0)
            if said.startswith(_ANY_MAGIC) and said[len(_ANY_MAGIC) :] != _MAGIC[len(_ANY_MAGIC) :]:
                message = f"live processes share {self.path} in another format: they run another version of polymeter"
                raise CannotShareError(message)
            if self.run() is None:  # damaged: as good a beginning as any
                self._write(known or Run(os.urandom(16).hex(), 0))

    def _run_of(self, mine: bytes | None) -> Run | None:
        """Give the run that the program began of which this process is a worker; ``None``: another one did, or none."""
        if mine is None or os.pread(self._presence, SIZE, _PROGRAM_AT) != mine:
            return None
        return self.run()

    def mend(self, known: Run) -> None:
        """Write what this process knows of the run, if that is damaged, or was mended by one that knew less.

        :raises OSError: if it cannot be written.
        """
        with self.gate() as is_open:
            said = self.run()
            if is_open and (said is None or (said.id == known.id and said.epoch < known.epoch)):
                self._write(known)
                self.damaged += 1

    def _sweep(self) -> None:
        for entry in self.path.iterdir():
            if entry.suffix in _OURS or entry.name in {"retired", "orders"}:
                with suppress(OSError):  # somebody else's folder of such a name: it is in nobody's way
                    entry.unlink()

    @property
    def is_left(self) -> bool:
        """Whether this process has left it."""
        return self._presence < 0

    def is_in_place(self) -> bool:
        """Tell whether the folder is still the one that was entered: some systems clean folders of temporary files."""
        try:
            return (self.path / "presence").stat().st_ino == os.fstat(self._presence).st_ino
        except OSError:
            return False

    @property
    def retired(self) -> Path:
        """The file of what the writers counted that are no more."""
        return self.path / "retired"

    def slot(self, writer: str) -> Path:
        """Give the file of a writer."""
        return self.path / f"{writer}.slot"

    def slots(self) -> list[Path]:
        """Give the files of all writers, in an order that is the same for everybody.

        What was being written already when this was asked last is looked at: its writer may have died.

        :raises OSError: if the folder cannot be read.
        """
        slots: list[Path] = []
        unfinished: set[Path] = set()
        for entry in self.path.iterdir():
            if entry.suffix == ".slot":
                slots.append(entry)
            elif entry.suffix == ".new":
                unfinished.add(entry)
        for entry in unfinished & self._unfinished:
            with suppress(OSError):
                _remove_if_left(entry)
        self._unfinished = unfinished
        return sorted(slots)

    def run(self) -> Run | None:
        """Give the run and the epoch of now; ``None`` if they cannot be read."""
        if self._presence < 0:
            return self._left
        try:
            said = os.pread(self._presence, len(_MAGIC) + _RUN.size + 4, 0)
        except OSError:
            return None
        body = said[len(_MAGIC) : -4]
        if not said.startswith(_MAGIC) or len(body) != _RUN.size or crc32(body) != int.from_bytes(said[-4:], "little"):
            return None
        identity, epoch = _RUN.unpack(body)
        return Run(identity.hex(), epoch)

    def begin_epoch(self) -> Run | None:
        """Begin another epoch of this run; give what holds now.

        :raises OSError: if that cannot be written.
        """
        with self.gate() as is_open:
            now = self.run()
            if is_open and now is not None:
                self.retired.unlink(missing_ok=True)  # first: else it would count in the new epoch if we were killed
                self._write(Run(now.id, now.epoch + 1))
        return self.run()

    # -- orders

    def orders(self) -> list[Order]:
        """Give what was forgotten by order, the last ones; it costs next to nothing if there is nothing new.

        :raises OSError: if it cannot be read.
        """
        path = self.path / "orders"
        try:
            seen = path.stat()
        except FileNotFoundError:
            return []
        version = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        if version != self._orders_seen and stat.S_ISREG(seen.st_mode):
            reading, orders = Reading(), list[Order]()
            reading.feed(path.read_bytes(), lambda body: _take_order(body, orders))
            self.damaged += reading.damaged
            self._last_order = max(self._last_order, *(number for number, _, _ in orders), 0) + reading.damaged
            self._orders, self._orders_seen = orders, version
        return self._orders

    def add_order(self, name: str, tags: Tags) -> int:
        """Have every writer forget what has this name and these tags; give the number. The gate has to be closed.

        :raises OSError: if it cannot be written.
        """
        orders = self.orders()[-_MOST_ORDERS:]
        number = self._last_order + 1
        said = [[each, name, tags.canonical] for each, name, tags in [*orders, (number, name, tags)]]
        made = self.path / "orders.made"
        made.unlink(missing_ok=True)
        made.write_bytes(b"".join(frame(slot.ORDER, json.dumps(each).encode()) for each in said))
        made.rename(self.path / "orders")
        self._last_order = number
        return number

    # -- the gate

    def _write(self, run: Run) -> None:
        body = _RUN.pack(bytes.fromhex(run.id), run.epoch)
        os.pwrite(self._presence, _MAGIC + body + crc32(body).to_bytes(4, "little"), 0)

    @contextmanager
    def gate(self, *, waits: bool = True) -> Generator[bool]:
        """Be alone with those who change what is common, for a ``with`` block; gives whether that came about."""
        until = time.monotonic() + (_PATIENCE if waits else 0)
        # Opened anew: forked children share the lock of what was open before.
        key = object()
        try:
            with locks.opening:
                self._gates[key] = own = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            while not (is_open := locks.lock_alone(own)) and time.monotonic() < until:
                time.sleep(_PAUSE)
            yield is_open
        finally:
            if key in self._gates:
                own = self._gates[key]
                del self._gates[key]  # called is nothing before it is closed: else all would wait for ever
                os.close(own)

    def after_fork_in_child(self) -> None:
        """Let go of the gate, should another thread of the parent have closed it: it is not the child's."""
        gates, self._gates = self._gates, {}
        for own in gates.values():
            with suppress(OSError):
                os.close(own)

    def leave(self) -> None:
        """Let go; harmless to repeat. Other processes that came from this one by forking may stay."""
        self._left = self.run() or self._left
        descriptor, self._presence = self._presence, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


def _remove_if_left(path: Path) -> None:
    """Remove what a writer was writing when it died."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        seen = os.fstat(file)
        # A writer locks it at once, and before it writes anything.
        if locks.is_free(file) and (seen.st_size or time.time() - seen.st_mtime > _AT_ONCE):
            path.unlink()
    finally:
        os.close(file)


def _make(path: Path) -> None:
    base = path.parent
    base.parent.mkdir(parents=True, exist_ok=True)
    for each in (base, path):
        with suppress(FileExistsError):
            each.mkdir(mode=_PRIVATE)
        seen = os.lstat(each)
        if each is base and base != default_directory():
            continue  # somebody has chosen it
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o022:
            message = f"{each} is not a folder that only this user can change"
            raise CannotShareError(message)


def _take_order(body: bytes, orders: list[Order]) -> None:
    with suppress(Exception):  # good bytes of bad sense
        number, name, tags = json.loads(body[1:])
        orders.append((int(number), str(name), Tags(dict(tags))))


def _said(error: OSError) -> str:
    return f"{errno.errorcode.get(error.errno or 0, 'error')}: {error}"


def checked_app(name: str) -> str:
    """Give a name that can be a folder's.

    :raises DefinitionError: for one that cannot.
    """
    if not isinstance(name, str) or not name or name.startswith(".") or any(each in name for each in "/\\\0"):
        message = f"SharedRegistry({name!r}): the name of the app is a text without '/', by which its processes meet"
        raise DefinitionError(message)
    return name
