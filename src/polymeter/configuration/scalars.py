"""Forms without parts: what a number, a text, a path and the like are in a configuration."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.configuration.loading import loaded
from polymeter.configuration.said import Said, yes_or_no

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.configuration.problems import Place

__all__ = ["ANYTHING", "BOOLEAN", "CALLABLE", "LOGGER", "NUMBER", "PATH", "STREAM", "TEXT", "WHOLE", "Scalar"]


@dataclass(frozen=True)
class Scalar:
    """A value without parts.

    :ivar convert: gives the value of one that came from TOML; raises ``ValueError`` if it is no such value.
    :ivar parse: the same of a text that a variable says.
    """

    expected: str
    type: str
    convert: Callable[[Any], Any]
    parse: Callable[[str], Any]

    def take(self, value: Any, place: Place, environ: Mapping[str, str]) -> Any:
        """Convert or parse."""
        del place, environ
        return self.parse(str(value)) if isinstance(value, Said) else self.convert(value)

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema."""
        return {"type": self.type} if self.type else {}


def _only(*types: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) not in types:
            raise ValueError
        return value

    return convert


def _switch(text: str) -> bool:
    answer = yes_or_no(text)
    if answer is None:
        raise ValueError
    return answer


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _stream(name: object) -> Any:
    if name not in {"stdout", "stderr"}:
        raise ValueError
    return getattr(sys, str(name))


def _logger(name: object) -> logging.Logger:
    if not isinstance(name, str):
        raise ValueError  # noqa: TRY004 - as for every other wrong value
    return logging.getLogger(name)


def _path(text: object) -> Path:
    if not isinstance(text, str | os.PathLike):
        raise ValueError  # noqa: TRY004 - as for every other wrong value
    return Path(cast("str", text))


def _called(reference: object) -> Any:
    if not isinstance(reference, str):
        raise ValueError  # noqa: TRY004 - as for every other wrong value
    return loaded(reference)


ANYTHING: Final = Scalar("anything", "", lambda value: value, str)
BOOLEAN: Final = Scalar("true or false", "boolean", _only(bool), _switch)
WHOLE: Final = Scalar("a whole number", "integer", _only(int), int)
NUMBER: Final = Scalar("a number", "number", _only(int, float), _number)
TEXT: Final = Scalar("a text", "string", _only(str), str)
PATH: Final = Scalar("a path", "string", _path, _path)
LOGGER: Final = Scalar("the name of a logger", "string", _logger, _logger)
STREAM: Final = Scalar("'stdout' or 'stderr'", "string", _stream, _stream)
CALLABLE: Final = Scalar("a function as 'package.module:name'", "string", _called, _called)
