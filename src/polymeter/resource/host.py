"""The machine."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from polymeter.resource.reading import text_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["host"]

_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv6l": "arm32",
    "armv7l": "arm32",
    "i386": "x86",
    "i686": "x86",
    "x86": "x86",
    "ia64": "ia64",
    "ppc": "ppc32",
    "ppc64": "ppc64",
    "ppc64le": "ppc64",
    "s390x": "s390x",
}
"""What the operating system says -> what the conventions have."""

_IDS: Final = ("etc/machine-id", "var/lib/dbus/machine-id")


def host(root: Path | None = None) -> dict[str, str | int]:
    """Give ``host.name``, ``host.arch`` and ``host.id``, each if it can be had."""
    machine = platform.machine().lower()
    found = {
        "host.name": platform.node(),
        "host.arch": _ARCHITECTURES.get(machine, machine),
        "host.id": next(filter(None, (text_of(path, root).strip() for path in _IDS)), ""),
    }
    return {name: text for name, text in found.items() if text}
