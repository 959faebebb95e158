"""Texts that a variable or a file of its own says, and that stand for whatever type is wanted."""

from __future__ import annotations

from typing import Final

from polymeter.configuration.shapes import is_table

__all__ = ["Said", "origin_of", "yes_or_no"]

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Said(str):
    """A text that a variable or a file of its own says; it stands for whatever type is wanted in its place.

    :ivar origin: that variable or file.
    :ivar is_reference: whether the configuration only refers to it, as with ``{ env = "NAME" }``.
    """

    __slots__ = ("is_reference", "origin")

    origin: str
    is_reference: bool

    @classmethod
    def by(cls, text: str, origin: str, *, is_reference: bool = False) -> Said:
        """Make one."""
        said = cls(text)
        said.origin = origin
        said.is_reference = is_reference
        return said


def yes_or_no(text: str) -> bool | None:
    """Give what a text says of a switch; ``None`` if it says neither."""
    word = text.strip().lower()
    return True if word in _YES else False if word in _NO else None


def origin_of(value: object) -> str | None:
    """Give the variable that says a value, or all of a table; ``None`` if anything of it stands in a file."""
    if isinstance(value, Said):
        return value.origin
    if not is_table(value) or not value:
        return None
    origins = [origin_of(inner) for inner in value.values()]
    return None if None in origins else origins[0]
