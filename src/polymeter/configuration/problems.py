"""What is wrong with a configuration: all of it at once, each with its place."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Place", "Problems", "joined", "near"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class Problems:
    """Collects what is wrong, in the order in which it was found."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, origin: str, path: tuple[str, ...], text: str) -> None:
        """Note a problem.

        :param origin: the file or the variable.
        :param path: the key's full path; empty for all of it.
        """
        self._lines.append(f"{origin}: {joined(path)}: {text}" if path else f"{origin}: {text}")

    def raise_them(self) -> None:
        """Raise all of them as one.

        :raises DefinitionError: if there is any.
        """
        if len(self._lines) == 1:
            raise DefinitionError(self._lines[0])
        if self._lines:
            message = "\n  ".join([f"{len(self._lines)} problems:", *self._lines])
            raise DefinitionError(message)


class Place(NamedTuple):
    """Where in a configuration something stands.

    :ivar origin: the file or the variable that says it.
    :ivar path: the keys that lead to it.
    """

    problems: Problems
    origin: str
    path: tuple[str, ...] = ()

    def at(self, key: str) -> Place:
        """Give the place of a key below this one."""
        return self._replace(path=(*self.path, key))

    def said_by(self, origin: str) -> Place:
        """Give the same place in another file or variable."""
        return self._replace(origin=origin)

    def problem(self, text: str) -> None:
        """Note what is wrong here."""
        self.problems.add(self.origin, self.path, text)

    def unknown(self, what: str, name: str, known: Iterable[str], more: str = "") -> None:
        """Note a name that nothing here has.

        :param more: what else there could be.
        """
        self.problem(f"{what}{near(name, known, more)}")

    def __str__(self) -> str:
        return f"{self.origin}: {joined(self.path)}" if self.path else self.origin


def near(name: str, known: Iterable[str], more: str = "") -> str:
    """Give the nearest of the known names, and all of them, as the rest of a sentence."""
    names = sorted(known)
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.65)
    hint = f": did you mean {found[0]!r}?" if found else ";"
    return f"{hint} known: {', '.join([*names, *([more] if more else [])]) or 'none'}"


def joined(path: Iterable[str]) -> str:
    """Write a path as TOML would."""
    return ".".join(key if _BARE.fullmatch(key) else f'"{key}"' for key in path)
