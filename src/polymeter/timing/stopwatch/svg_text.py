"""How wide a text is, without a font: as wide as the usual ones make it."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["fitted", "width_of"]

_USUAL: Final = 6.6
_NARROW: Final = frozenset("ijlt.,:;|!'()[]frI ")


def width_of(text: str) -> float:
    """Give pixels, at 12 pixels per line, rather too many than too few."""
    return sum(_width_of(each) for each in text)


def fitted(text: str, room: float) -> str:
    """Give as much of ``text`` as there is room for, with a mark if that is not all."""
    if width_of(text) <= room:
        return text
    kept = ""
    left = room - 12
    for each in text:
        left -= _width_of(each)
        if left < 0:
            break
        kept += each
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def _width_of(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 12.5
    if character in _NARROW:
        return 4.2
    return 9.5 if character in "mwMW@%" else 8.2 if character.isupper() else _USUAL
