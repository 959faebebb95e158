"""The process, without its command line: that may hold secrets."""

from __future__ import annotations

import os
import sys
from pathlib import PurePath

__all__ = ["process"]


def process() -> dict[str, str | int]:
    """Give ``process.pid``, the name of its executable, and name and version of the Python that runs it."""
    found: dict[str, str | int] = {
        "process.pid": os.getpid(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(map(str, sys.implementation.version[:3])),
    }
    if sys.executable:  # None where Python is embedded
        found["process.executable.name"] = PurePath(sys.executable).name
    return found
