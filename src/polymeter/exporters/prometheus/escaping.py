"""Escaping schemes: how a name that Prometheus could not always take is written for the one who asks.

A scraper says in its ``Accept`` header which scheme it wants. ``underscores`` loses what it replaces; ``dots`` and
``values`` can be undone; ``allow-utf-8`` changes nothing, and a name that is not legal stands in quotes.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Escaping", "is_legal", "utf8"]

_LEGAL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class Escaping(StrEnum):
    """The schemes, as they are called in an ``Accept`` header."""

    UNDERSCORES = "underscores"
    DOTS = "dots"
    VALUES = "values"
    ALLOW_UTF_8 = "allow-utf-8"

    def escape(self, name: str) -> str:
        """Give ``name``, which is not empty, as this scheme writes it (quotes are not part of that)."""
        return _escaped(self, name)


@lru_cache(maxsize=4096)
def _escaped(scheme: Escaping, name: str) -> str:
    return _SCHEMES[scheme](utf8(name))


def is_legal(name: str) -> bool:
    """Tell whether every Prometheus can take ``name`` as it is."""
    return _LEGAL.fullmatch(name) is not None


def utf8(text: str) -> str:
    """Give ``text`` as it can be written: a lone surrogate has no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _underscores(name: str) -> str:
    return "".join(letter if _is_legal_at(place, letter) else "_" for place, letter in enumerate(name))


def _dots(name: str) -> str:
    return "".join(
        "_dot_" if letter == "." else letter if letter != "_" and _is_legal_at(place, letter) else "__"
        for place, letter in enumerate(name)
    )


def _values(name: str) -> str:
    if is_legal(name):
        return name
    return "U__" + "".join(
        "__" if letter == "_" else letter if _is_legal_at(place, letter) else f"_{ord(letter):x}_"
        for place, letter in enumerate(name)
    )


def _is_legal_at(place: int, letter: str) -> bool:
    return letter.isascii() and (letter.isalpha() or letter == "_" or (letter.isdigit() and place > 0))


_SCHEMES: Final[dict[Escaping, Callable[[str], str]]] = {
    Escaping.UNDERSCORES: _underscores,
    Escaping.DOTS: _dots,
    Escaping.VALUES: _values,
    Escaping.ALLOW_UTF_8: lambda name: name,
}
