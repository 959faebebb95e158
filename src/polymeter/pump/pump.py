"""Pump: decides when exports happen, and keeps exporters out of each other's way."""

from __future__ import annotations

import logging
import math
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.pump.delivery import Delivery, ExporterHealth
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanExportMetrics, CanFollow
    from polymeter.data.snapshot import Snapshot

__all__ = ["EXIT_BUDGET", "Pump"]

_logger: Final = logging.getLogger("polymeter.pump")

EXIT_BUDGET: Final = 1.0
"""Seconds that the interpreter's exit may wait for the last export."""


class Pump:
    """Takes snapshots and brings them to every exporter: by hand, every so often, and at exit.

    Exports never overlap. An exporter that raises is counted and does not keep the others from their turn.
    """

    def __init__(self, read: Callable[[], Snapshot], *, clock: Clock = SYSTEM_CLOCK) -> None:
        """:param read: takes a snapshot."""
        self._read = read
        self._clock = clock
        self._deliveries: list[Delivery] = []
        self._lock = threading.RLock()
        self._exporting = False
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._at_exit: Subscription | None = None
        after_fork(self)

    def add(self, exporter: CanExportMetrics, reader: CanFollow | None = None) -> Subscription:
        """Deliver to ``exporter`` from now on.

        :param reader: shows it the last value of series that end between two exports.
        """
        delivery = Delivery(exporter, self._clock, reader)
        self._deliveries.append(delivery)
        return Subscription(lambda: self._deliveries.remove(delivery))

    def export(self, patience: float = -1) -> list[tuple[object, Exception]]:
        """Take one snapshot and deliver it to every exporter; give those that failed with what they raised.

        :param patience: seconds to wait for an export on another thread to end; by default as long as it takes.
        :raises TimeoutError: if that was not long enough.
        """
        if not self._lock.acquire(timeout=patience):
            message = f"another export was still under way after {patience} s"
            raise TimeoutError(message)
        try:
            # The lock lets its own thread in again: an exporter that exports would never come to an end.
            if self._exporting or not self._deliveries:
                return []
            self._exporting = True
            try:
                snapshot = self._read()
                results = [(delivery.exporter, delivery.deliver(snapshot)) for delivery in list(self._deliveries)]
            finally:
                self._exporting = False
        finally:
            self._lock.release()
        return [(exporter, error) for exporter, error in results if error is not None]

    def export_quietly(self, patience: float = -1) -> None:
        """Export where nobody could catch what goes wrong: a snapshot that could not be taken is logged."""
        try:
            self.export(patience)
        except Exception as error:  # noqa: BLE001 - a registry or exporter of the user's own make may do anything
            with suppress(Exception):
                _logger.warning("export failed before it reached the exporters: %s", type(error).__qualname__)

    def every(self, seconds: float, mode: Literal["thread", "task"] = "thread") -> None:
        """Export every ``seconds`` on a daemon thread of the pump's own, and once more at exit.

        Called again, the new interval replaces the old one.

        :raises DefinitionError: unless ``seconds`` is positive and finite, or for an unknown ``mode``.
        """
        if not _is_interval(seconds):
            message = f"every({seconds!r}): the interval is a positive number of seconds"
            raise DefinitionError(message)
        if mode != "thread":
            message = f"every(mode={mode!r}): this version knows mode='thread' only"
            raise DefinitionError(message)
        self._stop_thread(wait=True)
        self._stopping = threading.Event()
        arguments = (self._stopping, seconds)
        self._thread = threading.Thread(target=self._run, args=arguments, name="polymeter-pump", daemon=True)
        self._thread.start()
        self.at_exit()

    def at_exit(self) -> None:
        """Export once more when the interpreter exits, within :data:`EXIT_BUDGET` seconds."""
        if self._at_exit is None:
            # Finalisers run newest first, and all of them where the first one ever was registered: a plain exit hook
            # could come before those that end open streams, and miss what they still have to say.
            self._at_exit = Subscription(weakref.finalize(_PROCESS, self._exit).detach)

    def stop(self) -> None:
        """End the thread and unregister from the interpreter's exit. Exports by hand still work."""
        self._stop_thread(wait=True)
        if self._at_exit is not None:
            self._at_exit.cancel()
            self._at_exit = None

    def health(self) -> list[ExporterHealth]:
        """Give what became of the exports to each exporter."""
        return [delivery.health() for delivery in list(self._deliveries)]

    def _run(self, stopping: threading.Event, seconds: float) -> None:
        # The wait is real time on purpose: a clock that a test holds still must not hold the thread.
        while not stopping.wait(min(seconds, threading.TIMEOUT_MAX)):
            self.export_quietly()

    def _stop_thread(self, *, wait: bool) -> None:
        thread, self._thread = self._thread, None
        self._stopping.set()
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(EXIT_BUDGET)

    def _exit(self) -> None:
        self._stop_thread(wait=False)
        last = threading.Thread(target=self.export_quietly, name="polymeter-pump-exit", daemon=True)
        try:
            last.start()
        except RuntimeError:  # Python 3.12 starts no thread while it exits
            self.export_quietly()
        else:
            last.join(EXIT_BUDGET)

    def after_fork_in_child(self) -> None:
        """Forget the thread: it runs in the parent only. Cursors begin again with the registry."""
        self._lock = threading.RLock()
        self._exporting = False
        self._thread = None
        self._stopping = threading.Event()  # the parent's thread may have held the lock inside the old one
        for delivery in self._deliveries:
            delivery.start_anew()


class _Process:
    """Lives as long as the process."""


_PROCESS: Final = _Process()


def _is_interval(seconds: object) -> bool:
    return isinstance(seconds, int | float) and 0 < seconds < math.inf
