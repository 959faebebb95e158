"""What a source counts about itself, so that its numbers can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymeter.counting import AtomicCount

if TYPE_CHECKING:
    from polymeter.events.inference import Outcome

__all__ = ["SourceHealth", "Tally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """Counts of one source, since it was made. Law: started = ok + error + cancelled + abandoned + active.

    :ivar installs: how many of its installs are in force.
    :ivar started: executions that began while it was installed and somebody listened.
    :ivar surprises: answers (or questions) of a shape that could not be read. The host noticed nothing; the execution
        was told without what could not be read.
    """

    installs: int
    started: int
    ok: int
    error: int
    cancelled: int
    abandoned: int
    surprises: int

    @property
    def active(self) -> int:
        """Executions that have not ended."""
        return self.started - self.ok - self.error - self.cancelled - self.abandoned


class Tally:
    """The counts of one source while it works; any thread, finaliser or signal handler may add to them."""

    __slots__ = ("ended", "started", "surprises")

    def __init__(self) -> None:
        self.started = AtomicCount()
        self.surprises = AtomicCount()
        self.ended: dict[Outcome, AtomicCount] = {
            "ok": AtomicCount(),
            "error": AtomicCount(),
            "cancelled": AtomicCount(),
            "abandoned": AtomicCount(),
        }

    def health(self, installs: int) -> SourceHealth:
        """Read the counts."""
        # Ends before starts, so that what happens in between never makes ``active`` negative.
        ended = {outcome: count.value for outcome, count in self.ended.items()}
        return SourceHealth(
            installs=installs,
            started=self.started.value,
            ok=ended["ok"],
            error=ended["error"],
            cancelled=ended["cancelled"],
            abandoned=ended["abandoned"],
            surprises=self.surprises.value,
        )
