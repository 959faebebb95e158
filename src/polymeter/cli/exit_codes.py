"""What the exit codes of ``polymeter`` mean, beside 0 for success."""

from __future__ import annotations

from typing import Final

__all__ = ["CANNOT_START", "INTERRUPTED", "WRONG"]

WRONG: Final = 1
"""It ran, and the result is not as it should be."""
CANNOT_START: Final = 2
"""It could not begin: wrong options, a port that is taken, a library that is missing."""
INTERRUPTED: Final = 130
"""Ctrl-C ended it, in the words of shells."""
