"""Which runs have begun and not ended, and what they are called."""

from __future__ import annotations

import atexit
import uuid
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from polymeter.forking import after_fork
from polymeter.sources.telling import tell_all

if TYPE_CHECKING:
    import weakref

    from polymeter.events.inference import Outcome

__all__ = ["IDS", "IN_FLIGHT", "CanEnd", "RunIds"]


class CanEnd(Protocol):
    """What begins and ends: an inference, a request."""

    def end(self, outcome: Outcome, /) -> None:
        """End it; only the first call counts."""


class RunIds:
    """Ids of runs: unique across processes, and cheaper than a random number for each."""

    def __init__(self) -> None:
        self._count = count(1)
        self.prefix = uuid.uuid4().hex[:16]
        after_fork(self)

    def new(self) -> str:
        """Give an id that nobody else has."""
        return f"{self.prefix}-{next(self._count)}"

    def after_fork_in_child(self) -> None:
        """Take another prefix: the child counts on from where the parent was, and has no part in its runs."""
        self.prefix = uuid.uuid4().hex[:16]
        IN_FLIGHT.clear()


IDS: Final = RunIds()

# What has begun and not ended. It holds no run: one that is dropped ends, so this is no longer than what the program
# itself holds, and needs no other bound. Changed by single calls into C, as finalisers and signal handlers do it too.
IN_FLIGHT: Final[dict[str, weakref.ref[CanEnd]]] = {}


def _abandon_all() -> None:
    runs = [run for each in list(IN_FLIGHT.values()) if (run := each()) is not None]
    tell_all(runs, lambda run: run.end("abandoned"))


atexit.register(_abandon_all)
