"""Tally: what a spool counts, and how others hear of it: as metrics, as health, and in the log."""

from __future__ import annotations

import errno
import logging
from collections import Counter as Counts
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.counter import Counter
from polymeter.data.snapshot import Snapshot

if TYPE_CHECKING:
    from polymeter.contracts import Temporality

__all__ = ["DAMAGED", "DELIVERED", "DROPPED", "FAILED", "Tally"]

DELIVERED: Final = "polymeter.spool.delivered"
DROPPED: Final = "polymeter.spool.dropped"
DAMAGED: Final = "polymeter.spool.damaged"
FAILED: Final = "polymeter.spool.failed"

_LOG_INTERVAL: Final = 60.0
"""Seconds between two lines in the log that say the same."""

_SAYING: Final = {
    DROPPED: "files dropped undelivered",
    DAMAGED: "series missing in damaged files",
    FAILED: "files that could not be written, read or removed, and exports go on without them",
}

_logger = logging.getLogger("polymeter.exporters")


class Tally:
    """Counts by name and reason. What has been told to the back end is told once, where that wants differences."""

    def __init__(self, exporter: str, temporality: Temporality, clock: Clock = SYSTEM_CLOCK) -> None:
        """Count nothing yet.

        :param exporter: what the tag ``exporter`` says.
        """
        self._exporter = exporter
        self._is_delta = temporality == "delta"
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self.start_anew()

    def start_anew(self) -> None:
        """Count from zero: what the parent of a fork has counted is the parent's."""
        self.counts: Counts[tuple[str, str]] = Counts()
        self._start = self._clock.wall()
        self._told: Snapshot | None = None

    def count(self, name: str, reason: str = "", times: int = 1) -> None:
        """Count, and say so in the log, at most once per minute and name."""
        if times:
            self.counts[name, reason] += times
            self._log(name, reason)

    def failed(self, error: Exception) -> None:
        """Count that something could not be done with a file."""
        said = errno.errorcode.get(error.errno or 0) if isinstance(error, OSError) else None
        self.count(FAILED, said or type(error).__name__)

    def by_reason(self, name: str) -> dict[str, int]:
        """Give the counts of one name."""
        return {reason: times for (each, reason), times in sorted(self.counts.items()) if each == name}

    def now(self) -> Snapshot:
        """Give the counts as metrics; none that never counted anything."""
        until = self._clock.wall()
        return Snapshot(
            Counter(name, times, self._tags(reason), start=self._start, timestamp=until)
            for (name, reason), times in list(self.counts.items())
        )

    def untold(self, now: Snapshot) -> Snapshot:
        """Give of ``now`` what the back end wants to hear."""
        return now.since(self._told) if self._is_delta else now

    def told(self, now: Snapshot) -> None:
        """Take note that the back end has heard of ``now``."""
        self._told = now

    def _tags(self, reason: str) -> dict[str, str]:
        return {"exporter": self._exporter, "reason": reason} if reason else {"exporter": self._exporter}

    def _log(self, name: str, reason: str) -> None:
        saying = _SAYING.get(name)
        now = self._clock.monotonic()
        if saying is None or now - self._logged_at.get(name, now - _LOG_INTERVAL) < _LOG_INTERVAL:
            return
        self._logged_at[name] = now
        with suppress(Exception):  # a handler or filter of the user's must not keep numbers from their way
            _logger.warning(
                "spool of %s: %s: %d so far (%s; logged at most once per %.0f s)",
                self._exporter,
                saying,
                sum(self.by_reason(name).values()),
                reason or "the rest was delivered",
                _LOG_INTERVAL,
            )
