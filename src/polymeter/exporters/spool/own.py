"""Own: what this process has not delivered yet, in a file that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.exporters.spool.content import Heads, packed
from polymeter.exporters.spool.folder import NoRoomError
from polymeter.exporters.spool.holds import Holds
from polymeter.exporters.spool.tally import DROPPED, FAILED
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.data.snapshot import Snapshot
    from polymeter.exporters.spool.folder import Folder
    from polymeter.exporters.spool.holds import Hold
    from polymeter.exporters.spool.tally import Tally

__all__ = ["Own"]


class Own:
    """The file of this process: there is one at most, and it has one name until it is left to others.

    An export replaces it, whatever became of the one before: its numbers are in this one too. So nothing that
    interrupts an export has to be undone.
    """

    def __init__(self, folder: Folder, tally: Tally, *, is_delta: bool, fsync: bool) -> None:
        """Keep nothing yet."""
        self._folder = folder
        self._tally = tally
        self._is_delta = is_delta
        self._fsync = fsync
        self._holds = Holds()
        self._heads = Heads()
        self._begin()
        after_fork(self)

    def _begin(self) -> None:
        self._name = self._folder.new_name()
        self._is_closed = False
        self._in_hand: set[Hold] = set()
        self._failed: Snapshot | None = None
        self._handed_over: Snapshot | None = None

    def untold(self, snapshot: Snapshot) -> Snapshot:
        """Give what of some differences is not in a file that was left to others when the exporter was closed.

        The pump does not know of that: it gives all that came since the last success.
        """
        before = self._handed_over
        return snapshot.since(before) if before is not None and before.writer else snapshot

    def keep(self, snapshot: Snapshot, identity: Callable[[Snapshot], Mapping[str, str]] | None = None) -> Hold | None:
        """Write ``snapshot`` to the folder, in place of what was there before.

        :param identity: gives what tells this process apart at the back end.
        :return: the file; ``None`` if it could not be written, which is counted.
        """
        self._is_closed = False
        try:
            content = packed(snapshot, identity(snapshot) if identity is not None else {}, self._heads)
            for reason in self._folder.make_room(len(content), self._name):
                self._tally.count(DROPPED, reason)
            before = self._holds.all()
            hold = self._folder.put(content, self._name, self._holds, fsync=self._fsync)
            self._in_hand.add(hold)
            for each in before:
                if each.path == hold.path:
                    each.let_go()
        except NoRoomError:
            self._tally.count(FAILED, "full")
        except Exception as error:  # noqa: BLE001 - numbers that cannot be kept are exported all the same
            self._tally.failed(error)
        else:
            return hold
        return None

    def delivered(self, hold: Hold | None) -> None:
        """Remove what has been delivered, or is not to be any more, with what failed before it."""
        self._handed_over = self._failed = None
        for each in [hold] if hold is not None else self._holds.all():
            try:
                self._folder.remove(each)
            except OSError as error:
                self._tally.failed(error)
            self._in_hand.discard(each)

    def failed(self, hold: Hold | None, given: Snapshot) -> None:
        """Hold on to what was not delivered, for the next export of this process, or for the next process."""
        self._failed = given
        if hold is not None:
            self._in_hand.discard(hold)
            if self._is_closed:
                hold.let_go()

    def close(self) -> None:
        """Leave what was not delivered to the next process; what is being sent just now as soon as that has failed."""
        self._is_closed = True
        left = [each for each in self._holds.all() if each not in self._in_hand]
        if left or self._in_hand:
            self._name = self._folder.new_name()
        if left and self._is_delta:
            self._handed_over = self._failed
        for each in left:
            each.let_go()

    def after_fork_in_child(self) -> None:
        """Begin with nothing: what the parent keeps is the parent's."""
        self._begin()
        self._tally.start_anew()
