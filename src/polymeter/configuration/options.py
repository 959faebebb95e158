"""The options of something that is called: its parameters, by name, with what a configuration may say for each."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polymeter.configuration.form_of import form_of
from polymeter.configuration.forms import Listing
from polymeter.configuration.scalars import ANYTHING
from polymeter.configuration.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polymeter.configuration.forms import Form

__all__ = ["Option", "Options", "options_of"]


@dataclass(frozen=True)
class Option:
    """One parameter.

    :ivar form: how its value is said; ``None`` if it takes code to say it.
    :ivar is_spread: whether it is given one by one (``*values``).
    """

    name: str
    form: Form | None
    is_required: bool
    is_spread: bool = False


@dataclass(frozen=True)
class Options:
    """All parameters.

    :ivar takes_any: whether other names are taken too, as they are said.
    """

    by_name: Mapping[str, Option]
    takes_any: bool = False

    @property
    def known(self) -> list[str]:
        """The names that a configuration can say."""
        return sorted(option.name for option in self.by_name.values() if option.form is not None)

    def find(self, key: str) -> Option | None:
        """Give what a key means: ``path`` means ``path_or_stream`` too."""
        key = key.replace("-", "_")
        longer = [each for name, each in self.by_name.items() if key in name.split("_or_")]
        return self.by_name.get(key) or (longer[0] if len(longer) == 1 else None)

    def without(self, *names: str) -> Options:
        """Give the others."""
        return Options({name: each for name, each in self.by_name.items() if name not in names}, self.takes_any)

    def call(self, target: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Call what these are the options of."""
        spread = [value for name, value in values.items() if name in self.by_name and self.by_name[name].is_spread]
        named = {
            name: value for name, value in values.items() if not (name in self.by_name and self.by_name[name].is_spread)
        }
        return target(*(each for value in spread for each in value), **named)


def options_of(called: Callable[..., Any]) -> Options:
    """Give the options of a class, a function or a method."""
    try:
        signature = _signature(called)
    except (ValueError, TypeError):  # written in C
        return Options({}, takes_any=True)
    scope = _scope_of(called)
    by_name: dict[str, Option] = {}
    for each in signature.parameters.values():
        form = ANYTHING if each.annotation is each.empty else form_of(each.annotation, scope)
        if each.kind is each.VAR_POSITIONAL:
            by_name[each.name] = Option(
                each.name, None if form is None else Listing(form), is_required=False, is_spread=True
            )
        elif each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}:
            by_name[each.name] = Option(each.name, form, is_required=each.default is each.empty)
    return Options(by_name, any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()))


def _signature(called: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # evaluated there when asked for, where names for type checkers are missing
        from annotationlib import Format

        return inspect.signature(called, annotation_format=Format.STRING)
    return inspect.signature(called)


def _scope_of(called: Any) -> Scope:
    """Give the scope that the annotations were written in."""
    function: Any = inspect.unwrap(getattr(called, "__init__", called) if isinstance(called, type) else called)
    written_in = getattr(function, "__module__", None)  # of an inherited constructor the base's; object has none
    return Scope(written_in or getattr(called, "__module__", "") or "")
