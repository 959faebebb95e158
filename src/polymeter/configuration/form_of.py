"""Which form a type has."""

from __future__ import annotations

import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from logging import Logger
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Union, cast, get_args, get_origin

from polymeter.configuration import forms, scalars
from polymeter.configuration.scopes import is_unknown
from polymeter.exporters.appending import TextTarget

if TYPE_CHECKING:
    from polymeter.configuration.forms import Form
    from polymeter.configuration.scopes import Scope

__all__ = ["form_of"]

_SIMPLE: Final[dict[Any, Form]] = {
    Any: scalars.ANYTHING,
    object: scalars.ANYTHING,
    bool: scalars.BOOLEAN,
    int: scalars.WHOLE,
    float: scalars.NUMBER,
    str: scalars.TEXT,
    Path: scalars.PATH,
    os.PathLike: scalars.PATH,
    Logger: scalars.LOGGER,
    TextTarget: scalars.STREAM,
    Callable: scalars.CALLABLE,
}
_LISTS: Final[Mapping[Any, Callable[[list[Any]], Any]]] = {list: list, tuple: tuple, set: set, frozenset: frozenset}
_OF_TEXT: Final = (scalars.TEXT, scalars.PATH, scalars.LOGGER, scalars.STREAM, scalars.CALLABLE)
"""Forms of text: of a union only the first of these counts, since a plain text leaves nothing to the others."""


def form_of(annotation: Any, scope: Scope) -> Form | None:
    """Give the form of a type; ``None`` if no value of it can be said in a file.

    :param scope: where the annotation was written.
    """
    hint = scope.meaning_of(annotation)
    origin: Any = get_origin(hint) or hint
    arguments = get_args(hint)
    if origin in {Union, types.UnionType}:
        return _filter(hint) or _one_of([form_of(each, scope) for each in arguments if each is not types.NoneType])
    if origin is Literal:
        return forms.Choice({each: each for each in arguments if each is not None})
    if origin is typing.Annotated or origin is typing.Final:
        return form_of(arguments[0], scope)
    inner = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)  # NewType, type X = ...
    if inner is not None and not isinstance(hint, type):
        return form_of(inner, scope)
    if is_unknown(origin) or not isinstance(origin, type | typing.Hashable):
        return None
    return _SIMPLE.get(origin) or (
        _of_class(cast("type[Any]", origin), arguments, scope) if isinstance(origin, type) else None
    )


def _filter(hint: object) -> Form | None:
    """Give the form of a filter, if the type is that of filters: a union, which some annotation has asked for then."""
    protocols = sys.modules.get("polymeter.registries.filters.protocols")
    if protocols is None or hint != protocols.MetricFilter:
        return None
    from polymeter.configuration.filters import FILTER  # whose options have forms as well

    return FILTER


def _of_class(origin: type[Any], arguments: tuple[Any, ...], scope: Scope) -> Form | None:
    if issubclass(origin, Enum):
        return forms.Choice({each.value: each for each in origin}) if len(origin) else None
    if issubclass(origin, bytes | bytearray):
        return None
    if issubclass(origin, Mapping):
        of = form_of(arguments[1], scope) if arguments else scalars.ANYTHING
        return None if of is None else forms.Table(of)
    if origin in _LISTS or (inspect.isabstract(origin) and issubclass(origin, Iterable)):
        of = form_of(arguments[0], scope) if arguments else scalars.ANYTHING
        return None if of is None else forms.Listing(of, _LISTS.get(origin, tuple))
    from polymeter.configuration.built import built

    return built(origin)


def _one_of(found: list[Form | None]) -> Form | None:
    """Give the form of a union, of what can be said of it: text last, because a variable says nothing but text."""
    some: list[Form] = []
    for form in found:
        if form is not None and form not in some:
            some.append(form)
    if scalars.ANYTHING in some:
        return scalars.ANYTHING
    texts = [form for form in _OF_TEXT if form in some]
    some = [*(form for form in some if form not in _OF_TEXT), *texts[:1]]
    return forms.OneOf(tuple(some)) if len(some) > 1 else next(iter(some), None)
