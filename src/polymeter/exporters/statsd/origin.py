"""From which container this comes, as DogStatsD's origin detection wants to know it (field ``c:``).

Rules of its specification: the id of the container if the process sees the host's cgroups, else the inode of its own
cgroup, by which an agent on the same host finds the container.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["container_field"]

_HOST_NAMESPACE: Final = 0xEFFFFFFB
"""Inode of the host's cgroup namespace: a constant of Linux (``PROC_CGROUP_INIT_INO``)."""
_CONTAINER: Final = re.compile(
    r"([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32}-\d+)"
    r"(?:\.scope)?$"
)
_ROOTS: Final = 2
"""Inodes up to this one are no cgroup of a container."""


def container_field(proc: Path = Path("/proc/self"), mount: Path = Path("/sys/fs/cgroup")) -> str:
    """Give ``ci-ID`` or ``in-INODE``; empty where there is neither.

    :param proc: of this process.
    :param mount: where cgroups are mounted.
    """
    with suppress(OSError, ValueError):
        entries = [line.split(":", 2) for line in (proc / "cgroup").read_text("utf-8", "replace").splitlines()]
        paths = {entry[1]: entry[2] for entry in entries if len(entry) == 3}  # noqa: PLR2004 - number:controllers:path
        if _sees_the_host(proc):
            found = [match[1] for _, _, path in entries if (match := _CONTAINER.search(path))]
            return f"ci-{found[0]}" if found else ""
        for controller in ("memory", ""):
            if controller in paths:
                inode = (mount / controller / paths[controller].lstrip("/")).stat().st_ino
                if inode > _ROOTS:
                    return f"in-{inode}"
    return ""


def _sees_the_host(proc: Path) -> bool:
    with suppress(OSError):
        return (proc / "ns" / "cgroup").stat().st_ino == _HOST_NAMESPACE
    return False
