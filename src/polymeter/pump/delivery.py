"""One exporter in the pump: its cursor, and what became of its exports."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot

__all__ = ["LOG_INTERVAL", "Delivery", "ExporterHealth"]

LOG_INTERVAL: Final = 60.0
"""Seconds between two lines in the log that say the same."""


@dataclass(frozen=True, slots=True)
class ExporterHealth:
    """What became of the exports to one exporter.

    :ivar exporter: name of its class.
    :ivar succeeded: exports that returned.
    :ivar failed: exports that raised; what they carried is in the next one.
    :ivar last_success_at: Unix seconds; ``None`` before the first.
    :ivar last_error: type of the last exception; never its message, which may quote an address or a key.
    """

    exporter: str
    succeeded: int
    failed: int
    last_success_at: float | None
    last_error: str | None


class Delivery:
    """Brings snapshots to one exporter. Not thread-safe: the pump sees to one export at a time."""

    __slots__ = (
        "_clock",
        "_cursor",
        "_failed",
        "_last_error",
        "_last_success_at",
        "_logged_at",
        "_logger",
        "_reader",
        "_succeeded",
        "exporter",
    )

    def __init__(self, exporter: CanExportMetrics, clock: Clock, reader: CanFollow | None = None) -> None:
        # Not by `import polymeter`, which has to be cheap; nor in _log, where an import could wait for another thread.
        import logging

        self._logger = logging.getLogger("polymeter.pump")
        self.exporter = exporter
        self._clock = clock
        self._reader = reader
        self._cursor: Snapshot | None = None
        self._succeeded = 0
        self._failed = 0
        self._last_success_at: float | None = None
        self._last_error: str | None = None
        self._logged_at: float | None = None

    def deliver(self, snapshot: Snapshot) -> Exception | None:
        """Export ``snapshot``, or what is new in it; give what the exporter raised.

        The cursor moves only when the export returned: what failed is part of the next delivery.
        """
        try:
            is_delta = self.exporter.temporality == "delta"
            if self._reader is not None:
                snapshot = self._reader.over(snapshot)
            self.exporter.export(snapshot.since(self._cursor) if is_delta else snapshot)
        except Exception as error:  # noqa: BLE001 - one exporter must not stop the others
            self._failed += 1
            self._last_error = type(error).__qualname__
            self._log()
            return error
        if is_delta:
            self._cursor = snapshot  # first, before a signal handler can raise out of a call: it has been delivered
        self._succeeded += 1
        if self._reader is not None:
            self._reader.commit()
        self._last_success_at = self._clock.wall()
        return None

    def start_anew(self) -> None:
        """Count from zero: what the parent of a fork delivered is the parent's to report."""
        self._cursor = None
        self._succeeded = self._failed = 0
        self._last_success_at = self._last_error = None

    def health(self) -> ExporterHealth:
        """Give the counts of now."""
        return ExporterHealth(
            exporter=type(self.exporter).__qualname__,
            succeeded=self._succeeded,
            failed=self._failed,
            last_success_at=self._last_success_at,
            last_error=self._last_error,
        )

    def _log(self) -> None:
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            with suppress(Exception):  # a handler or filter of the user's must not keep the others from their turn
                self._logger.warning(
                    "export to %s failed: %s (%d failures so far; logged at most once per %.0f s)",
                    type(self.exporter).__qualname__,
                    self._last_error,
                    self._failed,
                    LOG_INTERVAL,
                )
