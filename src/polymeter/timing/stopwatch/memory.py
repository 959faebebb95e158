"""How much memory is in use, as far as it can be known."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ReadsMemory", "memory_reader"]

ReadsMemory: TypeAlias = "Callable[[], int | None]"
"""Gives bytes; ``None`` if they are not known."""


_STATM: Final = Path("/proc/self/statm")


def memory_reader(source: Literal["process", "tracemalloc"] | ReadsMemory | None) -> ReadsMemory:
    """Give what reads the memory; it never raises.

    :raises DefinitionError: for what is none of these.
    """
    if source is None:
        return _unknown
    if source == "process":
        return _of_process()
    if source == "tracemalloc":
        return _traced
    if callable(source):
        return _guarded(source)
    message = f"Stopwatch: memory={source!r}; use 'process', 'tracemalloc', None, or a callable that gives bytes"
    raise DefinitionError(message)


def _unknown() -> None:
    """Give nothing."""


def _of_process() -> ReadsMemory:
    """Give what reads how much of this process is in RAM.

    From ``/proc``, else by psutil. What ``getrusage`` has is the most that ever was, and so the wrong number.
    """
    if _STATM.exists():
        return _resident
    try:
        psutil: Any = import_module("psutil")
    except ImportError:
        return _unknown
    return _guarded(lambda: psutil.Process(os.getpid()).memory_info().rss)  # asked anew: there are forks


def _resident() -> int | None:
    """Read ``/proc/self/statm``: sizes in pages, the second is what is in RAM.

    Not through a file object, which would double what it costs.
    """
    try:
        descriptor = os.open(_STATM, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, 128)
        finally:
            os.close(descriptor)
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):  # too many open files, no such file, no such system
        return None


def _traced() -> int | None:
    import tracemalloc

    return tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else None


def _guarded(read: Callable[[], object]) -> ReadsMemory:
    def guarded() -> int | None:
        try:
            found = read()
        except Exception:  # noqa: BLE001 - a stop must not fail because of it
            return None
        return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None

    return guarded
