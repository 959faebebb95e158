"""Drain: how records that wait come to count, each of them once, whatever interrupts.

Records wait in buffers: lists that anybody may append to at any time. A drain works out which batches a buffer's
records make, takes those *in hand* and removes the records from the buffer, in two steps that call nothing: a signal
handler that raises comes before both or after both. What is in hand is then applied batch by batch. A drain that is
interrupted leaves the rest in hand, where the next one begins. :mod:`polymeter.registries.series` says how a single
batch comes to count.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from polymeter.data.kind import Kind
from polymeter.registries.null import NullSeries
from polymeter.registries.turn import Turn, here, new_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.registries.series import Series

__all__ = ["Drain", "InHand", "Source", "WorkedOut"]

InHand: TypeAlias = "tuple[Series[Any] | NullSeries, list[Any], bool]"
"""A series, a batch of its records, and whether it is a column: ``apply`` or ``apply_column`` makes it count."""

WorkedOut: TypeAlias = "tuple[list[InHand], list[Any], slice]"
"""Batches, the buffer that they come from, and the part of it that they are made of."""


class Source(Protocol):
    """Where records wait."""

    def work_out(self) -> WorkedOut:
        """Say which batches the records of now make. Nothing is changed yet."""
        ...


class _Owner(Protocol):
    def alive(self, series: Series[Any], /) -> Series[Any]:
        """Give the series that counts what was recorded on ``series``, which had ended."""
        ...

    def touch(self, series: Series[Any], /) -> None:
        """Take note that ``series`` was recorded on."""

    def reject(self, name: str, reason: str, /) -> None:
        """Count a record that could not be used."""

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child."""


class Drain:
    """Applies what waits, in one thread at a time.

    :ivar applied: records that count.
    :ivar later: what has to be done in a drain's turn and could not be done when it was asked for.
    """

    __slots__ = ("_in_hand", "_life", "_owner", "_turn", "applied", "later")

    def __init__(self, owner: _Owner) -> None:
        self._owner = owner
        self._turn = Turn()
        self._in_hand: list[InHand] = []
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what is in hand, also in the middle of a drain: what that one has worked out is void."""
        self._life = object()
        for _, batch, _ in self._in_hand:
            batch.clear()
        self._in_hand = []
        self.later: deque[Callable[[], object]] = deque()
        self.applied = 0

    def start_anew_in_child(self, then: Callable[[], object]) -> None:
        """Do so in a forked child, where nobody's turn goes on, and then ``then``; nothing if that was done already."""
        if not self._turn.is_inherited:
            return
        turn, claim = Turn(), new_claim()
        turn.claims[None] = claim  # a finaliser that reads in between must not drain what the parent left
        self._turn = turn
        try:
            self.start_anew()
            then()
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]

    @property
    def is_busy(self) -> bool:
        """Whether somebody drains."""
        return bool(self._turn.claims)

    def run(self, sources: Iterable[Source], *, wait: bool, then: Callable[[], object] | None = None) -> bool:
        """Make what waits in ``sources`` count; tell whether that was done.

        It is not if a drain is under way: on this thread, or on another one if ``wait`` is false or did not help.

        :param then: called at the end, in the same turn.
        """
        claim = new_claim()
        if claim[1] != self._turn.process:  # before our hook: another library's, or a finaliser that ran even earlier
            self._owner.after_fork_in_child()
        turn, outer = self._turn, here.claim
        try:
            if not turn.comes(claim, wait=wait):
                return False
            here.claim = claim
            life = self._life
            if self._in_hand:  # by a drain that was interrupted
                self._touch_again()
                self._finish()
            for source in sources:
                in_hand, buffer, taken = source.work_out()
                if self._life is not life:  # a handler has cleared, or forked, meanwhile
                    return True
                # From the test above to here nothing is called.
                self._in_hand = in_hand
                del buffer[taken]
                self._finish()
            if then is not None:
                then()
            while self.later:
                self.later[0]()
                self.later.popleft()
            return True
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]
            here.claim = outer

    def _touch_again(self) -> None:
        """Take note of what was recorded on, for which there may have been no time once it counted."""
        for series, batch, _ in self._in_hand:
            if not batch and series.attached and not isinstance(series, NullSeries):
                self._owner.touch(series)

    def _finish(self) -> None:
        in_hand = self._in_hand
        for series, batch, is_column in in_hand:
            if batch:
                self._apply(series, batch, is_column=is_column)
        if self._in_hand is in_hand:
            self._in_hand = []

    def _apply(self, series: Any, batch: list[Any], *, is_column: bool) -> None:
        if not series.attached:
            series = self._owner.alive(series)
        apply = series.apply_column if is_column else series.apply
        try:
            applied = apply(batch)
        except Exception:
            # Raised by a signal handler, or because of what is in the batch? Only that would happen again.
            if not batch or self._can_apply(apply, batch):
                raise
            records = len(batch[0]) if is_column and series.kind is Kind.GAUGE else len(batch)
            batch.clear()  # it must not stand in the way of all that comes after it
            for _ in range(records):
                self._owner.reject(series.name, "error")
            return
        self.applied += applied
        if applied:
            self._owner.touch(series)

    def _can_apply(self, apply: Callable[[list[Any]], int], batch: list[Any]) -> bool:
        try:
            applied = apply(batch)
        except Exception:  # noqa: BLE001 - what it was does not matter
            return False
        self.applied += applied
        return True
