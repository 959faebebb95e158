"""Which version of Polymeter this is."""

from __future__ import annotations

from functools import cache

__all__ = ["version"]


@cache
def version() -> str:
    """Give the version; empty if the package was copied, not installed."""
    from importlib import metadata  # only where something is sent

    try:
        return metadata.version("polymeter")
    except metadata.PackageNotFoundError:
        return ""
