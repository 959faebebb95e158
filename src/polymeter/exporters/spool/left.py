"""Left: what processes that are gone could not deliver."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from polymeter.errors import DeliveryError
from polymeter.exporters.spool.content import Content, DamagedError, ForeignVersionError, unpacked
from polymeter.exporters.spool.tally import DAMAGED, DELIVERED, DROPPED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.data.snapshot import Snapshot
    from polymeter.exporters.spool.folder import Entry, Folder
    from polymeter.exporters.spool.holds import Hold
    from polymeter.exporters.spool.tally import Tally

__all__ = ["Left", "Other"]


class Other:
    """One file of a process that is gone, held until it is known what becomes of it.

    :ivar snapshot: what is in it.
    :ivar identity: what told its process apart; empty where nothing does.
    """

    def __init__(self, hold: Hold, content: Content, left: Left) -> None:
        self.snapshot: Snapshot = content.snapshot
        self.identity = content.identity
        self._hold = hold
        self._missing = content.missing
        self._left = left

    def delivered(self) -> None:
        """Remove it."""
        self._left.tally.count(DAMAGED, times=self._missing)
        self._left.tally.count(DELIVERED)
        self._left.remove(self._hold)

    def drop(self, reason: str) -> None:
        """Give it up."""
        self._left.tally.count(DROPPED, reason)
        self._left.remove(self._hold)

    def let_go(self) -> None:
        """Leave it where it is; harmless when it is gone."""
        self._hold.let_go()


class Left:
    """Files of processes that are gone. Two processes never have the same one in hand.

    :ivar tally: where it is counted what becomes of them.
    """

    def __init__(self, folder: Folder, tally: Tally) -> None:
        self._folder = folder
        self.tally = tally

    def files(self) -> Iterator[Other]:
        """Give one after the other, the oldest first; who takes one has to let go of it.

        What is no use is removed on the way.
        """
        try:
            entries = self._folder.entries()
        except OSError as error:
            self.tally.failed(error)
            return
        for entry in entries:
            other = None
            try:
                other = self._other(entry)
            except OSError as error:
                self.tally.failed(error)
            if other is not None:
                yield other

    def _other(self, entry: Entry) -> Other | None:
        hold = self._folder.take(entry)
        if hold is None:
            return None
        other = None
        try:
            other = self._read(hold)
        finally:
            if other is None:
                hold.let_go()
        return other

    def _read(self, hold: Hold) -> Other | None:
        seen, bounds = hold.seen, self._folder.bounds
        if time.time() - seen.st_mtime > bounds.max_age:
            reason = "age"
        elif seen.st_size > bounds.max_bytes:
            reason = "bytes"
        else:
            try:
                return Other(hold, unpacked(hold.read()), self)
            except ForeignVersionError:  # whoever wrote it may come again; else it becomes too old
                return None
            except DamagedError:
                reason = "damaged"
        self.tally.count(DROPPED, reason)
        self.remove(hold)
        return None

    def remove(self, hold: Hold) -> None:
        """Remove a file; if that is impossible it is counted, and this process does not look at it again."""
        try:
            self._folder.remove(hold)
        except OSError as error:
            self.tally.failed(error)


def is_final(error: Exception) -> bool:
    """Tell whether a back end has refused for good what it was sent, so that the same again is no use."""
    return isinstance(error, DeliveryError) and error.reason == "rejected" and not error.is_ambiguous
