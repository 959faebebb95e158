"""Small files of the system, which may not be there."""

from __future__ import annotations

from pathlib import Path

__all__ = ["text_of"]

_MOST = 1 << 20


def text_of(path: str, root: Path | None = None) -> str:
    """Give the text of a file, at most 1 MB of it; empty if it cannot be read.

    :param path: below ``root``, without a leading slash.
    :param root: where the file system begins; default: ``/``.
    """
    try:
        with ((root or Path("/")) / path).open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""
