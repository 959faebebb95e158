"""ProcessSource: CPU, memory, threads, files and age of this process, as the operating system has them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from polymeter.events.runtime import ProcessCounts, ProcessSampled
from polymeter.sources.growth import Growth
from polymeter.sources.process_readings import Reader, best_reader, reader_called

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["ProcessSource"]

_GROWTH: Final[Growth[ProcessCounts]] = Growth()


class ProcessSource:
    """Tells a :class:`~polymeter.events.runtime.ProcessSampled` before each snapshot.

    ::

        Metrics().watch(ProcessSource()).collect(RuntimeMetricsCollector())

    In a forked child it tells of the child.
    """

    def __init__(self, *, reader: Reader | None = None) -> None:
        """Make one.

        :param reader: ``proc`` (Linux), ``psutil``, or ``resource`` (no memory but the peak). Left out: the first of
            these that works here.
        :raises DefinitionError: for another word, or one that cannot work on this system.
        :raises MissingExtraError: if psutil is needed and absent.
        """
        self._read = best_reader() if reader is None else reader_called(reader)
        self._began: tuple[int, float] | None = None

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` how it is now; while nobody listens, nothing is read, and nothing counts as told."""
        sampled = events.emitter(ProcessSampled)
        if not sampled.listening:
            return
        with _GROWTH.told(events) as told:
            if told is None:
                return
            reading = self._read()
            last, told.last = told.last, reading.counts
            sampled(
                ProcessSampled(
                    pid=os.getpid(),
                    total=reading.counts,
                    added=reading.counts if last is None else _difference(reading.counts, last),
                    resident_bytes=reading.resident_bytes,
                    peak_resident_bytes=reading.peak_resident_bytes,
                    virtual_bytes=reading.virtual_bytes,
                    threads=reading.threads,
                    open_files=reading.open_files,
                    max_files=reading.max_files,
                    started_at=self._started_at(reading.uptime_seconds),
                    uptime_seconds=reading.uptime_seconds,
                )
            )

    def _started_at(self, uptime: float | None) -> float | None:
        """Give when the process began: worked out once, so that it stays the same when the clock is set."""
        if uptime is None:
            return None
        pid = os.getpid()
        if self._began is None or self._began[0] != pid:
            self._began = (pid, time.time() - uptime)
        return self._began[1]


def _difference(now: ProcessCounts, before: ProcessCounts) -> ProcessCounts:
    return ProcessCounts(
        _more(now.user_seconds, before.user_seconds),
        _more(now.system_seconds, before.system_seconds),
        _whole(now.voluntary_switches, before.voluntary_switches),
        _whole(now.involuntary_switches, before.involuntary_switches),
    )


def _more(now: float | None, before: float | None) -> float | None:
    return None if now is None else max(0.0, now - (before or 0.0))


def _whole(now: int | None, before: int | None) -> int | None:
    return None if now is None else max(0, now - (before or 0))
