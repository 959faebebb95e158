"""Turn: one at a time, and what a signal handler raises leaves nobody waiting for ever.

A lock is taken first and known to be taken afterwards: a handler that raises in between leaves it taken. Here the claim
itself stands in a table, put there by one call into C, so that whoever cleans up sees whose turn it is::

    claim = new_claim()
    try:
        if turn.comes(claim, wait=False):
            ...
    finally:
        if None in turn.claims and turn.claims[None] is claim:  # nothing is called here: no handler comes in between
            del turn.claims[None]
"""

from __future__ import annotations

import os
import threading
import time
from typing import Final, TypeAlias

__all__ = ["PATIENCE", "Claim", "Turn", "give_way", "here", "new_claim"]

PATIENCE: Final = 1.0
"""Seconds after which a read stops to wait for a drain on another thread: that one may be waiting for the reader."""

_PAUSE: Final = 0.0005
_GIVE_WAY: Final = 0.00005

Claim: TypeAlias = "tuple[int, int]"
"""Thread and process of who claims. Each claim is an object of its own."""


class _Here(threading.local):
    claim: Claim | None = None


here: Final = _Here()
"""``here.claim``: the claim that this thread holds on the turn of any registry. It then waits for no other."""


def new_claim() -> Claim:
    """Give a claim of this thread."""
    return (threading.get_ident(), os.getpid())


def give_way() -> None:
    """Let the thread whose turn it is come forward: others make more than it can do."""
    if here.claim is None:
        time.sleep(_GIVE_WAY)


class Turn:
    """Whose turn it is, in one process: a forked child needs another one.

    :ivar claims: ``{None: claim}`` of the holder, or nothing.
    :ivar process: the process's id.
    """

    __slots__ = ("claims", "process", "waiting")

    def __init__(self) -> None:
        self.claims: dict[None, Claim] = {}
        self.waiting: set[Claim] = set()
        self.process = os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this is a forked child's copy, in which the holder may be a thread that does not exist."""
        return self.process != os.getpid()

    def comes(self, claim: Claim, *, wait: bool) -> bool:
        """Tell whether it is the turn of ``claim``, which then holds it.

        :param wait: whether to wait for another thread, for :data:`PATIENCE` seconds; never inside of any turn.
        """
        claims = self.claims
        if not wait and self.waiting:
            return False
        holder = claims.setdefault(None, claim)
        if holder is claim:
            return True
        if not wait or holder == claim or here.claim is not None:  # equal: of this very thread
            return False
        end = time.monotonic() + PATIENCE
        try:
            self.waiting.add(claim)
            while time.monotonic() < end:
                time.sleep(_PAUSE)
                if claims.setdefault(None, claim) is claim:
                    return True
            return False
        finally:
            self.waiting.discard(claim)
