"""Locks on open files, which the kernel frees when their holder is no more, however it ends.

Those of ``flock`` belong to an open file. Those of POSIX belong to a process and a file, and are lost when the process
closes *any* descriptor of that file.
"""

from __future__ import annotations

import importlib.util
import os
from _thread import RLock
from contextlib import suppress
from typing import Final

__all__ = ["are_there", "is_free", "lock_alone", "lock_together", "opening"]

_PATIENCE: Final = 1.0

opening = RLock()
"""A fork waits for it. Who opens a file to lock it does so, and keeps the descriptor, with this one taken: the child of
a fork, which shares the lock, then knows what it has to close."""


def _before_fork() -> None:
    opening.acquire(timeout=_PATIENCE)  # a file system may hang


def _after_fork() -> None:
    with suppress(RuntimeError):  # it was not to be had
        opening.release()


def _after_fork_in_child() -> None:
    global opening  # noqa: PLW0603 - whoever holds the other one may not exist here
    opening = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


def are_there() -> bool:
    """Tell whether this system has such locks: Windows has none."""
    return importlib.util.find_spec("fcntl") is not None


def lock_alone(descriptor: int) -> bool:
    """Lock an open file for whoever shares it, unless somebody else has; tell whether that came about.

    :raises OSError: if the file system has no locks.
    """
    import fcntl

    return _lock(descriptor, fcntl.LOCK_EX)


def lock_together(descriptor: int) -> bool:
    """Lock an open file as others may too, unless somebody has it alone; tell whether that came about.

    :raises OSError: if the file system has no locks.
    """
    import fcntl

    return _lock(descriptor, fcntl.LOCK_SH)


def is_free(descriptor: int) -> bool:
    """Tell whether nobody holds an open file alone. Several may ask at once.

    :raises OSError: if the file system has no locks.
    """
    import fcntl

    if not lock_together(descriptor):
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _lock(descriptor: int, how: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
