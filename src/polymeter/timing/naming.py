"""What timed code is called, and the tags that it may have."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from polymeter.events.timing import TagPairs

__all__ = ["TagMapping", "TagsOf", "TagsOrCallable", "checked_name", "checked_tags", "name_of", "pairs_of"]

TagMapping: TypeAlias = Mapping[str, str | int | float | bool | Enum | None]
TagsOf: TypeAlias = Callable[..., TagMapping]
"""Takes the arguments of a call, gives its tags."""

TagsOrCallable: TypeAlias = TagMapping | TagsOf
"""Tags, or what takes the arguments of each call and gives its tags."""

_RESERVED: Final = frozenset({"outcome", "error_type"})


def name_of(function: object) -> str:
    """Give the qualified name of something: ``shop.orders.Orders.place``; without its module in ``__main__``."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)  # of a static or a class method
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(named, "__module__", None)
    words = named.__qualname__.replace("<locals>.", "").replace("<lambda>", "lambda")
    return words if module in {None, "__main__", "builtins"} else f"{module}.{words}"


def checked_name(name: object, what: str) -> str:
    """Give ``name``.

    :param what: what is declared, for the error.
    :raises DefinitionError: unless it is a text with something in it.
    """
    if not isinstance(name, str) or not name.strip():
        message = f"{what}: {name!r} is no name; give one as in {what}('orders.place_ms')"
        raise DefinitionError(message)
    return name


def checked_tags(tags: Any, what: str) -> tuple[TagPairs, TagsOf | None]:
    """Give the tags that are known by now, and what gives those of each call.

    :raises DefinitionError: for what is neither, and for names and values that no tag has.
    """
    if tags is None:
        return (), None
    if _is_mapping(tags):
        return pairs_of(tags, what), None
    if hasattr(tags, "__call__"):  # noqa: B004 - callable() would tell the type checkers too much
        return (), tags
    message = f"{what}: tags={tags!r} is neither a mapping nor a callable that takes the arguments and gives one"
    raise DefinitionError(message)


def pairs_of(tags: TagMapping, what: str) -> TagPairs:
    """Give tags as an event carries them.

    :raises DefinitionError: for names and values that no tag has.
    """
    return tuple([(_checked_key(key, what), _plain(key, value, what)) for key, value in tags.items()])


def _is_mapping(tags: object) -> bool:
    return isinstance(tags, Mapping)


def _checked_key(key: object, what: str) -> str:
    if not isinstance(key, str) or not key:
        message = f"{what}: {key!r} is no name of a tag; use a str"
        raise DefinitionError(message)
    if key in _RESERVED:
        message = f"{what}: the tag {key!r} is said by itself; use another name"
        raise DefinitionError(message)
    return key


def _plain(key: str, value: object, what: str) -> str | int | float | bool:
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return "unknown"
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    message = (
        f"{what}: the tag {key!r} has a value of type {type(value).__name__}: use str, int, bool, a finite float, an "
        "enum of those, or None"
    )
    raise DefinitionError(message)
