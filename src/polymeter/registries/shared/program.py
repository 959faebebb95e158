"""Program: what has started the processes of an app, which goes on while none of them lives.

A server that imports the app in its workers alone, and replaces them every so often, may have none for a moment. That
is no new start of the app. Its workers are told from processes that somebody starts one after the other by how they
came about: they are forks of the server, or ``multiprocessing`` has started them.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Final

__all__ = ["SIZE", "program"]

_PROC: Final = Path("/proc")
_ID: Final = struct.Struct("<QQ36s")
_MOST: Final = 20
SIZE: Final = _ID.size


def program() -> bytes | None:
    """Give what tells the program whose worker this process is from all others, those before it included.

    :return: :data:`SIZE` bytes; ``None`` if this process is nobody's worker, or the system does not say. Linux does.
    """
    try:
        server = _server()
        if server is None:
            return None
        boot = (_PROC / "sys/kernel/random/boot_id").read_bytes().strip()
        return _ID.pack(server, int(_stat(server)[19]), boot)  # when it began: process ids come again
    except (OSError, ValueError, IndexError, struct.error):
        return None


def _server() -> int | None:
    """Give the process that is no fork itself and from which this one came."""
    found = None
    of_multiprocessing = _parent_by_multiprocessing()
    if of_multiprocessing is not None:
        found = of_multiprocessing
    process = found or os.getpid()
    for _ in range(_MOST):
        parent = int(_stat(process)[1])
        if parent <= 0 or not _is_fork(process, parent):
            break
        found = process = parent
    return found


def _parent_by_multiprocessing() -> int | None:
    module = sys.modules.get("multiprocessing.process")
    parent = None if module is None else module.parent_process()
    return None if parent is None else parent.pid


def _is_fork(process: int, parent: int) -> bool:
    """Tell whether a process runs what its parent runs: what the kernel says at a program's start is the same then.

    That has addresses which are another chance for each program. A process of another user's says nothing.
    """
    try:
        return (_PROC / f"{process}/auxv").read_bytes() == (_PROC / f"{parent}/auxv").read_bytes()
    except PermissionError:
        return False


def _stat(process: int) -> list[bytes]:
    """Give what is said of a process after its name, which may have any bytes: state, parent, ..."""
    return (_PROC / f"{process}/stat").read_bytes().rpartition(b") ")[2].split()
