"""Attempt: one delivery of one snapshot to one exporter, when its turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.snapshot import Snapshot
    from polymeter.deadline import Deadline
    from polymeter.pump.delivery import Delivery

__all__ = ["Attempt", "Terms"]


class Terms(NamedTuple):
    """How a round of attempts goes about it.

    :ivar insists: whether to wait for one's turn, and to try an exporter that is held back; else both are left to the
        next round.
    :ivar until: how long to wait for a turn, of ``time.monotonic``.
    :ivar deadline: gives that of one delivery, when it begins.
    """

    insists: bool
    until: float
    deadline: Callable[[], Deadline]


class Attempt:
    """Delivers what was read, unless something that may be newer has been delivered since the reading began.

    :ivar delivery: to whom.
    :ivar error: what it failed with.
    :ivar was_overtaken: whether somebody else has delivered meanwhile.
    """

    __slots__ = ("_begun", "_is_done", "_is_under_way", "_terms", "delivery", "error", "was_overtaken")

    def __init__(self, delivery: Delivery, terms: Terms) -> None:
        """Make it before reading."""
        self.delivery = delivery
        self.error: Exception | None = None
        self.was_overtaken = self._is_under_way = self._is_done = False
        self._terms = terms
        self._begun = delivery.begun

    def run(self, snapshot: Snapshot) -> None:
        """Deliver ``snapshot`` when it is this one's turn."""
        turns = self.delivery.turns
        try:
            turns.enter(self)
            if not turns.come(self, self._terms.until):
                self._has_no_turn()
            elif self._begins():
                self.error = self.delivery.deliver(snapshot, self._terms.deadline())
                self._is_done = True
        finally:
            turns.leave(self)

    async def run_here(self, snapshot: Snapshot) -> None:
        """Do so on the running event loop, which goes on meanwhile."""
        delivery, turns = self.delivery, self.delivery.turns
        try:
            turns.enter(self)
            if not await turns.come_here(self, self._terms.until):
                self._has_no_turn()
            elif self._begins():
                if delivery.belongs_on_a_loop:
                    self.error = await delivery.deliver_here(snapshot, self._terms.deadline())
                else:
                    self.error = await delivery.deliver_beside(snapshot, self._terms.deadline())
                self._is_done = True
        finally:
            turns.leave(self)

    def leave_behind(self) -> None:
        """Wait no longer for what is still under way."""
        if self._is_under_way and not self._is_done:
            self.error = self.delivery.left_behind()
        elif not self._is_under_way and not self.was_overtaken:
            self._has_no_turn()

    def _has_no_turn(self) -> None:
        if self._terms.insists:
            self.error = self.delivery.busy()

    def _begins(self) -> bool:
        delivery = self.delivery
        if delivery.begun != self._begun:
            self.was_overtaken = True
            return False
        if not self._terms.insists and not delivery.may_try():
            return False
        delivery.begun += 1
        self._is_under_way = True
        return True
