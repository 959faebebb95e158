"""The id of the container that the process runs in, as far as the kernel shows it.

With version 1 of control groups it is the last word of a path in ``/proc/self/cgroup``. With version 2 that path is
``/``; the files that the container engine mounts over ``/etc/hostname`` and the like come from a folder that has the id
for its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from polymeter.resource.reading import text_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["container_of"]

_ID: Final = re.compile(r"(?:^|[^0-9a-f])([0-9a-f]{64}|[0-9a-f]{32}-[0-9]{8,12})(?:\.scope)?$")
"""64 hexadecimal digits, perhaps as ``docker-<id>.scope``; on Amazon ECS 32 of them and a number."""
_MOUNTED: Final = re.compile(r"/([0-9a-f]{64})/\S*")
_OVER: Final = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})


def container_of(root: Path | None = None) -> dict[str, str | int]:
    """Give ``container.id``, or nothing outside of a container."""
    found = _of_version_1(text_of("proc/self/cgroup", root)) or _of_version_2(text_of("proc/self/mountinfo", root))
    return {"container.id": found} if found else {}


def _of_version_1(text: str) -> str:
    for line in text.splitlines():
        match = _ID.search(line)
        if match:
            return match[1]
    return ""


def _of_version_2(text: str) -> str:
    for line in text.splitlines():
        parts = line.split(" ")  # id, parent, device, root of the mount, where it is mounted, ...
        if len(parts) > 4 and parts[4] in _OVER:  # noqa: PLR2004
            match = _MOUNTED.search(parts[3])
            if match:
                return match[1]
    return ""
