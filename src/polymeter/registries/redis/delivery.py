"""Delivery: how what Redis has not been told gets there, each change exactly once."""

from __future__ import annotations

import os
import time
from collections import Counter as Counts
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from polymeter.registries.redis.link import LinkError
from polymeter.registries.redis.wire import (
    change_of,
    clean,
    definition_json,
    field_of,
    is_own,
    reading_of,
    to_json,
    whole_of,
)

if TYPE_CHECKING:
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.registries.redis.keys import Keys
    from polymeter.registries.redis.link import Link
    from polymeter.registries.redis.own import Recording, Untold
    from polymeter.registries.redis.wire import Identity

__all__ = ["REMEMBERED", "Batch", "Delivery"]

REMEMBERED: Final = 3600
"""Seconds for which Redis keeps the number of a writer's last flush after that flush."""

_RECENT: Final = REMEMBERED - 600.0
_MOST_SERIES: Final = 250  # in one call: while a script runs, nobody else is served
_MOST_ORDERS: Final = 1000
_MOST_ENDS: Final = 1000


class _Owner(Protocol):
    def cleared(self) -> None:
        """Hear that somebody else has cleared."""

    def emptied(self) -> None:
        """Hear that Redis knows nothing any more."""


class Batch:
    """What one call tells. It stays as it is until it is known what became of it.

    :ivar number: counts the calls of this writer: Redis takes none twice.
    :ivar order: what is to be done that is no change of a series; mostly nothing.
    :ivar added: identity -> a series as it is, and as it was told last.
    :ivar is_doubtful: whether it was sent, and Redis did not say what it made of it.
    """

    __slots__ = ("added", "best", "definitions", "finals", "is_doubtful", "live", "number", "order")

    def __init__(self, number: int, order: list[Any]) -> None:
        self.number = number
        self.order = order
        self.added: dict[Identity, tuple[Metric, Metric | None]] = {}
        self.finals: dict[Identity, Metric] = {}
        self.best: dict[Identity, Metric] = {}
        self.live: dict[Identity, Metric | None] = {}
        self.definitions: dict[str, MetricDefinition] = {}
        self.is_doubtful = False


class Delivery:
    """Tells Redis, batch by batch. One thread at a time; what is shared with readers changes in a drain's turn only.

    :ivar life: what this Redis called itself when it was told first; empty: it was not.
    :ivar epoch: how often the app was cleared.
    :ivar batch: what is on its way.
    :ivar leaves: whether this process is about to end.
    :ivar flushes: ``(result, reason)`` -> calls.
    :ivar lost: reason -> what had to be given up.
    """

    def __init__(self, owner: _Owner, own: Recording, untold: Untold, link: Link, keys: Keys) -> None:
        self._owner = owner
        self._own = own
        self._untold = untold
        self._link = link
        self._keys = keys
        self.life = ""
        self.epoch = 0
        self.begin()

    def begin(self) -> None:
        """Begin as a writer that has told nothing."""
        self.batch: Batch | None = None
        self.orders: deque[list[Any]] = deque()
        self.flushes: Counts[tuple[str, str]] = Counts()
        self.lost: Counts[str] = Counts()
        self.leaves = self._must_tell = False
        self._number = self._acknowledged = 0
        self._told_at: tuple[float, float] | None = None

    @property
    def quiet_for(self) -> float:
        """Seconds since Redis took something; infinite if it never did."""
        return float("inf") if self._told_at is None else time.monotonic() - self._told_at[0]

    @property
    def has_joined(self) -> bool:
        """Whether Redis knows this writer."""
        return self._acknowledged > 0

    @property
    def waiting(self) -> int:
        """How many series have something to tell."""
        untold, batch = self._untold, self.batch
        parts: list[dict[Identity, Any]] = [untold.dirty, untold.finals, untold.best, untold.live]
        if batch is not None:
            parts += [batch.added, batch.finals, batch.best, batch.live]
        return sum(not is_own(identity) for identity in {each for part in parts for each in part.copy()})

    def order(self, order: list[Any]) -> None:
        """Have something done in Redis that is no change of a series."""
        if order[0] == "clear":
            self.orders.clear()
            self.batch = None
        if len(self.orders) < _MOST_ORDERS:
            self.orders.append(order)
        else:
            self.lost["orders"] += 1

    def tell(self) -> bool:
        """Tell everything; tell whether that was done.

        :raises LinkError: if Redis did not do it; it is kept for the next time.
        """
        # One look: what is recorded while this goes on is for the next time, else it might never end.
        if not self._own.in_turn(self._untold.look):
            return False
        # Something is said even if nothing came: so Redis knows that this process lives, and it hears who has cleared.
        self._must_tell = self.has_joined or self.leaves
        while True:
            if self.batch is None and not self._own.in_turn(self._pack):
                return False
            batch = self.batch
            if batch is None:
                return True
            if not self._send(batch):
                return False

    # -- in a drain's turn

    def _pack(self) -> None:
        untold = self._untold
        order: list[Any] = []
        if self.orders and (untold.is_empty or self.orders[0][0] == "clear"):
            order = self.orders.popleft()
        if not order and untold.is_empty and not self._must_tell:
            return
        self._must_tell = False
        self._number += 1
        batch = Batch(self._number, order)
        batch.definitions, untold.definitions = untold.definitions, {}
        moves: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (untold.finals, batch.finals),
            (untold.best, batch.best),
            (untold.live, batch.live),
        ]
        left = _MOST_SERIES
        for source, target in moves:
            for key in list(source)[:left]:
                target[key] = source.pop(key)
                left -= 1
        batch.added = untold.take(left)
        self.batch = batch

    def _accept(self, batch: Batch) -> None:
        if self.batch is batch:  # else somebody has cleared meanwhile
            self.batch = None

    def seen(self) -> None:
        """Take note that what was read just now has all that was told, but for what is on its way."""
        batch = self.batch
        self._untold.seen(*(({}, {}) if batch is None else (batch.added, batch.finals)))

    # -- talking

    def _send(self, batch: Batch) -> bool:
        leaves = self.leaves
        keys = self._keys
        head = {
            "writer": self._own.writer,
            "number": batch.number,
            "acked": self._acknowledged,
            "recent": self._is_recent(),
            "again": batch.is_doubtful,
            "life": self.life,
            "candidate": os.urandom(8).hex(),
            "epoch": self.epoch,
            "now": repr(self._own.now()),
            "ttl": round(keys.ttl * 1000),
            "alive": round(keys.alive * 1000),
            "live": keys.live,
            "leaves": leaves,
            "order": batch.order,
            "most_ends": _MOST_ENDS,
            "definitions": [
                text for name, each in batch.definitions.items() for text in (f"d{clean(name)}", definition_json(each))
            ],
            "says": [
                text
                for identity, metric in batch.live.items()
                if metric is not None
                for text in (identity, to_json(whole_of(metric)))
            ],
            "gone": [identity for identity, metric in batch.live.items() if metric is None],
        }
        writer = self._own.writer
        entries = [[field_of(each), change_of(metric)] for each, metric in batch.finals.items()]
        entries += [[field_of(each), change_of(metric, before)] for each, (metric, before) in batch.added.items()]
        entries += [
            [field_of(each), reading_of(metric, self._untold.rule_of(metric), writer)]
            for each, metric in batch.best.items()
        ]
        try:
            answer = self._link.run(
                "merge", [keys.state, keys.writers, keys.live + writer, keys.ends], to_json(head), to_json(entries)
            )
        except LinkError as error:
            batch.is_doubtful = batch.is_doubtful or not error.is_answer
            self.flushes["failed", error.reason] += 1
            raise
        return self._heard(batch, answer, leaves=leaves)

    def _is_recent(self) -> bool:
        if self._told_at is None:
            return True
        # Neither clock can be trusted alone: one stands still while the machine sleeps, the other may be set back.
        steady, wall = time.monotonic() - self._told_at[0], time.time() - self._told_at[1]
        return max(steady, wall) < _RECENT

    def _heard(self, batch: Batch, answer: list[Any], *, leaves: bool) -> bool:
        word = answer[0].decode()
        if word == "ok":
            self.flushes["ok", ""] += 1
            self.life, self.epoch = answer[1].decode(), int(answer[2])
            self._acknowledged = batch.number
            self._told_at = time.monotonic(), time.time()
            if answer[5]:
                self.lost["damaged"] += int(answer[5])
            if answer[6]:
                self.lost["rolled_back"] += int(answer[6])
            if leaves:
                self.leaves = False
            was_gone = bool(answer[4]) and not leaves

            def accept() -> None:
                self._accept(batch)
                if was_gone and batch.number > 1:
                    self._untold.say_again(but=batch.live)

            return self._own.in_turn(accept)
        self.flushes["failed", word] += 1
        if word == "epoch":
            self.life, self.epoch = answer[1].decode(), int(answer[2])
            self.batch = None
            self._owner.cleared()
            return True
        if word == "doubt":
            self.lost["in_doubt"] += 1
            return self._own.in_turn(lambda: self._accept(batch))
        return self._own.in_turn(lambda: self._start_over(batch))

    def _start_over(self, batch: Batch) -> None:
        """Tell a Redis that knows nothing of this writer all that this writer knows."""
        if self.has_joined:
            self.lost["emptied"] += 1
            self._owner.emptied()
        self.life, self._acknowledged = "", 0
        self.batch = None
        if batch.order:
            self.orders.appendleft(batch.order)
        self._untold.tell_anew(batch.finals)
        self._untold.look()
