"""Patterns: which names are meant."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.value import Immutable, Value
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EVERYTHING", "Patterns", "checked_text"]

_WILD: Final = re.compile(r"[*?\[]")
_RESERVED: Final = "polymeter."


class Patterns(Value, Immutable):
    """Names and globs: ``http.requests`` is that name alone, ``http.*`` all that begin with ``http.``.

    ``*`` is any text, ``?`` one character, ``[ab]`` one of these; upper and lower case differ.

    :ivar texts: the patterns, as they were given.
    """

    __slots__ = ("_exact", "_glob", "texts")
    __match_args__ = ("texts",)

    texts: tuple[str, ...]
    _exact: frozenset[str]
    _glob: re.Pattern[str] | None

    def __init__(self, texts: tuple[str, ...]) -> None:
        put = object.__setattr__
        globs = [text for text in texts if _WILD.search(text)]
        put(self, "texts", texts)
        put(self, "_exact", frozenset(texts) - frozenset(globs))
        put(self, "_glob", re.compile("|".join(map(translate, globs))) if globs else None)

    @classmethod
    def of_metrics(cls, given: str | Iterable[str], whose: str) -> Patterns:
        """Give patterns of metric names.

        :param whose: the filter that they are of, for the error.
        :raises DefinitionError: for none, for one that is no text, and for names that no filter ever sees.
        """
        made = cls.of(given, whose)
        for text in made.texts:
            if text.startswith(_RESERVED):
                message = f"{whose}: {text!r} names metrics of Polymeter itself, which are not filtered"
                raise DefinitionError(message)
        return made

    @classmethod
    def of(cls, given: str | Iterable[str], whose: str) -> Patterns:
        """Give patterns of any names.

        :raises DefinitionError: for none, or for one that is no text.
        """
        try:
            texts: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given)
        except TypeError:
            texts = ()
        if not texts:
            message = f"{whose}: {given!r} names nothing: give a name, or a pattern such as 'http.*'"
            raise DefinitionError(message)
        for text in texts:
            checked_text(text, "pattern", whose)
        try:
            return cls(texts)
        except re.error as error:
            message = f"{whose}: {given!r} is no pattern: {error}"
            raise DefinitionError(message) from None

    def match(self, name: str) -> bool:
        """Tell whether ``name`` is meant."""
        return name in self._exact or (self._glob is not None and self._glob.match(name) is not None)

    def __repr__(self) -> str:
        return ", ".join(map(repr, self.texts))


def checked_text(text: object, what: str, whose: str) -> str:
    """Give a text that names something.

    :raises DefinitionError: unless it is a non-empty ``str``.
    """
    if isinstance(text, str) and text:
        return text
    message = f"{whose}: the {what} {text!r} is not a non-empty str"
    raise DefinitionError(message)


EVERYTHING: Final = Patterns(("*",))
"""Every name."""
