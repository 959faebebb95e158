"""What the operating system says about this process: by ``/proc``, by psutil, or by ``resource``.

All three give the same numbers; what one of them cannot say is ``None``. CPU time and context switches come from
``getrusage`` wherever there is one: it counts microseconds, and the switches of every thread, where ``/proc`` counts
hundredths of a second, and the switches of the main thread alone.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.events.runtime import ProcessCounts

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reader", "Reading", "best_reader", "reader_called"]

Reader: TypeAlias = Literal["proc", "psutil", "resource"]

_log: Final = logging.getLogger(__name__)
_KIB: Final = 1024
_START_TIME: Final = 19  # field 22 of /proc/self/stat, counted from behind the name: that may hold anything


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading; the fields are those of :class:`~polymeter.events.runtime.ProcessSampled`."""

    counts: ProcessCounts
    resident_bytes: int | None = None
    peak_resident_bytes: int | None = None
    virtual_bytes: int | None = None
    threads: int | None = None
    open_files: int | None = None
    max_files: int | None = None
    uptime_seconds: float | None = None


def reader_called(name: str) -> Callable[[], Reading]:
    """Give a reader by its name.

    :raises DefinitionError: if there is none of that name, or it cannot work on this system.
    :raises MissingExtraError: if it needs psutil, and that is absent.
    """
    if name not in _READERS:
        message = f"reader={name!r}: there are 'proc', 'psutil' and 'resource'; leave it out for the best one here"
        raise DefinitionError(message)
    problem = _problem_of(name)
    if problem is not None:
        raise problem
    return _READERS[name]


def best_reader() -> Callable[[], Reading]:
    """Give the reader that says most without asking for more than is here.

    :raises MissingExtraError: where there is no ``/proc`` and no ``resource``, and psutil is absent.
    """
    problem: Exception | None = None
    for name in _READERS:
        found = _problem_of(name)
        if found is None:
            if name == "resource":
                _log.warning("ProcessSource knows no memory but the peak here: pip install 'polymeter[process]'")
            return _READERS[name]
        problem = found if isinstance(found, MissingExtraError) else problem
    raise problem or MissingExtraError("ProcessSource")


def _problem_of(name: str) -> Exception | None:
    """Say why a reader cannot work here."""
    if name == "psutil":
        try:
            _psutil()
        except ImportError:
            return MissingExtraError("ProcessSource(reader='psutil') needs psutil: pip install 'polymeter[process]'")
    elif name == "proc" and _text_of("/proc/self/status") is None:
        return DefinitionError("ProcessSource(reader='proc'): there is no /proc here; use 'psutil'")
    elif name == "resource" and resource is None:
        return DefinitionError("ProcessSource(reader='resource'): this system has none; use 'psutil'")
    return None


# -- readers


def by_proc() -> Reading:
    """Read ``/proc/self``."""
    status = _status()
    return Reading(
        counts=_counts(),
        resident_bytes=_kib(status, "VmRSS"),
        peak_resident_bytes=_kib(status, "VmHWM"),
        virtual_bytes=_kib(status, "VmSize"),
        threads=_number(status, "Threads"),
        open_files=_open_files(),
        max_files=_max_files(),
        uptime_seconds=_uptime(),
    )


def by_psutil() -> Reading:
    """Ask psutil. On Linux it reads ``/proc`` too."""
    process = _psutil().Process()
    with process.oneshot():
        memory = process.memory_info()
        counts = _counts()
        if counts.user_seconds is None:
            times, switches = process.cpu_times(), process.num_ctx_switches()
            # Windows does not tell one from the other.
            counts = ProcessCounts(times.user, times.system, switches.voluntary, switches.involuntary or None)
        # Windows has handles, which are not the same. On Linux one of them is that of the listing itself.
        files: int | None = process.num_fds() if hasattr(process, "num_fds") else None
        if files is not None and sys.platform == "linux":
            files -= 1
        return Reading(
            counts=counts,
            resident_bytes=memory.rss,
            peak_resident_bytes=getattr(memory, "peak_wset", None) or _peak(),
            virtual_bytes=memory.vms,
            threads=process.num_threads(),
            open_files=files,
            max_files=_max_files(),
            uptime_seconds=max(0.0, time.time() - process.create_time()),
        )


def by_resource() -> Reading:
    """Ask ``getrusage`` alone: it knows no memory but the peak."""
    return Reading(counts=_counts(), peak_resident_bytes=_peak(), max_files=_max_files())


_READERS: Final[dict[str, Callable[[], Reading]]] = {"proc": by_proc, "psutil": by_psutil, "resource": by_resource}
"""In the order in which they are tried."""


# -- what they share


def _psutil() -> Any:  # it has no types
    return import_module("psutil")


def _counts() -> ProcessCounts:
    if resource is None:
        return ProcessCounts()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return ProcessCounts(used.ru_utime, used.ru_stime, used.ru_nvcsw, used.ru_nivcsw)


def _peak() -> int | None:
    """Give the peak of resident memory."""
    of_this = _kib(_status(), "VmHWM")  # ru_maxrss of a program that was just started is its parent's
    if of_this is not None or resource is None:
        return of_this
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * _KIB) or None


def _max_files() -> int | None:
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _status() -> dict[str, str]:
    lines = (_text_of("/proc/self/status") or "").splitlines()
    return {name: text for name, _, text in (line.partition(":") for line in lines)}


def _number(status: dict[str, str], name: str) -> int | None:
    words = status.get(name, "").split()
    return int(words[0]) if words and words[0].isdigit() else None


def _kib(status: dict[str, str], name: str) -> int | None:
    number = _number(status, name)
    return None if number is None else number * _KIB


def _open_files() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - no Path for each; one is that of the listing itself
    except OSError:
        return None


def _uptime() -> float | None:
    """Give the seconds since this process began; a clock that is set changes nothing about that."""
    fields = (_text_of("/proc/self/stat") or "").rpartition(")")[2].split()
    try:
        began = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (IndexError, ValueError, OSError, AttributeError):
        return None


def _text_of(path: str) -> str | None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - an import less
            return file.read()
    except OSError:
        return None
